//! The commit of the repository that a spec is in, as git says it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
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
    let said = git(folder, ["rev-parse", "--show-prefix", "HEAD"])?;
    let said = String::from_utf8_lossy(&said);
    let (prefix, id) = said.trim_end().rsplit_once('\n')?;
    let (spec, lock) = (spec.file_name()?, lock.file_name()?);
    let repository = git(folder, ["remote", "get-url", "origin"]);
    let repository = repository.map(|url| public(String::from_utf8_lossy(&url).trim()));
    // What is beside the spec and in no commit is not of it: what is built into there, say. The spec and its lock must be.
    let named = [Path::new(spec), Path::new(lock)].into_iter().chain(copied.iter().map(Path::new));
    let named: Vec<PathBuf> = named.map(shortest).collect();
    // Of a commit that is there, what git does not tell counts as changed: nobody has looked.
    let are_in_commit = are_files(folder, [spec, lock]).unwrap_or(false);
    let is_changed = !are_in_commit || is_changed(folder, &named, 0).unwrap_or(true);
    let repository = repository.filter(|url| is_elsewhere(url));
    let commit = Commit { repository, id: id.to_owned(), is_changed };
    Some((commit, format!("{prefix}{}", spec.to_string_lossy())))
}

/// Whether git's status tells anything of what is below a folder and in a commit, or of paths there, which need be in none. Repositories
/// within the repository are asked one by one: git itself would ask them by their own settings.
fn is_changed(folder: &Path, named: &[PathBuf], depth: usize) -> Option<bool> {
    let drivers = drivers(&own_settings(folder)?);
    // A setting's name ends at the first `=` of a command line: the filter would run.
    if drivers.iter().any(|it| it.as_bytes().contains(&b'=')) {
        return Some(true);
    }
    let of_commit = is_told(folder, &drivers, &["--untracked-files=no"], [Path::new(".")])?;
    let of_named = || is_told(folder, &drivers, &["--untracked-files=all", "--ignored=matching"], named);
    if of_commit || is_any_kept_quiet(folder, named)? || !named.is_empty() && of_named()? {
        return Some(true);
    }
    let submodules = submodules(folder)?;
    // Git tells nothing of what is in the place of a repository that was not fetched.
    let is_unknown = |it: &PathBuf| {
        let place = folder.join(it);
        let has_files = match place.read_dir() {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        has_files && !place.join(".git").exists() && named.iter().any(|path| within(path, it).is_some())
    };
    if submodules.iter().any(is_unknown) {
        return Some(true);
    }
    let mut there = submodules.iter().filter(|it| folder.join(it).join(".git").exists());
    // Deeper than anybody's, each is taken to be changed: nobody has looked.
    if depth == DEEPEST {
        return Some(there.next().is_some());
    }
    for submodule in there {
        let named: Vec<PathBuf> = named.iter().filter_map(|it| within(it, submodule)).collect();
        if is_changed(&folder.join(submodule), &named, depth + 1)? {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether git's status tells anything of paths.
fn is_told(
    folder: &Path,
    drivers: &BTreeSet<OsString>,
    untracked: &[&str],
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
) -> Option<bool> {
    let mut words: Vec<OsString> = drivers.iter().flat_map(|it| without(it)).collect();
    words.extend(["status", "--porcelain", "--no-renames", "--ignore-submodules=dirty"].map(Into::into));
    words.extend(untracked.iter().map(Into::into));
    words.push("--".into());
    words.extend(paths.into_iter().map(|it| it.as_ref().into()));
    Some(!git(folder, words)?.is_empty())
}

/// Whether files are of a folder's repository. In the place of one that was not fetched are none, whatever lies there; and what a link leads to
/// is not looked at.
fn are_files<'a>(folder: &Path, names: [&'a OsStr; 2]) -> Option<bool> {
    let known = |name: &'a OsStr| {
        let listed =
            git(folder, [OsStr::new("ls-files"), "--stage".as_ref(), "-z".as_ref(), "--".as_ref(), name])?;
        let path = [b"\t", name.as_bytes(), b"\0"].concat();
        Some(listed.starts_with(b"100") && listed.ends_with(&path))
    };
    Some(known(names[0])? && known(names[1])?)
}

/// Whether git was told to say nothing of changes of a file below a folder (`update-index --assume-unchanged`, `--skip-worktree`) that is
/// there, or that is named or in a folder that is.
fn is_any_kept_quiet(folder: &Path, named: &[PathBuf]) -> Option<bool> {
    let listed = git(folder, ["ls-files", "-v", "-z", "--", "."])?;
    let mut lines = listed.split(|byte| *byte == 0);
    Some(lines.any(|line| match line.split_at_checked(2) {
        // Of a sparse checkout most files are not there.
        Some((b"S ", path)) => {
            let path = Path::new(OsStr::from_bytes(path));
            let is_in = |named: &PathBuf| named == Path::new(".") || path.starts_with(named);
            folder.join(path).symlink_metadata().is_ok() || named.iter().any(is_in)
        }
        Some(([tag, b' '], _)) => tag.is_ascii_lowercase(),
        _ => false,
    }))
}

/// What of a path is in a repository within the repository: all of that, where the path leads to it or to a folder that it is in.
fn within(named: &Path, submodule: &Path) -> Option<PathBuf> {
    if named == Path::new(".") || submodule.starts_with(named) {
        return Some(PathBuf::from("."));
    }
    named.strip_prefix(submodule).ok().map(Path::to_owned)
}

/// A path below a folder in its shortest form; that of the folder itself is `.`.
fn shortest(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => short.push(name),
            Component::ParentDir => drop(short.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    if short.as_os_str().is_empty() { PathBuf::from(".") } else { short }
}

/// The repositories that a repository has below a folder, by their paths from there.
fn submodules(folder: &Path) -> Option<Vec<PathBuf>> {
    let listed = git(folder, ["ls-files", "--stage", "-z", "--", "."])?;
    let links = listed.split(|byte| *byte == 0).filter_map(|line| {
        let line = line.strip_prefix(b"160000 ")?;
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        Some(PathBuf::from(OsStr::from_bytes(&line[tab + 1..])))
    });
    Some(links.collect())
}

/// The names of the settings that a repository itself has. Those of the user's own files are the user's.
fn own_settings(folder: &Path) -> Option<Vec<Vec<u8>>> {
    let list = |of: &[&str]| git(folder, [&["config", "--null", "--list", "--name-only"][..], of].concat());
    if let Some(said) = list(&["--show-scope"]) {
        return Some(of_repository(&said));
    }
    // Git before 2.26 does not say whose a setting is.
    by_files(&list(&["--local", "--includes"])?, list(&["--worktree", "--includes"]).as_deref())
}

/// The names of the settings of a repository, and of its worktree, where git could list these. It cannot where there are none of their own;
/// where the repository says that there are, what they are is unknown.
fn by_files(local: &[u8], worktree: Option<&[u8]>) -> Option<Vec<Vec<u8>>> {
    let names = |said: &[u8]| said.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let mut all = names(local);
    match worktree {
        Some(said) => all.extend(names(said)),
        None if all.iter().any(|it| it.eq_ignore_ascii_case(b"extensions.worktreeconfig")) => return None,
        None => {}
    }
    Some(all)
}

/// The names that stand behind the scopes of a repository, in a list of scopes and names.
fn of_repository(said: &[u8]) -> Vec<Vec<u8>> {
    let mut words = said.split(|byte| *byte == 0);
    let mut found = Vec::new();
    while let (Some(scope), Some(name)) = (words.next(), words.next()) {
        if ![&b"system"[..], b"global"].contains(&scope) {
            found.push(name.to_vec());
        }
    }
    found
}

/// The filters that run what a repository's settings name.
fn drivers(settings: &[Vec<u8>]) -> BTreeSet<OsString> {
    let driver = |name: &Vec<u8>| {
        let rest = name.strip_prefix(b"filter.")?;
        let end = rest.iter().rposition(|byte| *byte == b'.')?;
        Some(OsString::from_vec(rest[..end].to_vec()))
    };
    let mut found: BTreeSet<OsString> = settings.iter().filter_map(driver).collect();
    // Git LFS, which is the user's, runs the programs of its extensions.
    if settings.iter().any(|name| name.to_ascii_lowercase().starts_with(b"lfs.extension.")) {
        found.insert("lfs".into());
    }
    found
}

/// The settings by which a filter runs nothing: its files are compared as they are.
fn without(driver: &OsStr) -> [OsString; 6] {
    let setting = |what: &str| {
        let mut setting = OsString::from("filter.");
        setting.push(driver);
        setting.push(what);
        setting
    };
    let c = || OsString::from("-c");
    [c(), setting(".clean="), c(), setting(".process="), c(), setting(".required=false")]
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
fn git(folder: &Path, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<Vec<u8>> {
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
        // A path is no pattern.
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .args(["-c", "core.fsmonitor=false"]);
    git.arg("-C").arg(folder).args(words).stdin(Stdio::null()).stderr(Stdio::null());
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with a commit of a spec, its lock and `files`, in a folder of its own.
    fn repository(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in files.iter().chain(&["spec.toml", "spec.lock"]) {
            write(&folder.path().join(name));
        }
        run(folder.path(), &["init", "--quiet"]);
        commit_all(folder.path());
        folder
    }

    fn write(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "text\n").unwrap();
    }

    fn run(folder: &Path, words: &[&str]) {
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").arg("-C").arg(folder);
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "protocol.file.allow=always"]);
        assert!(git.args(words).stdout(Stdio::null()).status().unwrap().success(), "{words:?}");
    }

    fn commit_all(folder: &Path) {
        run(folder, &["add", "--all"]);
        run(folder, &["commit", "--quiet", "--message", "one"]);
    }

    fn add_submodule(folder: &Path, other: &Path, path: &str) {
        run(folder, &["submodule", "--quiet", "add", other.to_str().unwrap(), path]);
        commit_all(folder);
    }

    /// Whether there are changes where these are copied.
    fn is_changed_of(folder: &Path, copied: &[&str]) -> bool {
        let copied: Vec<String> = copied.iter().map(|it| (*it).to_owned()).collect();
        let found = commit(&folder.join("spec.toml"), &folder.join("spec.lock"), &copied);
        let (commit, path) = found.unwrap();
        assert_eq!((commit.id.len(), path.as_str()), (40, "spec.toml"));
        commit.is_changed
    }

    #[test]
    fn settings_that_git_does_not_list_are_unknown() {
        let names = |all: &[&str]| Some(all.iter().map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>());
        let (local, own) = (b"core.bare\0filter.a.clean".as_slice(), b"filter.b.clean".as_slice());
        assert_eq!(by_files(local, None), names(&["core.bare", "filter.a.clean"]));
        assert_eq!(by_files(local, Some(own)), names(&["core.bare", "filter.a.clean", "filter.b.clean"]));
        assert_eq!(by_files(b"extensions.worktreeConfig", None), None);
        assert_eq!(
            by_files(b"extensions.worktreeconfig", Some(own)),
            names(&["extensions.worktreeconfig", "filter.b.clean"])
        );
    }

    #[test]
    fn what_is_copied_from_a_submodule_is_of_its_commit() {
        let (inner, lib) = (repository(&["file"]), repository(&["src/file"]));
        let main = repository(&["one"]);
        add_submodule(main.path(), lib.path(), "vendor/lib");
        let all = [".", "./vendor", "vendor/lib", "vendor/lib/src", "vendor/../vendor/lib/src/file"];
        for copied in all {
            assert!(!is_changed_of(main.path(), &[copied]), "{copied}");
        }
        let untracked = main.path().join("vendor/lib/src/new");
        write(&untracked);
        for copied in [".", "vendor", "./vendor/", "vendor/lib", "vendor/lib/src"] {
            assert!(is_changed_of(main.path(), &[copied]), "{copied}");
        }
        for copied in ["one", "vendor/lib/src/file"] {
            assert!(!is_changed_of(main.path(), &[copied]), "{copied}");
        }
        std::fs::remove_file(untracked).unwrap();
        // A folder that is in the place of one, of which git says nothing.
        let (git, aside) = (main.path().join("vendor/lib/.git"), main.path().join("aside"));
        std::fs::rename(&git, &aside).unwrap();
        for copied in [".", "vendor", "vendor/lib", "vendor/lib/src/file"] {
            assert!(is_changed_of(main.path(), &[copied]), "{copied}");
        }
        assert!(!is_changed_of(main.path(), &["one"]));
        // A spec that lies there is in no commit of this repository.
        for inner in ["vendor/lib", "vendor/lib/src"] {
            let inner = main.path().join(inner);
            let [spec, lock] = ["spec.toml", "spec.lock"].map(|name| inner.join(name));
            [&spec, &lock].into_iter().for_each(|it| write(it));
            assert!(commit(&spec, &lock, &[]).unwrap().0.is_changed, "{}", inner.display());
        }
        std::fs::remove_file(main.path().join("vendor/lib/src/spec.toml")).unwrap();
        std::fs::remove_file(main.path().join("vendor/lib/src/spec.lock")).unwrap();
        std::fs::rename(&aside, &git).unwrap();
        // The same of one within that.
        add_submodule(&main.path().join("vendor/lib"), inner.path(), "deep/inner");
        commit_all(main.path());
        for copied in [".", "vendor", "vendor/lib", "vendor/lib/src", "vendor/lib/deep/inner/file"] {
            assert!(!is_changed_of(main.path(), &[copied]), "{copied}");
        }
        let untracked = main.path().join("vendor/lib/deep/inner/new");
        write(&untracked);
        for copied in ["vendor", "vendor/lib", "vendor/lib/deep", "vendor/lib/deep/inner"] {
            assert!(is_changed_of(main.path(), &[copied]), "{copied}");
        }
        assert!(!is_changed_of(main.path(), &["vendor/lib/src"]));
        std::fs::remove_file(untracked).unwrap();
        std::fs::write(main.path().join("vendor/lib/deep/inner/file"), "other\n").unwrap();
        assert!(is_changed_of(main.path(), &[]));
    }

    #[test]
    fn names_are_bytes_and_no_patterns() {
        let main = repository(&["one", "[ab]"]);
        write(&main.path().join(OsStr::from_bytes(b"caf\xe9")));
        commit_all(main.path());
        assert!(!is_changed_of(main.path(), &["one", "[ab]"]));
        write(&main.path().join("a"));
        write(&main.path().join(":!one"));
        assert!(!is_changed_of(main.path(), &["[ab]"]));
        assert!(is_changed_of(main.path(), &[":!one"]));
    }

    #[test]
    fn a_filter_that_cannot_be_taken_out_does_not_run() {
        let main = repository(&["one"]);
        std::fs::write(main.path().join(".gitattributes"), "one filter=a=b\n").unwrap();
        commit_all(main.path());
        assert!(!is_changed_of(main.path(), &[]));
        let ran = main.path().join(".git/ran");
        let program = format!("touch {}; cat", ran.display());
        run(main.path(), &["config", "filter.a=b.clean", &program]);
        std::fs::write(main.path().join("one"), "texT\n").unwrap();
        assert!(is_changed_of(main.path(), &[]));
        assert!(!ran.exists());
        run(main.path(), &["status", "--short"]);
        assert!(ran.exists());
    }

    #[test]
    fn what_git_does_not_tell_counts_as_changed() {
        let main = repository(&["one"]);
        assert!(!is_changed_of(main.path(), &[]));
        std::fs::write(main.path().join(".git/index"), "no index").unwrap();
        assert!(is_changed_of(main.path(), &[]));
        // Where there is no repository there is no commit.
        let folder = tempfile::tempdir().unwrap();
        assert!(commit(&folder.path().join("spec.toml"), &folder.path().join("spec.lock"), &[]).is_none());
    }

    #[test]
    fn what_git_was_told_not_to_tell_counts_as_changed() {
        for quiet in ["--skip-worktree", "--assume-unchanged"] {
            let main = repository(&["one", "elsewhere/two"]);
            run(main.path(), &["update-index", quiet, "one"]);
            assert!(is_changed_of(main.path(), &[]), "{quiet}");
        }
        // What a sparse checkout leaves out is in no image, where it is not copied.
        let main = repository(&["one", "elsewhere/two"]);
        run(main.path(), &["update-index", "--skip-worktree", "elsewhere/two"]);
        std::fs::remove_file(main.path().join("elsewhere/two")).unwrap();
        assert!(!is_changed_of(main.path(), &["one"]));
        for copied in [".", "elsewhere", "elsewhere/two"] {
            assert!(is_changed_of(main.path(), &[copied]), "{copied}");
        }
    }

    #[test]
    fn a_link_in_the_place_of_a_spec_is_not_followed() {
        let main = repository(&["common/spec.toml"]);
        std::fs::remove_file(main.path().join("spec.toml")).unwrap();
        std::os::unix::fs::symlink("common/spec.toml", main.path().join("spec.toml")).unwrap();
        commit_all(main.path());
        assert!(is_changed_of(main.path(), &[]));
    }

    #[test]
    fn filters_that_run_a_repositorys_programs() {
        let found = |listed: &str| {
            let settings = of_repository(listed.replace(' ', "\0").as_bytes());
            drivers(&settings).into_iter().map(|it| it.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(found("global filter.lfs.clean system filter.x.clean local core.bare "), [""; 0]);
        let own = "local filter.a.clean worktree filter.b.c.process global filter.lfs.clean ";
        assert_eq!(found(own), ["a", "b.c"]);
        // Git LFS of the user runs what the repository names for its extensions.
        assert_eq!(found("global filter.lfs.process local lfs.extension.x.clean "), ["lfs"]);
        assert_eq!(found("global filter.lfs.process local lfs.Extension.x.clean "), ["lfs"]);
        assert_eq!(found("global filter.lfs.process global lfs.extension.x.clean "), [""; 0]);
    }
}
