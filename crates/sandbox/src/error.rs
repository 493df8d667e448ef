//! Why something cannot be run.

/// Why something cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Not there yet.
    #[error("this version of imgbuild cannot run anything yet")]
    Unfinished,
}
