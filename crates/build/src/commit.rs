//! The commit of the repository that a spec is in, as git says it.

use std::path::Path;
use std::process::{Command, Stdio};

use imgbuild_provenance::Commit;
use imgbuild_secret::public;

/// Where a spec is in its repository, and which commit that is; nothing where it is in none, or there is no git.
///
/// What is built of it must be of the commit, so that `copied`, the paths of files that go into images, are looked at even where git ignores
/// them.
pub(crate) fn commit(spec: &Path, lock: &Path, copied: &[String]) -> Option<(Commit, String)> {
    let folder = spec.parent().filter(|it| *it != Path::new("")).unwrap_or(Path::new("."));
    let said = git(folder, &["rev-parse", "--show-prefix", "HEAD"])?;
    let (prefix, id) = said.split_once('\n')?;
    let file = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (spec, lock) = (file(spec)?, file(lock)?);
    let repository = git(folder, &["remote", "get-url", "origin"]);
    let repository = repository.map(|url| public(url.trim())).filter(|url| is_elsewhere(url));
    // What is beside the spec and in no commit is not of it: what is built into there, say. The spec and its lock must be.
    let named: Vec<&str> =
        [spec.as_str(), lock.as_str()].into_iter().chain(copied.iter().map(String::as_str)).collect();
    let all = ["status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--"];
    let states = [
        git(folder, &["status", "--porcelain", "--untracked-files=no", "--", "."])?,
        git(folder, &[&all[..], &named].concat())?,
    ];
    let is_changed = states.iter().any(|state| !state.trim().is_empty());
    let commit = Commit { repository, id: id.trim().to_owned(), is_changed };
    Some((commit, format!("{prefix}{spec}")))
}

/// Whether a repository's address means something elsewhere: a path of this machine does not.
fn is_elsewhere(url: &str) -> bool {
    match url.split_once("://") {
        Some((scheme, _)) => scheme != "file",
        // `git@host:path`
        None => url.split_once(':').is_some_and(|(host, _)| host.contains('@')),
    }
}

/// What git says; nothing where it fails.
fn git(folder: &Path, words: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    // What git is told for another repository, as it tells its hooks, is not meant here; and nobody else's business are the passwords of
    // keys.
    let others = std::env::vars_os().map(|(name, _)| name);
    let others =
        others.filter(|name| name.to_string_lossy().starts_with("GIT_") || name == "COSIGN_PASSWORD");
    for name in others {
        git.env_remove(name);
    }
    // A look changes nothing.
    git.env("GIT_OPTIONAL_LOCKS", "0").args(["-c", "core.fsmonitor=false"]);
    git.arg("-C").arg(folder).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
