//! Git repositories as sources, by the machine's own git: so that credentials, proxies and keys are those that it knows.
//!
//! A repository is fetched bare, and its files are read as git keeps them (`ls-tree`, `cat-file`): no checkout, so that no
//! attribute, filter, hook or setting changes a byte.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use imgbuild_archive::ImagePath;
use imgbuild_secret::SecretUrl;
use url::Url;

use crate::git_error::GitError;
use crate::git_list::{List, TreeEntry};
use crate::git_objects::Objects;
use crate::git_process::{SCHEMES, git, give_login, output};
use crate::limits::{LINK_LIMIT, MOST_REPOSITORIES, REPOSITORY_DEPTH};
use crate::source::{ARCHIVAL, SourceError, SourceTree};

/// A commit that was fetched.
pub(crate) struct Repository {
    folder: PathBuf,
    url: SecretUrl,
    /// The commit.
    pub(crate) commit: String,
}

/// A repository as locks name it: without secrets, and without a fragment.
pub(crate) fn locked_url(url: &SecretUrl) -> String {
    let mut url = url.public();
    url.set_fragment(None);
    url.to_string()
}

/// What the repositories in a repository may be.
struct RepositoryLimits {
    /// Whether they must be on this machine.
    offline: bool,
    /// How much deeper they may stand in each other.
    depth: usize,
    /// How many more there may be.
    left: usize,
}

impl Repository {
    /// Fetches a repository into the new folder `folder`, and finds the commit that `revision` stands for: a branch, a tag, a
    /// commit, or what the repository itself points at.
    ///
    /// # Errors
    ///
    /// When there is no git, the repository cannot be had, or has no such revision.
    pub(crate) fn fetch(
        url: &SecretUrl,
        revision: Option<&str>,
        folder: PathBuf,
        offline: bool,
    ) -> Result<Self, GitError> {
        let name = locked_url(url);
        let refused = |rule| Err(GitError::Refused { url: name.clone(), rule });
        if !SCHEMES.contains(&url.whole().scheme()) {
            return refused("is reached neither by `https`, `ssh`, `http` nor as a file");
        }
        if offline && url.whole().scheme() != "file" {
            return Err(GitError::Offline(name));
        }
        if url.whole().query().is_some() {
            return refused("has a query, which `git` would show to everybody on this machine");
        }
        let plain = |it: char| !it.is_control() && !" ~^:?*[\\".contains(it);
        if let Some(revision) = revision
            && (revision.is_empty()
                || revision.starts_with('-')
                || revision.contains("..")
                || !revision.chars().all(plain))
        {
            return Err(GitError::NoRevision { url: name, revision: revision.to_owned() });
        }
        let mut repository = Self { folder, url: url.clone(), commit: String::new() };
        repository.run("begin a copy", ["init", "--quiet", "--bare", "--template="])?;
        let mut wanted = vec!["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        wanted.extend(revision.is_none().then_some("+HEAD:refs/imgbuild/head"));
        repository.fetch_refs("fetch the branches and tags", &wanted)?;
        repository.commit = match repository.find(revision)? {
            Some(commit) => commit,
            // A commit that no branch has, or a reference of the forge's own: whoever serves it may give it by its name.
            None => {
                let revision = revision.unwrap_or("HEAD");
                let own = format!("+{revision}:refs/imgbuild/wanted");
                let unknown = || GitError::NoRevision { url: name.clone(), revision: revision.to_owned() };
                repository.fetch_refs("fetch the revision", &[&own]).map_err(|_| unknown())?;
                repository.resolve("refs/imgbuild/wanted")?.ok_or_else(unknown)?
            }
        };
        Ok(repository)
    }

    fn fetch_refs(&self, what: &'static str, refs: &[&str]) -> Result<(), GitError> {
        let options =
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--"];
        let url = self.url.without_login();
        let mut command = git(&self.folder);
        let refused = |rule| GitError::Refused { url: locked_url(&self.url), rule };
        give_login(&self.url, &mut command).map_err(refused)?;
        command.args(options).arg(url.whole().as_str()).args(refs);
        self.finish(what, &mut command).map(|_| ())
    }

    /// The commit of a revision among what was fetched, looked for as pip does: a branch, a tag, any other name.
    fn find(&self, revision: Option<&str>) -> Result<Option<String>, GitError> {
        let Some(revision) = revision else { return self.resolve("refs/imgbuild/head") };
        // A whole hash means that commit, whatever a branch is called.
        if is_commit(revision) {
            return self.resolve(revision);
        }
        for name in [format!("refs/heads/{revision}"), format!("refs/tags/{revision}")] {
            if let Some(commit) = self.resolve(&name)? {
                return Ok(Some(commit));
            }
        }
        let is_hash = revision.len() >= 7 && revision.bytes().all(|it| it.is_ascii_hexdigit());
        if is_hash { self.resolve(revision) } else { Ok(None) }
    }

    fn resolve(&self, name: &str) -> Result<Option<String>, GitError> {
        let mut command = git(&self.folder);
        command
            .args(["rev-parse", "--quiet", "--verify", "--end-of-options"])
            .arg(format!("{name}^{{commit}}"));
        let printed = output(&mut command)?;
        let text = String::from_utf8_lossy(&printed.given).trim().to_owned();
        Ok(Some(text).filter(|text| printed.status.success() && is_commit(text)))
    }

    fn run<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &self,
        what: &'static str,
        words: I,
    ) -> Result<Vec<u8>, GitError> {
        self.finish(what, git(&self.folder).args(words))
    }

    fn finish(&self, what: &'static str, command: &mut Command) -> Result<Vec<u8>, GitError> {
        let printed = output(command)?;
        if printed.status.success() {
            return Ok(printed.given);
        }
        Err(self.failed(what, &printed.complaint))
    }

    fn failed(&self, what: &'static str, complaint: &str) -> GitError {
        let name = locked_url(&self.url);
        let said = imgbuild_secret::public(complaint);
        let lines: Vec<String> =
            said.trim_end().lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
        GitError::Failed { what, url: name, printed: lines.join("\n") }
    }

    /// Puts the files of the commit, and those of the repositories in it. Where it has no `.git_archival.txt` that says
    /// something, one is put that says which commit this is and how far it is from a tag: what setuptools-scm and those like
    /// it know a version by. There is no `.git`: no two copies of a repository have the same bytes.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or put, or a repository in it cannot be had.
    pub(crate) fn put(&self, tree: &mut SourceTree<'_>, offline: bool) -> Result<(), SourceError> {
        self.put_below(
            None,
            tree,
            &mut RepositoryLimits { offline, depth: REPOSITORY_DEPTH, left: MOST_REPOSITORIES },
        )
    }

    fn put_below(
        &self,
        below: Option<&ImagePath>,
        tree: &mut SourceTree<'_>,
        others: &mut RepositoryLimits,
    ) -> Result<(), SourceError> {
        let listing = || GitError::Listing(locked_url(&self.url));
        let mut list = List::start(&self.folder, &self.commit, locked_url(&self.url))?;
        let mut objects = Objects::start(&self.folder)?;
        let mut submodules = Vec::new();
        while let Some(TreeEntry { mode, object, path: own }) = list.next()? {
            let path = below.map_or_else(|| Ok(own.clone()), |below| below.join_path(&own))?;
            if own.as_str() == ARCHIVAL && below.is_none() {
                continue;
            }
            match mode.as_str() {
                "160000" => {
                    others.left = others.left.checked_sub(1).ok_or_else(|| self.too_many())?;
                    submodules.push((own, path, object));
                }
                "120000" => put_link(tree, &path, &mut objects, &object)?.ok_or_else(listing)?,
                "100644" | "100755" | "100664" => {
                    let (size, mut body) =
                        objects.open(&object).map_err(GitError::Start)?.ok_or_else(listing)?;
                    tree.file(&path, mode == "100755", size, &mut body)?;
                    body.end().map_err(GitError::Start)?;
                }
                _ => return Err(listing().into()),
            }
        }
        list.end()?.map_err(|complaint| self.failed("list the files", &complaint))?;
        if below.is_none() {
            let text = self.archival()?;
            tree.file(&ImagePath::new(ARCHIVAL)?, false, text.len() as u64, &mut text.as_bytes())?;
        }
        if submodules.is_empty() {
            return Ok(());
        }
        let rule = "is a repository too deep in others";
        let deeper = others
            .depth
            .checked_sub(1)
            .ok_or_else(|| SourceError::Member { path: submodules[0].1.to_string(), rule })?;
        others.depth = deeper;
        for (number, (own, path, commit)) in submodules.into_iter().enumerate() {
            let url = self.submodule(&own)?;
            let mut folder = self.folder.clone().into_os_string();
            folder.push(format!("-{number}"));
            tree.folder(&path)?;
            let inner = Self::fetch(&url, Some(&commit), folder.into(), others.offline)?;
            inner.put_below(Some(&path), tree, others)?;
        }
        others.depth = deeper + 1;
        Ok(())
    }

    fn too_many(&self) -> GitError {
        GitError::TooMany(locked_url(&self.url))
    }

    /// The text of `.git_archival.txt`, as `git archive` would fill it in.
    fn archival(&self) -> Result<String, GitError> {
        let words = ["log", "-1", "--no-show-signature", "--no-color", "--format=%ct", &self.commit];
        let seconds = self.run("read the commit", words)?;
        let seconds = String::from_utf8_lossy(&seconds).trim().parse().unwrap_or(0);
        // Versions of git write the same time in different ways.
        let time = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        let time = time.trim_end_matches('Z');
        let mut text = format!("node: {}\nnode-date: {time}+00:00\n", self.commit);
        let mut describe = git(&self.folder);
        describe.args(["describe", "--tags", "--long", "--abbrev=10", "--match", "*[0-9]*", &self.commit]);
        let printed = output(&mut describe)?;
        if printed.status.success() {
            text.push_str(&format!("describe-name: {}\n", String::from_utf8_lossy(&printed.given).trim()));
        }
        Ok(text)
    }

    /// Where the repository at a path is to be had, by `.gitmodules`.
    fn submodule(&self, path: &ImagePath) -> Result<SecretUrl, GitError> {
        let name = locked_url(&self.url);
        let refused = |rule| GitError::Refused { url: name.clone(), rule };
        let blob = format!("--blob={}:.gitmodules", self.commit);
        let words = ["config", &blob, "--null", "--get-regexp", r"^submodule\..*\.(path|url)$"];
        let text = self.run("read the submodules", words)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let entries: Vec<(&str, &str)> =
            text.split('\0').filter_map(|entry| entry.split_once('\n')).collect();
        let key = entries
            .iter()
            .find_map(|(key, value)| key.strip_suffix(".path").filter(|_| *value == path.as_str()));
        let key =
            key.ok_or_else(|| refused("has a repository in it of which its `.gitmodules` says nothing"))?;
        let url =
            entries.iter().find(|(other, _)| other.strip_suffix(".url") == Some(key)).map(|(_, url)| *url);
        let url =
            url.ok_or_else(|| refused("has a repository in it of which its `.gitmodules` says no URL"))?;
        let url = absolute(self.url.whole(), url)
            .ok_or_else(|| refused("has a repository in it whose URL is none"))?;
        if url.scheme() == "file" && self.url.whole().scheme() != "file" {
            return Err(refused("has a repository in it that is on this machine"));
        }
        Ok(url.into())
    }
}

/// Puts a symbolic link, whose target is an object; nothing where there is no such object.
fn put_link(
    tree: &mut SourceTree<'_>,
    path: &ImagePath,
    objects: &mut Objects,
    object: &str,
) -> Result<Option<()>, SourceError> {
    let Some((size, mut body)) = objects.open(object).map_err(GitError::Start)? else { return Ok(None) };
    let mut target = String::new();
    if size > LINK_LIMIT || body.read_to_string(&mut target).is_err() {
        return Err(SourceError::Member { path: path.to_string(), rule: "is no link that can be made" });
    }
    tree.link(path, &target)?;
    body.end().map_err(GitError::Start)?;
    Ok(Some(()))
}

/// Whether a text is the whole hash of a commit.
fn is_commit(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// The URL of a submodule, which may be relative to that of its parent, or in the form `user@host:path`.
fn absolute(parent: &Url, url: &str) -> Option<Url> {
    if url.starts_with("./") || url.starts_with("../") {
        let mut base = parent.clone();
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        return base.join(url).ok();
    }
    if let Ok(url) = Url::parse(url)
        && SCHEMES.contains(&url.scheme())
    {
        return Some(url);
    }
    let (host, path) = url
        .split_once(':')
        .filter(|(host, path)| !host.contains('/') && !path.starts_with("//") && !path.starts_with(':'))?;
    Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/'))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_relative_to_their_parents() {
        let url =
            |parent: &str, url: &str| absolute(&Url::parse(parent).unwrap(), url).map(|it| it.to_string());
        let parent = "https://git.example/group/project.git";
        assert_eq!(url(parent, "../other.git").unwrap(), "https://git.example/group/other.git");
        assert_eq!(url(parent, "https://elsewhere.example/x").unwrap(), "https://elsewhere.example/x");
        assert_eq!(url(parent, "git@git.example:group/x.git").unwrap(), "ssh://git@git.example/group/x.git");
        assert_eq!(url(parent, "ext::sh -c evil"), None);
        assert_eq!(url(parent, "/etc"), None);
    }

    #[test]
    fn passwords_are_not_shown() {
        let text = |url: &str| locked_url(&url.parse().unwrap());
        assert_eq!(text("https://user:secret@git.example/x.git#egg=x"), "https://git.example/x.git");
        assert_eq!(text("ssh://git:secret@git.example/x.git"), "ssh://git@git.example/x.git");
    }
}
