//! Choosing wheels: tags, lock files, and uv against an index on loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use oci::Platform;
use pypi::{LockedWheel, Requirements, Target, Uv, UvError, wheels};

use crate::oracle::{run, tool};
use crate::support::WheelBuilder;

const TARGET: Target = Target { platform: Platform::LinuxAmd64, minor: 11, glibc: 36 };

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

fn chosen(text: &str) -> Result<Vec<LockedWheel>, String> {
    let text = format!("lock-version = \"1.0\"\ncreated-by = \"test\"\n{text}");
    wheels(&text, Path::new("/locks"), &TARGET.tags()).map_err(|error| error.to_string())
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
    assert_eq!(odd.url.as_str(), "https://index.example/odd-1.0-py3-none-any.whl");
    let damaged = entry(&["py3-none-any"])
        .replace("url =", "name = 'odd-1.0-py3-none-any.whl', url =")
        .replace("@index", "@[index");
    assert_snapshot!(chosen(&damaged).unwrap_err(), @"`<a damaged URL>` is not where a wheel can be");
}

#[test]
fn wheels_may_be_files_and_direct_archives() {
    let hash = "0".repeat(64);
    let path = format!(
        "[[packages]]\nname = 'odd'\nwheels = [{{ path = 'w/odd-1.0-py3-none-any.whl', hashes = {{ sha256 = '{hash}' }} }}]\n"
    );
    assert_eq!(chosen(&path).unwrap()[0].url.as_str(), "file:///locks/w/odd-1.0-py3-none-any.whl");
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
    no wheel of `Odd 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: there is `cp311-cp311-win_amd64`, `cp312-cp312-manylinux_2_17_x86_64`
    hint: wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
    "#);
    assert_snapshot!(refused("[[packages]]\nname = 'odd'\nversion = '1.0'\n"), @r#"
    there is no wheel of `odd 1.0`: it would have to be built
    hint: choose a version that has wheels
    "#);
    assert_snapshot!(refused(&entry(&["py3-none-any"]).replace("'Odd'", "'Odd'\nmarker = \"os_name == 'nt'\"")), @r#"
    the lock file has `Odd` under a condition or more than once: it is for several environments
    hint: lock for one Python and one platform, without `--universal`
    "#);
    assert_snapshot!(refused(&entry(&["py3-none-any"]).repeat(2)), @r#"
    the lock file has `Odd` under a condition or more than once: it is for several environments
    hint: lock for one Python and one platform, without `--universal`
    "#);
    assert_snapshot!(refused(&entry(&["py3-none-any"]).replace("sha256", "md5")), @"the lock file has no sha256 of `odd-1.0-py3-none-any.whl`");
    assert_snapshot!(refused(&entry(&["py3-none"])), @"`odd-1.0-py3-none.whl` is not the name of a wheel: it has not five or six parts between hyphens");
    let secret = "packages = [{ name = 'odd', wheels = 'https://user:secret@index.example/' }]";
    assert_snapshot!(refused(secret), @"the lock file cannot be read: line 3 is not what PEP 751 says");
    let version = wheels("lock-version = '2.0'", Path::new("/"), &TARGET.tags()).unwrap_err();
    assert_snapshot!(version, @"the lock file has version `2.0`, and version 1 is the one that is known");
}

/// An index on loopback that asks for a password: every project's page lists the wheels of a folder. It ends with the
/// process of the test.
fn index(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or("/").to_owned();
            // `user:secret`
            let allowed =
                head.iter().any(|line| line.eq_ignore_ascii_case("authorization: Basic dXNlcjpzZWNyZXQ="));
            let (status, body) = if !allowed {
                ("401 Unauthorized", Vec::new())
            } else if let Some(project) = path.strip_prefix("/simple/") {
                let names =
                    fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
                let project = project.trim_end_matches('/');
                let links = names.filter(|name| name.starts_with(&format!("{project}-"))).map(|name| {
                    let hash = oci::Digest::of(fs::read(folder.join(&name)).unwrap()).hex();
                    format!("<a href='/files/{name}#sha256={hash}'>{name}</a>")
                });
                (
                    "200 OK",
                    format!("<!DOCTYPE html><html><body>{}</body></html>", links.collect::<String>())
                        .into_bytes(),
                )
            } else {
                let name = path.trim_start_matches("/files/");
                fs::read(folder.join(name)).map_or(("404 Not Found", Vec::new()), |bytes| ("200 OK", bytes))
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _gone = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    address
}

fn wheel(name: &str, version: &str, requires: &str) -> WheelBuilder {
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}\n");
    WheelBuilder::new(name, version).file(&format!("{name}-{version}.dist-info/METADATA"), &metadata)
}

#[test]
fn uv_locks_from_an_index_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    wheel("inner", "1.0", "").write(folder.path());
    wheel("inner", "2.0", "").write(folder.path());
    wheel("outer", "1.0", "Requires-Dist: inner>=1\nRequires-Dist: other; sys_platform == 'win32'\n")
        .write(folder.path());
    let address = index(folder.path());
    let uv = Uv::new(tool("uv"));
    let wishes = |line: &str, constraint: &str, credentials: &str| Requirements {
        lines: vec![line.to_owned()],
        constraints: vec![constraint.to_owned()],
        index_url: Some(format!("http://{credentials}{address}/simple/")),
        extra_index_urls: Vec::new(),
    };
    let compile = |requirements: &Requirements| uv.compile(requirements, TARGET, folder.path());
    let text = compile(&wishes("outer", "inner<2", "user:secret@")).unwrap();
    let locked = wheels(&text, folder.path(), &TARGET.tags()).unwrap();
    let shown: Vec<String> = locked.iter().map(|it| it.url.to_string().replace(&address, "INDEX")).collect();
    assert_eq!(
        shown,
        ["http://INDEX/files/inner-1.0-py3-none-any.whl", "http://INDEX/files/outer-1.0-py3-none-any.whl"]
    );
    let bytes = fs::read(folder.path().join("outer-1.0-py3-none-any.whl")).unwrap();
    assert_eq!(locked[1].sha256, oci::Digest::of(bytes));

    let error = compile(&wishes("outer", "inner>2", "user:secret@")).unwrap_err();
    assert!(matches!(error, UvError::Unsatisfiable { .. }));
    assert_snapshot!(error, @r#"
    the Python packages cannot be chosen for Python 3.11 on linux/amd64 with glibc 2.36:
    No solution found when resolving dependencies
      cause: Because only inner<=2.0 is available and all versions of outer depend on inner>2, we can conclude that all versions of outer cannot be used.
             And because you require outer, we can conclude that your requirements are unsatisfiable.
    "#);
    let denied = compile(&wishes("outer", "inner", "user:wrong@")).unwrap_err().to_string();
    assert!(denied.contains("401") && !denied.contains("wrong"), "{denied}");
    let nonsense = compile(&wishes("outer ==", "inner", "user:secret@")).unwrap_err();
    assert!(matches!(&nonsense, UvError::Failed(said) if said.contains("outer ==")), "{nonsense}");
}

#[test]
fn uv_is_found_on_the_path() {
    let uv = tool("uv");
    let path =
        std::env::join_paths([Path::new("/nowhere"), Path::new("relative"), uv.parent().unwrap()]).unwrap();
    assert_eq!(Uv::find(&path).unwrap(), Uv::new(uv));
    assert_snapshot!(Uv::find("/nowhere".as_ref()).unwrap_err(), @r#"
    `uv` is not on PATH
    hint: install it, for example by `pip install uv`
    "#);
    let absent = Uv::new("/nowhere/uv".into()).compile(&Requirements::default(), TARGET, Path::new("/"));
    assert_snapshot!(absent.unwrap_err(), @"cannot run `/nowhere/uv`");
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
    assert_snapshot!(Uv::take(empty.path(), Path::new("/nowhere/python")).unwrap_err(), @r#"
    `uv` cannot be had: `/nowhere/python` cannot be run: No such file or directory (os error 2)
    hint: install it, for example by `pip install uv`
    "#);
    let failing = Uv::take(empty.path(), Path::new("/bin/false")).unwrap_err();
    assert_snapshot!(failing, @r#"
    `uv` cannot be had: pip could not download it
    hint: install it, for example by `pip install uv`
    "#);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}
