//! The environment that an image activates.

use imgbuild_archive::ImagePath;
use imgbuild_lock::{CondaPackage, CondaSet, LockedVariant};

/// A conda environment, with its packages in topological order.
pub(crate) type CondaEnvironment<'a> = (&'a CondaSet, &'a [&'a CondaPackage]);

/// The environment that an image activates, and where what changes environments is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment<'a> {
    /// Conda's.
    pub(crate) conda: Option<CondaEnvironment<'a>>,
    /// The one in the prefix itself, where it is not that.
    pub(crate) root: Option<CondaEnvironment<'a>>,
    /// One of Python's own, whose commands come before all others.
    pub(crate) virtual_environment: Option<&'a ImagePath>,
}

impl<'a> Environment<'a> {
    /// The default one of a locked variant.
    pub fn default_of(locked: &'a LockedVariant<'_>) -> Self {
        let conda = locked.conda.as_ref().map(|conda| (conda.set, conda.packages.as_slice()));
        let wheels = locked.pypi.as_ref().map(|pypi| &pypi.set.prefix);
        let others = locked.environments.iter().filter_map(|it| it.conda.as_ref());
        let root = others.map(|conda| (conda.set, conda.packages.as_slice()));
        Self {
            conda,
            root: root.into_iter().find(|(set, _)| set.root_prefix.is_none()),
            virtual_environment: wheels.filter(|prefix| conda.is_none_or(|(set, _)| set.prefix != **prefix)),
        }
    }

    /// The environment in whose prefix programs are that change environments, if there are any.
    pub(crate) fn managing(&self) -> Option<CondaEnvironment<'a>> {
        self.root.or(self.conda)
    }
}
