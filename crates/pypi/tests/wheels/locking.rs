//! Choosing wheels: tags, lock files, and uv itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild_diagnostic::told;
use imgbuild_oci::Platform;
use imgbuild_pypi::{Choice, Environment, LockedWheel, Reading, Target, Uv, read_pylock};
use imgbuild_requirement::ProjectParts;
use insta::assert_snapshot;

use crate::oracle::{run, tool};

pub(crate) const TARGET: Target = Target { platform: Platform::LinuxAmd64, minor: 11, glibc: 36 };

/// The tags by `packaging`: Python's minor version, glibc's, the machine.
const TAGS: &str = r#"
import sys
from packaging import tags, _manylinux
minor, glibc, machine = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
_manylinux._get_glibc_version = lambda: (2, glibc)
_manylinux._have_compatible_abi = lambda *_: True
platforms = [*_manylinux.platform_tags([machine]), "linux_" + machine]
own = f"cp3{minor}"
for tag in (*tags.cpython_tags((3, minor), [own], platforms), *tags.compatible_tags((3, minor), own, platforms)):
    print(tag)
"#;

#[test]
fn the_tags_are_those_of_packaging_in_its_order() {
    for (platform, machine) in [(Platform::LinuxAmd64, "x86_64"), (Platform::LinuxArm64, "aarch64")] {
        for (minor, glibc) in [(8_u8, 17_u8), (9, 31), (11, 36), (13, 41)] {
            let target = Target { platform, minor, glibc };
            let arguments = [minor.to_string(), glibc.to_string(), machine.to_owned()];
            let expected = run(Command::new(tool("python")).args(["-c", TAGS]).args(arguments));
            assert_eq!(target.tags().sorted(), expected.lines().collect::<Vec<_>>(), "{target}");
        }
    }
}

fn choices(text: &str) -> Result<Vec<Choice>, String> {
    let environment = Environment::new(TARGET, "3.11.9").unwrap();
    let (folder, root, hashes) = (Path::new("/spec/locks"), Path::new("/spec"), BTreeMap::new());
    let parts = ProjectParts::default();
    let reading =
        Reading { folder, root, environment: &environment, urls: false, hashes: &hashes, parts: &parts };
    read_pylock(text, reading).map_err(|error| told(&error))
}

fn chosen(text: &str) -> Result<Vec<LockedWheel>, String> {
    let choices = choices(&format!("lock-version = \"1.0\"\ncreated-by = \"test\"\n{text}"))?;
    let wheel = |choice| match choice {
        Choice::Wheel(wheel) => Ok(wheel),
        Choice::Source { source, refused, .. } => {
            Err(format!("{source} ({})", refused.map(|it| told(&it)).unwrap_or_default()))
        }
    };
    choices.into_iter().map(wheel).collect()
}

/// An entry of a lock file with wheels of `odd` that bear these tags.
fn entry(tags: &[&str]) -> String {
    let hash = "0".repeat(64);
    let wheel = |tags: &&str| {
        format!(
            "{{ url = 'https://user:secret@index.example/odd-1.0-{tags}.whl', size = 7, hashes = {{ sha256 = '{hash}' }} }},"
        )
    };
    format!(
        "[[packages]]\nname = 'Odd'\nversion = '1.0'\nwheels = [{}]\n",
        tags.iter().map(wheel).collect::<String>()
    )
}

#[test]
fn the_wheel_that_fits_best_is_chosen() {
    let best = |tags: &[&str]| chosen(&entry(tags)).unwrap()[0].filename.to_string();
    let cp311 = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64";
    assert_eq!(
        best(&["py3-none-any", cp311, "cp312-cp312-manylinux_2_17_x86_64"]),
        format!("odd-1.0-{cp311}.whl")
    );
    assert_eq!(best(&["py3-none-any", "cp38-abi3-linux_x86_64"]), "odd-1.0-cp38-abi3-linux_x86_64.whl");
    assert_eq!(best(&["1-py3-none-any", "10-py3-none-any", "9-py3-none-any"]), "odd-1.0-10-py3-none-any.whl");
    assert_eq!(best(&["py3-none-any", "cp311-cp311-manylinux_2_39_x86_64"]), "odd-1.0-py3-none-any.whl");
}

#[test]
fn credentials_do_not_get_into_what_is_locked() {
    let odd = chosen(&entry(&["py3-none-any"])).unwrap().remove(0);
    assert_eq!((odd.name.as_str(), odd.size), ("odd", Some(7)));
    assert_eq!(odd.url.to_string(), "https://index.example/odd-1.0-py3-none-any.whl");
    let damaged = entry(&["py3-none-any"])
        .replace("url =", "name = 'odd-1.0-py3-none-any.whl', url =")
        .replace("@index", "@[index");
    assert_snapshot!(chosen(&damaged).unwrap_err(), @"`<a damaged URL>` is not where a package can be");
}

#[test]
fn wheels_may_be_files_and_direct_archives() {
    let hash = "0".repeat(64);
    let path = format!(
        "[[packages]]\nname = 'odd'\nwheels = [{{ path = 'w/odd-1.0-py3-none-any.whl', hashes = {{ sha256 = '{hash}' }} }}]\n"
    );
    assert_eq!(chosen(&path).unwrap()[0].url.to_string(), "file:///spec/locks/w/odd-1.0-py3-none-any.whl");
    let archive = format!(
        "[[packages]]\nname = 'odd'\narchive = {{ url = 'https://h.example/odd-1.0%2Bcpu-py3-none-any.whl', hashes = {{ sha256 = '{hash}' }} }}\n"
    );
    let odd = chosen(&archive).unwrap().remove(0);
    assert_eq!(odd.filename.version.to_string(), "1.0+cpu");
    assert_eq!(odd.origin.unwrap().url, "https://h.example/odd-1.0%2Bcpu-py3-none-any.whl");
}

#[test]
fn lock_files_that_cannot_be_used_are_refused() {
    let refused = |text: &str| chosen(text).unwrap_err();
    assert_snapshot!(refused(&entry(&["cp312-cp312-manylinux_2_17_x86_64", "cp311-cp311-win_amd64"])), @r#"
    no wheel of `Odd 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels for Python 3.11 are for Windows alone
        there is `cp312-cp312-manylinux_2_17_x86_64`, `cp311-cp311-win_amd64`
      wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    "#);
    assert_snapshot!(refused("[[packages]]\nname = 'odd'\nversion = '1.0'\n"), @"the lock file has no file of `odd 1.0`");
    assert_snapshot!(refused(&entry(&["py3-none-any"]).repeat(2)), @"the lock file has `odd` twice for Python 3.11 on linux/amd64 with glibc 2.36");
    assert_snapshot!(refused(&entry(&["py3-none-any"]).replace("'Odd'", "'Odd'\nmarker = 'os_name'")), @"the lock file has a condition that is none: `os_name`");
    assert_snapshot!(refused(&entry(&["py3-none-any"]).replace("'Odd'", "'Odd'\nrequires-python = '>=3.12'")), @"`Odd 1.0` is for Python >=3.12, and the image has 3.11.9");
    assert_snapshot!(refused("requires-python = '<3.11'"), @"the lock file is not for Python 3.11 on linux/amd64 with glibc 2.36: its `requires-python` is `<3.11`");
    assert_snapshot!(refused("environments = [\"os_name == 'nt'\", \"python_version > '3.11'\"]"), @"the lock file is not for Python 3.11 on linux/amd64 with glibc 2.36: its `environments` is `os_name == 'nt' | python_version > '3.11'`");
    let source = "[[packages]]\nname = 'odd'\nversion = '1.0'\nsdist = { url = 'https://i.example/odd-1.0.tar.gz', hashes = {} }\n";
    assert_snapshot!(refused(source), @"the source distribution `odd-1.0.tar.gz` ()");
    // Whoever downloads it finds its sha256, and holds it against the other hash.
    let md5 = entry(&["py3-none-any"]).replace("sha256", "md5");
    assert_eq!(chosen(&md5.replace(&"0".repeat(64), &"0".repeat(32))).unwrap()[0].sha256, None);
    let shorter = md5.replace(&"0".repeat(64), "00");
    assert_snapshot!(refused(&shorter), @"the lock file states the md5 `00` of `odd-1.0-py3-none-any.whl`, which cannot be one");
    assert_snapshot!(refused(&entry(&["py3-none"])), @"`odd-1.0-py3-none.whl` is not the name of a wheel: it has not five or six parts between hyphens");
    let other = |from: &str, to: &str| refused(&entry(&["py3-none-any"]).replace(from, to));
    assert_snapshot!(other("'Odd'", "'Even'"), @r#"
    the lock file has the wheel `odd-1.0-py3-none-any.whl` for `Even 1.0`, and by its name it is another one
    hint: lock again with the tool that wrote it; if it still says so, somebody has changed the file
    "#);
    assert!(other("version = '1.0'", "version = '1.1'").contains("`odd-1.0-py3-none-any.whl` for `Odd 1.1`"));
    let secret = "packages = [{ name = 'odd', wheels = 'https://user:secret@index.example/' }]";
    assert_snapshot!(refused(secret), @"the lock file cannot be read: line 3 is not what PEP 751 says");
    let version = choices("lock-version = '2.0'").unwrap_err();
    assert_snapshot!(version, @"the lock file has version `2.0`, and version 1 is the one that is known");
}

#[test]
fn a_lock_file_may_be_for_several_environments() {
    let with = |version: &str, marker: &str| {
        let entry = entry(&["py3-none-any"]).replace("odd-1.0", &format!("odd-{version}"));
        let entry = entry.replace("version = '1.0'", &format!("version = '{version}'"));
        entry.replace("'Odd'", &format!("'Odd'\nmarker = \"{marker}\""))
    };
    let versions = |text: &str| -> Vec<String> {
        chosen(text).unwrap().iter().map(|it| it.filename.version.to_string()).collect()
    };
    let several = [
        with("1.0", "python_full_version == '3.11.*'"),
        with("2.0", "python_full_version >= '3.12' or platform_machine == 'aarch64'"),
        with("3.0", "sys_platform == 'win32'"),
        with("4.0", "'test' in extras"),
        with("5.0", "'dev' in dependency_groups"),
    ];
    assert_eq!(versions(&several.concat()), ["1.0"]);
    let groups = "default-groups = ['dev']\ndependency-groups = ['dev', 'docs']\n";
    assert_eq!(versions(&format!("{groups}{}", with("5.0", "'dev' in dependency_groups"))), ["5.0"]);
    assert_eq!(versions(&with("6.0", "'test' not in extras and 'linux' in sys_platform")), ["6.0"]);
}

#[test]
fn uv_is_found_on_the_path() {
    let uv = tool("uv");
    let path =
        std::env::join_paths([Path::new("/nowhere"), Path::new("relative"), uv.parent().unwrap()]).unwrap();
    assert_eq!(Uv::find(&path).unwrap(), Uv::new(uv));
    assert_snapshot!(told(&Uv::find("/nowhere".as_ref()).unwrap_err()), @r#"
    `uv` is not on PATH
    hint: install it, for example by `pip install uv`
    "#);
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("uv");
    fs::write(&old, "#!/bin/sh\necho 'uv 0.4.30 (0 2024-11-04)'\n").unwrap();
    fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let old = told(&Uv::find(folder.path().as_os_str()).unwrap_err());
    assert_snapshot!(old.replace(&folder.path().display().to_string(), "FOLDER"), @r#"
    `FOLDER/uv` has version 0.4.30, and 0.13.0 is the oldest that is used
    hint: upgrade it, for example by `pip install --upgrade uv`
    "#);
}

#[test]
fn uv_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let uv = Uv::take(folder.path(), &tool("python")).unwrap();
    let names = || fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(names().len(), 1, "{:?}", names());
    let program = folder.path().join(&names()[0]).join("bin/uv");
    assert_eq!(uv, Uv::new(program.clone()));
    assert!(run(Command::new(program).arg("--version")).starts_with("uv "));
    // It is there: nobody is asked.
    assert_eq!(Uv::take(folder.path(), Path::new("/nowhere/python")).unwrap(), uv);
    let empty = tempfile::tempdir().unwrap();
    assert_snapshot!(told(&Uv::take(empty.path(), Path::new("/nowhere/python")).unwrap_err()), @r#"
    `uv` cannot be had: `/nowhere/python` cannot be run: No such file or directory (os error 2)
    hint: install it, for example by `pip install uv`
    "#);
    let failing = told(&Uv::take(empty.path(), Path::new("/bin/false")).unwrap_err());
    assert_snapshot!(failing, @r#"
    `uv` cannot be had: pip could not download it
    hint: install it, for example by `pip install uv`
    "#);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}
