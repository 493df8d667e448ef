//! Layers that are made by running something, in the layers that are there already.

use layer::{EntrySink, Part, Role};
use store::LayerRecord;

use crate::{BuildError, Context};

/// A layer that holds what a command changed. Its part has a role that no source has, so that it stands alone.
pub(crate) trait Derived: Send + Sync {
    /// The part that it is. Its recipe covers everything that the layer depends on, known from the lock: the recipes of
    /// what it stands on as well, and not their layers' keys, because how packages are grouped changes nothing here.
    fn part(&self) -> &Part;

    /// Whether the layers of this role are there when it is made.
    fn stands_on(&self, role: Role) -> bool;

    /// What is run, for the build's report: the same whether the layer is made or comes from the store.
    fn execution(&self) -> Execution;

    /// Runs it, and gives the entries of the layer. `below` are the layers that it stands on, the lowest first. It may
    /// block.
    ///
    /// # Errors
    ///
    /// When nothing can be run here, or what is run fails.
    fn write(
        &self,
        below: &[LayerRecord],
        context: &Context,
        sink: &mut dyn EntrySink,
    ) -> Result<(), BuildError>;
}

/// Something that was run in the sandbox, now or when its layer was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What ran, such as `maintainer scripts, by dpkg`.
    pub what: String,
    /// Whose it was: packages, or a command.
    pub of: Vec<String>,
}
