//! `cargo xtask corpora`: archives that other projects test their readers with, under `target/corpora`.

use std::path::Path;

use crate::tools::{Tools, ToolsError};

/// Why there are no archives.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CorporaError {
    /// A file of the recipe or of `target/` cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The tools cannot be had.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// `make.py` has said what is wrong.
    #[error("the archives of other projects could not be fetched")]
    Failed,
}

/// Fetches them, unless they are there and their recipe has not changed since.
pub(crate) fn run(workspace: &Path) -> Result<(), CorporaError> {
    let (recipe, target) = (workspace.join("xtask/corpora"), workspace.join("target"));
    let stamp = target.join("corpora/.stamp");
    let wanted = format!(
        "{}{}",
        fs_err::read_to_string(recipe.join("make.py"))?,
        fs_err::read_to_string(recipe.join("go.txt"))?
    );
    // Tests and a developer may ask for them at once.
    fs_err::create_dir_all(target.join("channel-parts"))?;
    let lock = fs_err::File::create(target.join("channel-parts/.lock"))?;
    lock.file().lock()?;
    if fs_err::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        eprintln!("corpora: up to date");
        return Ok(());
    }
    // The channel's own: they read Debian's archive.
    let list = workspace.join("xtask/channel/tools.txt");
    let tools = Tools::ready(&list, &target.join("channel-parts/tools"))?;
    if !tools.command().arg(recipe.join("make.py")).arg(&target).status()?.success() {
        return Err(CorporaError::Failed);
    }
    Ok(fs_err::write(stamp, wanted)?)
}
