//! The tarball: unpacked below `/usr/local` or `~/.local`, everything is in its place.

use std::path::Path;
use std::process::Command;

use super::commands;
use super::error::DistError;
use super::release::{Release, VERSION};

pub(super) fn make(release: &Release<'_>, folder: &Path) -> Result<(), DistError> {
    let name = format!("imgbuild-{VERSION}-{}-linux", release.machine.name);
    for entry in release.tree.entries() {
        entry.write(&folder.join(&name))?;
    }
    let mut tar = Command::new("tar");
    tar.args(["--create", "--format=ustar", "--sort=name", "--mtime=@0", "--mode=u+w,go-w"]);
    tar.args(["--owner=0", "--group=0", "--numeric-owner"]);
    let level = if release.quick { "--fast" } else { "--best" };
    tar.arg(format!("--use-compress-program=gzip --no-name {level}"));
    tar.arg("--file").arg(release.output.join(format!("{name}.tar.gz")));
    commands::run(tar.arg("--directory").arg(folder).arg(&name))
}
