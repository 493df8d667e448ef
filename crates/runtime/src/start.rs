//! How an image's programs are started.

use crate::Variables;

/// Where the program stands that activates the environment for the entrypoint.
pub(crate) const ACTIVATE: &str = "/usr/local/bin/imgbuild-activate";

/// The entrypoint and the command of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// What always runs.
    pub entrypoint: Vec<String>,
    /// What runs unless the user says otherwise.
    pub cmd: Vec<String>,
}

/// The entrypoint and command that an image has unless the spec names others. With a base, `tini` is process 1: it
/// reaps and forwards signals. What variables cannot say is activated before the command runs.
pub fn start(has_base: bool, variables: &Variables) -> Start {
    if !has_base {
        return Start::default();
    }
    let mut entrypoint = vec!["/usr/bin/tini", "--"];
    if !variables.dynamic.is_empty() {
        entrypoint.push(ACTIVATE);
    }
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    Start { entrypoint: owned(entrypoint), cmd: owned(vec!["/bin/bash"]) }
}
