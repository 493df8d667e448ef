//! What is chosen of a file of several environments.

use imgbuild_document::Origin;

/// What is chosen from a file that holds more than one environment: words, and where they were written.
#[derive(Debug, Default)]
pub struct Choice {
    /// The environment of a lock of pixi.
    pub environment: Option<(String, Origin)>,
    /// The platform of a lock of pixi.
    pub platform: Option<(String, Origin)>,
    /// The categories of a lock of conda-lock.
    pub categories: Option<Vec<(String, Origin)>>,
}
