//! Whether a build has its threads. Whoever finds out that it has not can do nothing else any more.

use miette::Diagnostic;

use crate::finding::{Area, Finding};

/// That not even as many threads can be made as a build needs: then no other look is had.
pub fn too_few(error: &dyn Diagnostic) -> Finding {
    Finding::of(Area::Machine, "threads", error).needed()
}
