//! What an environment is to hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use imgbuild_document::{Note, Origin, Requirement, VariableName};

use crate::channel::Channel;
use crate::locked::OtherLock;
use crate::name::EnvironmentName;

/// What a file says of an environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Its name.
    pub name: Option<EnvironmentName>,
    /// Without `nodefaults`: only the channels that are named are ever used.
    pub channels: Vec<Channel>,
    /// Whether it has `nodefaults`: conda too would use no others.
    pub no_defaults: bool,
    /// The packages that are asked for.
    pub requirements: Vec<Requirement>,
    /// The variables that it sets.
    pub variables: BTreeMap<VariableName, String>,
    /// The packages, where they are locked already.
    pub locked: Option<OtherLock>,
    /// What pip is to install, where it says anything of it.
    pub pip: Option<PipPart>,
    /// What a person should know of the file.
    pub notes: Vec<Note>,
}

/// What a file that `env` names has for pip.
#[derive(Debug, Clone)]
pub enum PipPart {
    /// Lines of a requirements file, and the file that they stand in, beside the spec.
    Lines(Vec<Requirement>, PathBuf),
    /// The file itself, by its name beside the spec, and where it was named.
    File(String, Origin),
}

impl Environment {
    pub(crate) fn locked(lock: OtherLock, channels: Vec<Channel>) -> Self {
        Self { channels, locked: Some(lock), ..Self::default() }
    }

    /// The first line for pip of an environment file.
    pub fn pip_part(&self) -> Option<Origin> {
        match &self.pip {
            Some(PipPart::Lines(lines, _)) => lines.first().map(|line| line.origin.clone()),
            _ => None,
        }
    }

    /// Whether it says anything of conda's packages; one for pip alone makes no conda environment.
    pub fn is_of_conda(&self) -> bool {
        let nothing = self.requirements.is_empty() && self.variables.is_empty() && self.locked.is_none();
        !nothing || self.pip.is_none()
    }
}
