//! What packages become in an image.

use imgbuild_layer::{Parents, Source};
use imgbuild_lock::{Archive, ExcludedPath};
use imgbuild_python::Target;

use crate::execution::Execution;
use crate::image_python::ImagePython;

/// What packages become in an image.
#[derive(Default)]
pub struct Ingredients {
    /// What writes their files, in the order of their parts, with the archives that each reads.
    pub sources: Vec<(Box<dyn Source>, Vec<Archive>)>,
    /// The folders among them that are not like others.
    pub parents: Parents,
    /// The paths that some of them leave to others.
    pub excluded: Vec<ExcludedPath>,
    /// What was run to have their archives, for the build's report.
    pub executions: Vec<Execution>,
    /// The Python that they bring: that of whatever stands on them.
    pub python: Option<ImagePython>,
    /// The Python that has modules among them, and where these are.
    pub target: Option<Target>,
}

impl Ingredients {
    /// Adds what writes files, with the archives that it reads.
    pub fn add(&mut self, source: Box<dyn Source>, archives: Vec<Archive>) {
        self.sources.push((source, archives));
    }
}
