//! `cargo xtask wheels`: what the tests of wheels compare with, under `target/wheels`.

use std::path::Path;

use crate::tools::{Tools, ToolsError};

/// Why there are no wheels.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WheelsError {
    /// A file of `xtask/wheels` or of `target/` cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// uv cannot be had.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// `pip` has said what is wrong.
    #[error("the wheels of `xtask/wheels/wheels.txt` could not be downloaded")]
    Failed,
}

/// Installs uv into `target/wheels/tools` and downloads real wheels into `target/wheels/real`, unless they are there and
/// their lists have not changed since.
pub(crate) fn run(workspace: &Path) -> Result<(), WheelsError> {
    let (lists, target) = (workspace.join("xtask/wheels"), workspace.join("target/wheels"));
    fs_err::create_dir_all(&target)?;
    // Tests and a developer may ask for them at once.
    let lock = fs_err::File::create(target.join(".lock"))?;
    lock.file().lock()?;
    let tools = Tools::ready(&lists.join("tools.txt"), &target.join("tools"))?;
    let (folder, list) = (target.join("real"), lists.join("wheels.txt"));
    let (stamp, wanted) = (folder.join(".stamp"), fs_err::read_to_string(&list)?);
    if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        eprintln!("wheels: up to date");
        return Ok(());
    }
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
    // The same files on every machine.
    let kind = ["--only-binary", ":all:", "--platform", "manylinux2014_x86_64", "--python-version", "3.11"];
    let mut command = tools.command();
    command.args(pip).args(kind).arg("--require-hashes").arg("--requirement").arg(list);
    if !command.arg("--dest").arg(&folder).status()?.success() {
        return Err(WheelsError::Failed);
    }
    Ok(fs_err::write(stamp, wanted)?)
}
