//! The conda package, made by rattler-build of `xtask/dist/recipe.yaml`.

use super::commands;
use std::path::Path;

use super::error::DistError;
use super::release::{MOMENT, Release, VERSION};
use crate::channel;

pub(super) fn make(release: &Release<'_>, folder: &Path) -> Result<(), DistError> {
    let tools = channel::tools(release.workspace)?;
    for entry in release.tree.entries() {
        entry.write(&folder.join("tree"))?;
    }
    let machine = release.machine;
    let mut build = tools.command();
    build.arg(release.workspace.join("xtask/dist/conda.py")).args([machine.conda, VERSION, machine.name]);
    build.args([if release.quick { "1" } else { "19" }]);
    build.arg(folder).arg(release.output).env("SOURCE_DATE_EPOCH", MOMENT);
    commands::quiet(&mut build)
}
