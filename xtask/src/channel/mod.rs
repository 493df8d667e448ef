//! `cargo xtask channel`: the conda channel that the tests use.
//!
//! The packages are made by the Python programs under `xtask/channel/`, whose README says what is in the channel. Here
//! is decided whether there is anything to do, and the tools that they need are set up.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::programs::{self, Lacking, Program};
use crate::tools::{Tools, ToolsError};

/// Programs that must be on the machine, and the Debian packages that bring them.
const PROGRAMS: [Program; 6] = [
    ("python3", "python3"),
    ("gcc", "gcc libc6-dev"),
    ("make", "make"),
    ("strip", "binutils"),
    ("gpgv", "gpgv"),
    ("bash", "bash"),
];

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    /// A file of the recipe or of `target/` cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// Programs are neither there nor may we install them.
    #[error("the channel cannot be made: {0}")]
    Lacking(#[from] Lacking),
    /// The tools cannot be had.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// `make.py` has said what is wrong.
    #[error("the channel could not be made")]
    Failed,
}

/// Makes `target/channel` and `target/channel-hostile` of the workspace, unless they are there and their recipe has not
/// changed since.
pub(crate) fn run(workspace: &Path) -> Result<(), ChannelError> {
    let recipe = workspace.join("xtask/channel");
    // Always here, whatever CARGO_TARGET_DIR says: one channel serves every build of this workspace.
    let target = workspace.join("target");
    let stamp = target.join("channel-hostile/.stamp");
    let wanted = fingerprint(&recipe)?;
    // Tests and a developer may ask for it at once: the second one waits, and then finds it made.
    fs_err::create_dir_all(target.join("channel-parts"))?;
    let lock = fs_err::File::create(target.join("channel-parts/.lock"))?;
    lock.file().lock()?;
    if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        eprintln!("channel: up to date");
        return Ok(());
    }
    programs::ensure(&PROGRAMS)?;
    let tools = installed(workspace)?;
    if !tools.command().arg(recipe.join("make.py")).arg(&target).status()?.success() {
        return Err(ChannelError::Failed);
    }
    fs_err::write(&stamp, wanted)?;
    Ok(())
}

/// The tools that make its packages, for whoever makes others.
pub(crate) fn tools(workspace: &Path) -> Result<Tools, ChannelError> {
    let parts = workspace.join("target/channel-parts");
    fs_err::create_dir_all(&parts)?;
    let lock = fs_err::File::create(parts.join(".lock"))?;
    lock.file().lock()?;
    installed(workspace)
}

fn installed(workspace: &Path) -> Result<Tools, ChannelError> {
    let list = workspace.join("xtask/channel/tools.txt");
    Ok(Tools::ready(&list, &workspace.join("target/channel-parts/tools"))?)
}

/// A hash over the names and contents of the files that the channel is made from.
fn fingerprint(recipe: &Path) -> Result<String, std::io::Error> {
    let mut whole = Sha256::new();
    for path in files(recipe)? {
        let name = path.strip_prefix(recipe).unwrap_or(&path);
        let data = fs_err::read(&path)?;
        whole.update(format!("{} {}\n", name.display(), data.len()));
        whole.update(data);
    }
    Ok(hex::encode(whole.finalize()))
}

/// The files of a folder and of those below it that go into the channel, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "__pycache__") {
                found.extend(files(&path)?);
            }
        } else if path
            .extension()
            .is_some_and(|extension| ["py", "sh", "txt"].iter().any(|known| extension == *known))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{files, fingerprint};

    #[test]
    fn the_fingerprint_holds_every_file_of_the_recipe_and_no_other() {
        let folder = std::env::temp_dir().join(format!("imgbuild-xtask-{}", std::process::id()));
        fs_err::create_dir_all(folder.join("wheels")).unwrap();
        fs_err::create_dir_all(folder.join("__pycache__")).unwrap();
        fs_err::write(folder.join("make.py"), "one").unwrap();
        fs_err::write(folder.join("wheels/list.txt"), "two").unwrap();
        let first = fingerprint(&folder).unwrap();

        fs_err::write(folder.join("README.md"), "not a recipe").unwrap();
        fs_err::write(folder.join("__pycache__/make.py"), "not a recipe").unwrap();
        assert_eq!(fingerprint(&folder).unwrap(), first);
        assert_eq!(files(&folder).unwrap(), [folder.join("make.py"), folder.join("wheels/list.txt")]);

        fs_err::write(folder.join("wheels/list.txt"), "three").unwrap();
        assert_ne!(fingerprint(&folder).unwrap(), first);
        fs_err::remove_dir_all(&folder).unwrap();
    }
}
