//! Sources become the same layer, whatever they come from and in.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_archive::TarReader;
use imgbuild_secret::SecretUrl;
use insta::assert_snapshot;
use tempfile::TempDir;
use url::Url;

use crate::folder::Folder;
use crate::git::Repository;
use crate::project::{BuildSystem, check_requirement};
use crate::sdist::{put_sdist, put_tar};
use crate::source::{Project, SourceError, SourceTree, write_source};

/// What a source's layer holds below its folder, and the whole of its bytes.
struct Layer {
    entries: Vec<String>,
    bytes: Vec<u8>,
    project: Project,
}

fn layer(
    subdirectory: Option<&str>,
    put: impl FnOnce(&mut SourceTree<'_>) -> Result<(), SourceError>,
) -> Result<Layer, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.tar");
    let project = write_source(&path, subdirectory, put)?;
    let bytes = fs::read(&path).unwrap();
    let mut entries = Vec::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let Some(path) = path.trim_end_matches('/').strip_prefix("build/source/").map(str::to_owned) else {
            continue;
        };
        let header = entry.header().clone();
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (65_533, 65_533), "{path}");
        let what = match header.entry_type() {
            tar::EntryType::Directory => "folder".to_owned(),
            tar::EntryType::Symlink => format!("-> {}", entry.link_name().unwrap().unwrap().display()),
            tar::EntryType::Link => format!("= {}", entry.link_name().unwrap().unwrap().display()),
            _ => {
                assert_eq!(header.mtime().unwrap(), 315_532_800, "{path}");
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                format!("{:o} {:?}", header.mode().unwrap(), text)
            }
        };
        entries.push(format!("{path} {what}"));
    }
    entries.sort();
    Ok(Layer { entries, bytes, project })
}

/// One member of a tar: its name, its kind, and its content or target.
type Member<'a> = (&'a str, tar::EntryType, &'a str);
const FILE: tar::EntryType = tar::EntryType::Regular;

/// A `.tar.gz`, written without the checks that writers have.
fn sdist(folder: &TempDir, members: &[Member<'_>], mtime: u64, mode: u32) -> PathBuf {
    let path = folder.path().join("x-1.0.tar.gz");
    let packed = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(packed);
    for (name, kind, text) in members {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(mode);
        header.set_uid(1234);
        header.set_gid(1234);
        header.set_mtime(mtime);
        let body = if *kind == FILE { text.as_bytes() } else { b"" };
        if *kind != FILE {
            header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
        }
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    path
}

fn of_sdist(members: &[Member<'_>]) -> Result<Layer, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = sdist(&folder, members, 7, 0o644);
    layer(None, |tree| put_sdist(&path, "x-1.0.tar.gz", tree)).map_err(|error| error.to_string())
}

#[test]
fn a_source_distribution_loses_its_folder_times_and_owners() {
    let folder = tempfile::tempdir().unwrap();
    let members: [Member<'_>; 4] = [
        ("x-1.0/", tar::EntryType::Directory, ""),
        ("x-1.0/setup.py", FILE, "print()"),
        ("x-1.0/src/a.py", FILE, "a"),
        ("x-1.0/src/link", tar::EntryType::Symlink, "../setup.py"),
    ];
    let read = |mtime, mode| {
        let path = sdist(&folder, &members, mtime, mode);
        layer(None, |tree| put_sdist(&path, "x-1.0.tar.gz", tree)).unwrap()
    };
    let first = read(7, 0o600);
    assert_eq!(
        first.entries,
        ["setup.py 644 \"print()\"", "src folder", "src/a.py 644 \"a\"", "src/link -> ../setup.py"]
    );
    assert_eq!(first.bytes, read(1_700_000_000, 0o666).bytes);
    assert!(read(7, 0o700).entries.contains(&"src/a.py 755 \"a\"".to_owned()));
    assert_eq!(first.project.file("setup.py"), Some(b"print()".as_slice()));
    assert_eq!(first.project.file("pyproject.toml"), None);
}

#[test]
fn a_zip_is_a_source_distribution_too() {
    let folder = tempfile::tempdir().unwrap();
    let script = "import zipfile\nwith zipfile.ZipFile('x-1.0.zip', 'w') as z:\n z.writestr('x-1.0/setup.py', 'print()')\n z.writestr('x-1.0/src/', '')\n z.writestr('x-1.0/src/a.py', 'a')\n";
    let made = Command::new("python3").args(["-c", script]).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    let path = folder.path().join("x-1.0.zip");
    let layer = layer(None, |tree| put_sdist(&path, "x-1.0.zip", tree)).unwrap();
    assert_eq!(layer.entries, ["setup.py 644 \"print()\"", "src folder", "src/a.py 644 \"a\""]);
}

#[test]
fn hostile_source_distributions_are_refused() {
    let refused = |members: &[Member<'_>]| of_sdist(members).err().unwrap();
    assert_snapshot!(refused(&[("x/../../a", FILE, "")]), @"the path `x/../../a` has a component `..`");
    assert_snapshot!(refused(&[("/etc/passwd", FILE, "")]), @"the path `/etc/passwd` is absolute");
    assert_snapshot!(refused(&[("x/a", FILE, ""), ("y/a", FILE, "")]), @"it holds `y/a` beside `x`: a source distribution has one folder, with all else in it");
    assert_snapshot!(refused(&[("setup.py", FILE, "")]), @"it holds `setup.py` beside `setup.py`: a source distribution has one folder, with all else in it");
    assert_snapshot!(refused(&[("x/a", tar::EntryType::Symlink, "/etc/passwd")]), @"its link `/a` leads out of it, to `/etc/passwd`");
    assert_snapshot!(refused(&[("x/b/a", tar::EntryType::Symlink, "../../etc")]), @"its link `/b/a` leads out of it, to `../../etc`");
    assert_snapshot!(refused(&[("x/a", tar::EntryType::Link, "y/a")]), @"it holds `y/a` beside `x`: a source distribution has one folder, with all else in it");
    assert_snapshot!(refused(&[("x/a", tar::EntryType::Link, "x/b")]), @"the hard link `/build/source/a` points to `/build/source/b`, which is not a file before it in its package");
    assert_snapshot!(refused(&[("x/a", tar::EntryType::Char, "")]), @"the archive holds a device node at `/x/a`");
    assert_snapshot!(refused(&[("x/a", FILE, ""), ("x/a", FILE, "")]), @"`/build/source/a` is written twice");
    assert_snapshot!(refused(&[("x/a", tar::EntryType::Symlink, "b"), ("x/a/c", FILE, "")]), @"`/build/source/a/c` lies below `/build/source/a`, which is not a folder");
    assert_snapshot!(refused(&[("x/pyproject.toml", tar::EntryType::Symlink, "b")]), @"it holds `/pyproject.toml`, which must be a file of its own");
    let error = layer(None, |tree| put_sdist(Path::new("/dev/null"), "x-1.0.rar", tree)).err().unwrap();
    assert_snapshot!(imgbuild_diagnostic::told(&error), @r#"
    `x-1.0.rar` is not named like a source distribution
    hint: these end in `.tar.gz`, `.tgz`, `.tar.bz2`, `.tar.xz` or `.zip`
    "#);
}

#[test]
fn a_source_distribution_that_fills_the_disk_is_refused() {
    let mut bytes = Vec::new();
    let mut tar = tar::Builder::new(&mut bytes);
    let mut header = tar::Header::new_gnu();
    header.set_path("x/zeros").unwrap();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(100_000);
    header.set_cksum();
    tar.append(&header, std::io::repeat(0).take(100_000)).unwrap();
    drop(tar);
    let put = |tree: &mut SourceTree<'_>| put_tar(TarReader::new(bytes.as_slice(), 50_000), tree);
    let error = layer(None, put).err().unwrap();
    assert!(
        chain(&error).ends_with("the archive unpacks to more than 50000 bytes, far more than it declares"),
        "{}",
        chain(&error)
    );
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}\n{error}");
        source = error.source();
    }
    text
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn a_local_project_is_its_files_without_what_tools_leave() {
    let spec = tempfile::tempdir().unwrap();
    let project = spec.path().join("lib");
    write(
        spec.path(),
        &[
            (".imgbuildignore", "/lib/data/\n"),
            ("lib/pyproject.toml", "[project]"),
            ("lib/.gitignore", "*.log\n"),
            ("lib/src/build/a.py", "a"),
            ("lib/src/x.log", ""),
            ("lib/src/x.egg-info/PKG-INFO", ""),
            ("lib/src/__pycache__/a.pyc", ""),
            ("lib/build/lib/a.py", ""),
            ("lib/.venv/bin/python", ""),
            ("lib/.git/config", ""),
            ("lib/data/large", ""),
            ("lib/.env", "TOKEN=x"),
            ("lib/spec.lock", &format!("{} Images …", imgbuild_lock::MARK)),
            ("lib/poetry.lock", "kept"),
            ("lib/image.tar", "oci-layout\0\0"),
            ("lib/image/oci-layout", "{}"),
        ],
    );
    symlink("build/a.py", project.join("src/link")).unwrap();
    let read = || Folder::read(&project, spec.path()).unwrap();
    let first = read();
    assert_eq!(
        layer(None, |tree| first.put(tree)).unwrap().entries,
        [
            ".gitignore 644 \"*.log\\n\"",
            "poetry.lock 644 \"kept\"",
            "pyproject.toml 644 \"[project]\"",
            "src folder",
            "src/build folder",
            "src/build/a.py 644 \"a\"",
            "src/link -> build/a.py",
        ]
    );
    // What is left out, times, and the umask of whoever checked it out change nothing.
    write(
        &project,
        &[("data/large", "changed"), ("spec.lock", &format!("{} Another.", imgbuild_lock::MARK))],
    );
    fs::set_permissions(project.join("pyproject.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read().sha256, first.sha256);
    fs::set_permissions(project.join("pyproject.toml"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(read().sha256, first.sha256);
    fs::set_permissions(project.join("pyproject.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(project.join("src/build/a.py"), "b").unwrap();
    let error = layer(None, |tree| first.put(tree)).err().unwrap().to_string();
    assert_eq!(
        error.replace(&spec.path().display().to_string(), "SPEC"),
        "`SPEC/lib/src/build/a.py` changed while it was read"
    );
    let error = Folder::read(&spec.path().join("absent"), spec.path()).err().unwrap().to_string();
    assert_eq!(error.replace(&spec.path().display().to_string(), "SPEC"), "`SPEC/absent` cannot be read");
}

#[test]
fn ignore_files_that_are_no_files_are_not_waited_for() {
    for name in [".gitignore", ".imgbuildignore", "package/.gitignore", "package/inner/.imgbuildignore"] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &[("package/inner/module.py", ""), ("build/x.py", "")]);
        let pipe = |path: &str| {
            assert!(Command::new("mkfifo").arg(folder.path().join(path)).status().unwrap().success());
        };
        // What is left out is not entered.
        pipe("build/.gitignore");
        symlink("build", folder.path().join("link")).unwrap();
        assert!(Folder::read(folder.path(), folder.path()).is_ok());
        pipe(name);
        let error = Folder::read(folder.path(), folder.path()).err().unwrap();
        let expected = format!("`{}` cannot be read\nit is not a file", folder.path().join(name).display());
        assert_eq!(chain(&error), expected);
    }
}

/// Git, as nobody's, at one time.
fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"])
        .args(words)
        .current_dir(folder);
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Test").env(format!("GIT_{who}_EMAIL"), "test@example.org");
        command.env(format!("GIT_{who}_DATE"), "2020-01-02T03:04:05+00:00");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, files: &[(&str, &str)]) -> String {
    write(folder, files);
    git(folder, &["add", "--all", "--force"]);
    git(folder, &["commit", "--quiet", "--message", "change"]);
    git(folder, &["rev-parse", "HEAD"])
}

fn fetched(url: &SecretUrl, revision: Option<&str>) -> Result<(Repository, TempDir), String> {
    let scratch = tempfile::tempdir().unwrap();
    let fetched = Repository::fetch(url, revision, scratch.path().join("repository"), false);
    fetched.map(|it| (it, scratch)).map_err(|error| error.to_string())
}

#[test]
fn a_repository_is_read_as_git_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    let first = commit(
        folder.path(),
        &[
            ("pyproject.toml", "[project]\n"),
            // None of these may change a byte.
            (".gitattributes", "* text eol=crlf ident filter=evil export-subst\nb.py export-ignore\n"),
            ("a.py", "$Format:%H$ $Id$\n"),
            ("b.py", "b"),
        ],
    );
    git(folder.path(), &["tag", "v1.2"]);
    git(folder.path(), &["branch", "old"]);
    let second = commit(folder.path(), &[("a.py", "2")]);
    let url: SecretUrl = Url::from_file_path(folder.path()).unwrap().into();
    let commit_of = |revision| fetched(&url, revision).map(|(repository, _)| repository.commit);
    assert_eq!(commit_of(None).unwrap(), second);
    for revision in ["old", "v1.2", &first, &first[..10]] {
        assert_eq!(commit_of(Some(revision)).unwrap(), first, "{revision}");
    }
    let (repository, _scratch) = fetched(&url, Some("v1.2")).unwrap();
    let of_first = layer(None, |tree| repository.put(tree, false)).unwrap();
    assert_eq!(
        of_first.entries,
        [
            format!(
                ".git_archival.txt 644 \"node: {first}\\nnode-date: 2020-01-02T03:04:05+00:00\\ndescribe-name: v1.2-0-g{}\\n\"",
                &first[..10]
            ),
            ".gitattributes 644 \"* text eol=crlf ident filter=evil export-subst\\nb.py export-ignore\\n\""
                .to_owned(),
            "a.py 644 \"$Format:%H$ $Id$\\n\"".to_owned(),
            "b.py 644 \"b\"".to_owned(),
            "pyproject.toml 644 \"[project]\\n\"".to_owned(),
        ]
    );
    let shown = |revision| commit_of(revision).err().unwrap().replace(url.whole().as_str(), "URL");
    assert_snapshot!(shown(Some("nowhere")), @"the repository `URL` has no branch, tag or commit `nowhere`");
    assert_snapshot!(shown(Some("--upload-pack=evil")), @"the repository `URL` has no branch, tag or commit `--upload-pack=evil`");
    let ext = "ext::sh%20-c%20evil".parse().unwrap();
    assert_snapshot!(fetched(&ext, None).err().unwrap(), @"the repository `ext::sh%20-c%20evil` is reached neither by `https`, `ssh`, `http` nor as a file");
    let absent = "file:///nowhere/x.git".parse().unwrap();
    assert_snapshot!(fetched(&absent, None).err().unwrap(), @r#"
    `git` could not fetch the branches and tags of `file:///nowhere/x.git`
    it printed:
      fatal: '/nowhere/x.git' does not appear to be a git repository
      fatal: Could not read from remote repository.

      Please make sure you have the correct access rights
      and the repository exists.
    "#);
}

#[test]
fn repositories_in_a_repository_are_its_source_too() {
    let folder = tempfile::tempdir().unwrap();
    let [inner, outer] = ["inner", "outer"].map(|name| folder.path().join(name));
    for path in [&inner, &outer] {
        fs::create_dir(path).unwrap();
        git(path, &["init", "--quiet"]);
    }
    commit(&inner, &[("i.c", "i")]);
    commit(&outer, &[("sub/pyproject.toml", "[project]")]);
    git(&outer, &["submodule", "--quiet", "add", "../inner", "sub/vendored"]);
    commit(&outer, &[]);
    // What is pinned counts, and not what is newest.
    commit(&inner, &[("i.c", "newer")]);
    let (repository, _scratch) = fetched(&Url::from_file_path(&outer).unwrap().into(), None).unwrap();
    let found = layer(Some("sub"), |tree| repository.put(tree, false)).unwrap();
    assert!(found.entries.contains(&"sub/vendored/i.c 644 \"i\"".to_owned()), "{:?}", found.entries);
    assert_eq!(found.project.file("pyproject.toml"), Some(b"[project]".as_slice()));
    assert!(found.project.has_folder("vendored"));
    let (repository, _scratch) = fetched(&Url::from_file_path(&outer).unwrap().into(), None).unwrap();
    let error = layer(Some("elsewhere"), |tree| repository.put(tree, false)).err().unwrap();
    assert_snapshot!(error.to_string(), @"it has no folder `elsewhere`, in which the project should be");
}

#[test]
fn folders_that_stand_in_each_other_do_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "--bare"]);
    let made = |words: &[&str], input: &str| {
        fs::write(folder.path().join("input"), input).unwrap();
        let input = fs::File::open(folder.path().join("input")).unwrap();
        let output =
            Command::new("git").args(words).current_dir(folder.path()).stdin(input).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let mut object = made(&["hash-object", "-w", "--stdin"], "");
    let mut kind = "100644 blob";
    // A thousand million million files in a few kilobytes.
    for _ in 0..15 {
        let lines = (0..10).map(|number| format!("{kind} {object}\t{number}{}\n", "n".repeat(200)));
        object = made(&["mktree"], &lines.collect::<String>());
        kind = "040000 tree";
    }
    let commit = git(folder.path(), &["commit-tree", "-m", "bomb", &object]);
    git(folder.path(), &["update-ref", "refs/heads/main", &commit]);
    let (repository, _scratch) =
        fetched(&Url::from_file_path(folder.path()).unwrap().into(), Some("main")).unwrap();
    let error = layer(None, |tree| repository.put(tree, false)).err().unwrap();
    assert_snapshot!(error.to_string(), @"it has more than 2097152 files and folders, or their paths more than 134217728 bytes");
}

#[test]
fn repositories_in_a_repository_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    let first = commit(folder.path(), &[("a", "a")]);
    for number in 0..257 {
        git(folder.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{first},of/{number}")]);
    }
    git(folder.path(), &["commit", "--quiet", "--message", "many"]);
    let url: SecretUrl = Url::from_file_path(folder.path()).unwrap().into();
    let (repository, _scratch) = fetched(&url, None).unwrap();
    let error = layer(None, |tree| repository.put(tree, false)).err().unwrap().to_string();
    assert_snapshot!(error.replace(url.whole().as_str(), "URL"), @"the repository `URL` has more than 256 others in it");
}

fn system(files: &[(&str, &str)]) -> Result<BuildSystem, String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let folder = Folder::read(folder.path(), folder.path()).unwrap();
    let project = layer(None, |tree| folder.put(tree)).unwrap().project;
    BuildSystem::of(&project).map_err(|error| error.to_string())
}

#[test]
fn projects_say_how_they_are_built() {
    let legacy = |requires: &[&str]| BuildSystem {
        requires: requires.iter().map(ToString::to_string).collect(),
        backend: "setuptools.build_meta:__legacy__".to_owned(),
        backend_path: vec![],
    };
    assert_eq!(system(&[("setup.py", "")]).unwrap(), legacy(&["setuptools >= 40.8.0"]));
    assert_eq!(
        system(&[("pyproject.toml", "[tool.x]\ny = 1\n")]).unwrap(),
        legacy(&["setuptools >= 40.8.0"])
    );
    let only = "[build-system]\nrequires = [\"setuptools\", \"wheel\"]\n";
    assert_eq!(system(&[("pyproject.toml", only)]).unwrap(), legacy(&["setuptools", "wheel"]));
    let own = "[build-system]\nrequires = []\nbuild-backend = \"mine.api:Backend\"\nbackend-path = [\"tools/\", \".\"]\n";
    let found = system(&[("pyproject.toml", own), ("tools/mine.py", "")]).unwrap();
    assert_eq!((found.backend.as_str(), found.backend_path.len()), ("mine.api:Backend", 2));
    let refused = |text: &str| system(&[("pyproject.toml", text)]).unwrap_err();
    assert_snapshot!(system(&[("README", "")]).unwrap_err(), @"it has neither a `pyproject.toml` nor a `setup.py`: it is no project of Python's");
    assert_snapshot!(refused("[build-system"), @"its `pyproject.toml` cannot be read: unclosed table, expected `]`");
    assert_snapshot!(refused("[build-system]\nbuild-backend = \"x\"\n"), @"its `pyproject.toml` cannot be read: missing field `requires`");
    assert_snapshot!(refused(own), @"its `backend-path` names `tools/`, which is no folder of its source");
    assert_snapshot!(refused("[build-system]\nrequires = []\nbuild-backend = \"x\"\nbackend-path = [\"../x\"]\n"), @"its `backend-path` names `../x`, which is no folder of its source");
    assert_snapshot!(refused("[build-system]\nrequires = []\nbuild-backend = \"os; evil\"\n"), @"its `build-backend` is `os; evil`, which names no object of Python's");
    assert_snapshot!(refused("[build-system]\nrequires = [\"-r /etc/passwd\"]\n"), @"its build requirement `-r /etc/passwd` is not the name of a project with versions and markers");
    assert_snapshot!(refused("[build-system]\nrequires = [\"x @ file:///home/x.whl\"]\n"), @"its build requirement `x @ file:///home/x.whl` names a URL, and build requirements come from an index");
    assert!(check_requirement("x>=1").is_ok());
}

#[test]
fn what_a_command_left_is_read_through_no_link() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("upper/build/wheel/x.whl", "wheel"), ("secret", "secret")]);
    let upper = folder.path().join("upper");
    let mut text = String::new();
    crate::hooks::left(&upper, "build/wheel/x.whl").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "wheel");
    symlink(folder.path().join("secret"), upper.join("build/wheel/y.whl")).unwrap();
    assert!(crate::hooks::left(&upper, "build/wheel/y.whl").is_err());
    symlink(folder.path(), upper.join("build/out")).unwrap();
    assert!(crate::hooks::left(&upper, "build/out/secret").is_err());
    assert!(crate::hooks::left_names(&upper, "build/out").is_err());
    assert_eq!(crate::hooks::left_names(&upper, "build/absent").unwrap(), Vec::<String>::new());
    let mut pipe = Command::new("mkfifo");
    assert!(pipe.arg(upper.join("build/wheel/z.whl")).status().unwrap().success());
    assert!(crate::hooks::left(&upper, "build/wheel/z.whl").is_err());
}
