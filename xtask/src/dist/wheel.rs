//! The wheel: what maturin would make of `pyproject.toml`, with the program that is there.

use std::path::Path;
use std::process::Command;

use super::commands;
use super::error::DistError;
use super::release::{MOMENT, Release, VERSION};
use crate::tools::Tools;

/// What Python's installers find it by. A static program asks for no libc, so that both families of systems may have it, from
/// the oldest of which each has a name.
fn tags(machine: &str) -> [String; 2] {
    ["manylinux_2_17", "musllinux_1_1"].map(|system| format!("py3-none-{system}_{machine}"))
}

pub(super) fn make(release: &Release<'_>, folder: &Path) -> Result<(), DistError> {
    let tools = tools(release.workspace)?;
    // What is said of the package, as maturin says it, which compiles nothing for that.
    let mut maturin = tools.program("maturin");
    maturin.args(["pep517", "write-dist-info", "--metadata-directory"]).arg(folder);
    commands::quiet(maturin.current_dir(release.workspace))?;
    let info = folder.join(format!("imgbuild-{VERSION}.dist-info"));
    let mut wheel = "Wheel-Version: 1.0\nGenerator: imgbuild\nRoot-Is-Purelib: false\n".to_owned();
    tags(release.machine.name).iter().for_each(|tag| wheel.push_str(&format!("Tag: {tag}\n")));
    fs_err::write(info.join("WHEEL"), wheel)?;
    for mut entry in release.tree.entries() {
        entry.path = match entry.path.strip_prefix("bin/") {
            Some(name) => format!("imgbuild-{VERSION}.data/scripts/{name}"),
            None if entry.path.ends_with("/THIRD-PARTY") => {
                format!("imgbuild-{VERSION}.dist-info/licenses/THIRD-PARTY")
            }
            // Below the prefix, where man and shells find it in an environment that is active.
            None if !entry.path.starts_with("share/doc/") => {
                format!("imgbuild-{VERSION}.data/data/{}", entry.path)
            }
            None => continue,
        };
        entry.write(folder)?;
    }
    pack(&tools, folder, release.output)
}

/// Makes a wheel of its unpacked form, with its `RECORD`.
fn pack(tools: &Tools, folder: &Path, output: &Path) -> Result<(), DistError> {
    let mut pack: Command = tools.command();
    pack.args(["-m", "wheel", "pack", "--dest-dir"]).arg(output).arg(folder);
    commands::quiet(pack.env("SOURCE_DATE_EPOCH", MOMENT))
}

/// maturin and others, which two packages need at once.
pub(super) fn tools(workspace: &Path) -> Result<Tools, DistError> {
    let folder = workspace.join("target/dist-parts");
    let lock = fs_err::File::create(folder.join("tools.lock"))?;
    lock.file().lock()?;
    Ok(Tools::ready(&workspace.join("xtask/dist/tools.txt"), &folder.join("tools"))?)
}
