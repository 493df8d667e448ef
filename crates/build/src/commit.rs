//! The commit of the repository that a spec is in, as git says it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild_provenance::Commit;
use imgbuild_secret::public;

/// How deep repositories may be within one another.
const DEEPEST: usize = 8;

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
    let is_changed = is_changed(folder, &["--untracked-files=no", "--", "."], 0)?
        || is_changed(
            folder,
            &[&["--untracked-files=all", "--ignored=matching", "--"], &named[..]].concat(),
            0,
        )?
        || copied_of_submodules(folder, copied)?;
    let commit = Commit { repository, id: id.trim().to_owned(), is_changed };
    Some((commit, format!("{prefix}{spec}")))
}

/// Whether git's status tells anything of what these words name. Repositories within the repository are asked one by one: git itself would
/// ask them by their own settings.
fn is_changed(folder: &Path, words: &[&str], depth: usize) -> Option<bool> {
    let mut all: Vec<String> = drivers(folder)?.iter().flat_map(|it| without(it)).collect();
    all.extend(["status", "--porcelain", "--no-renames", "--ignore-submodules=dirty"].map(str::to_owned));
    all.extend(words.iter().map(|it| (*it).to_owned()));
    let words: Vec<&str> = all.iter().map(String::as_str).collect();
    if !git(folder, &words)?.trim().is_empty() {
        return Some(true);
    }
    // Deeper than anybody's, each is taken to be changed: nobody has looked.
    if depth == DEEPEST {
        return Some(true);
    }
    for submodule in submodules(folder)? {
        let is_there = submodule.join(".git").exists();
        if is_there && is_changed(&submodule, &["--untracked-files=no", "--", "."], depth + 1)? {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether files that go into images are in repositories within the repository, and in no commit of these.
fn copied_of_submodules(folder: &Path, copied: &[String]) -> Option<bool> {
    for submodule in submodules(folder)?.iter().filter(|it| it.join(".git").exists()) {
        let within =
            copied.iter().filter_map(|it| folder.join(it).strip_prefix(submodule).ok().map(Path::to_owned));
        let within: Vec<String> = within.map(|it| it.to_string_lossy().into_owned()).collect();
        let named: Vec<&str> = within.iter().map(String::as_str).collect();
        let words = [&["--untracked-files=all", "--ignored=matching", "--"], &named[..]].concat();
        if !named.is_empty() && is_changed(submodule, &words, DEEPEST - 1)? {
            return Some(true);
        }
    }
    Some(false)
}

/// The repositories that a repository has below a folder.
fn submodules(folder: &Path) -> Option<Vec<PathBuf>> {
    let listed = git(folder, &["ls-files", "--stage", "-z", "--", "."])?;
    let links = listed.split('\0').filter_map(|line| line.strip_prefix("160000 ")?.split_once('\t'));
    Some(links.map(|(_, path)| folder.join(path)).collect())
}

/// The filters that a repository itself has programs for. Those of the user's own settings are the user's.
fn drivers(folder: &Path) -> Option<BTreeSet<String>> {
    let words = ["config", "--null", "--list", "--show-scope", "--name-only"];
    let said = git(folder, &words)?;
    let mut words = said.split('\0');
    let mut found = BTreeSet::new();
    while let (Some(scope), Some(name)) = (words.next(), words.next()) {
        let driver = name.strip_prefix("filter.").and_then(|it| Some(it.rsplit_once('.')?.0));
        found.extend(driver.filter(|_| !["system", "global"].contains(&scope)).map(str::to_owned));
    }
    Some(found)
}

/// The settings by which a filter runs nothing: its files are compared as they are.
fn without(driver: &str) -> [String; 6] {
    let [clean, process, required] = ["clean=", "process=", "required=false"];
    let setting = |what: &str| format!("filter.{driver}.{what}");
    let c = || "-c".to_owned();
    [c(), setting(clean), c(), setting(process), c(), setting(required)]
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
    // A look changes nothing, and runs nothing of what the repository says: no filter, no monitor, and no way to a server for objects that
    // are not there.
    git.env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .args(["-c", "core.fsmonitor=false"]);
    git.arg("-C").arg(folder).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
