//! The commit of the repository that a spec is in, as git says it.

use std::path::Path;
use std::process::{Command, Stdio};

use imgbuild_provenance::Commit;
use imgbuild_secret::public;

/// Where a spec is in its repository, and which commit that is; nothing where it is in none, or there is no git.
pub(crate) fn commit(spec: &Path, lock: &Path) -> Option<(Commit, String)> {
    let folder = spec.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new("."));
    let said = git(folder, &["rev-parse", "--show-prefix", "HEAD"])?;
    let (prefix, id) = said.split_once('\n')?;
    let file = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (spec, lock) = (file(spec)?, file(lock)?);
    let repository = git(folder, &["remote", "get-url", "origin"]).map(|url| public(url.trim()));
    // What is beside the spec and in no commit is not of it: what is built into there, say. The spec and its lock must be.
    let states = [
        git(folder, &["status", "--porcelain", "--untracked-files=no", "--", "."])?,
        git(folder, &["status", "--porcelain", "--", &spec, &lock])?,
    ];
    let is_changed = states.iter().any(|state| !state.trim().is_empty());
    let commit = Commit { repository, id: id.trim().to_owned(), is_changed };
    Some((commit, format!("{prefix}{spec}")))
}

/// What git says; nothing where it fails.
fn git(folder: &Path, words: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    // A look changes nothing, and starts no program that a repository names.
    git.env("GIT_OPTIONAL_LOCKS", "0").args(["-c", "core.fsmonitor=false"]);
    git.arg("-C").arg(folder).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
