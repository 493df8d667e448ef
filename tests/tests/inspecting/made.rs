//! Images that imgbuild made: they hold their lock.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::Value;

use crate::sample::{IMAGE, Sample};

#[test]
fn an_image_is_told_in_a_screen() {
    let sample = Sample::built();
    assert_snapshot!(sample.says_without_numbers(&["inspect", IMAGE]), @"
    digest sha256:SHA256
    platform linux/amd64
    created #
    system debian trixie
    environment /opt/conda: Python # # of conda, # of PyPI
    packages # of Debian, # of conda, # of PyPI
    layers # # MB compressed
    user #
    starts /usr/bin/tini -g -- /usr/local/bin/imgbuild-start /bin/bash
    variable CONDA_DEFAULT_ENV=base
    variable CONDA_PREFIX=/opt/conda
    variable LANG=C.UTF-8
    variable PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/home/user/.local/share/imgbuild/x/bin
    variable PYTHONUSERBASE=/home/user/.local/share/imgbuild/x
    variable #
    label io.github.imgbuild.lock=sha256:SHA256
    lock sha256:SHA256, format version #
    ");
    assert_snapshot!(sample.says_without_numbers(&["inspect", IMAGE, "--layers"]), @"
    layers, the first first: as stored, unpacked
      python # # DIGEST # MB # MB
      openssl # # DIGEST # MB # MB
      tini # DIGEST # B # kB
      apt # ca-certificates # libc6 # tzdata # DIGEST # B # kB
      _libgcc_mutex # main, bzip2 # # ca-certific… DIGEST # MB # MB
      pip # # python_abi # # pyyaml # DIGEST # MB # MB
      apt's and dpkg's configuration, dpkg's state of trixie DIGEST # kB # kB
      environment base, the lock and the bill of materials, shell… DIGEST SIZE kB SIZE kB
      copied files DIGEST # B # kB
    ");
    assert_snapshot!(sample.says_without_numbers(&["inspect", IMAGE, "--packages"]), @"
    # packages: version, installed
      debian/apt # # B
      debian/ca-certificates # # B
      debian/libc6 # # B
      debian/tini # # B
      debian/tzdata # # B
      conda/_libgcc_mutex in /opt/conda # main # B
      conda/bzip2 in /opt/conda # # # kB
      conda/ca-certificates in /opt/conda # # # kB
      conda/libexpat in /opt/conda # # # kB
      conda/libffi in /opt/conda # # # kB
      conda/libgcc-ng in /opt/conda # # # kB
      conda/liblzma in /opt/conda # # # kB
      conda/libsqlite in /opt/conda # # # MB
      conda/libuuid in /opt/conda # # # kB
      conda/libxcrypt in /opt/conda # # # kB
      conda/libzlib in /opt/conda # # # kB
      conda/ncurses in /opt/conda # # # MB
      conda/openssl in /opt/conda # # # MB
      conda/pip in /opt/conda # # # MB
      conda/python in /opt/conda # # # MB
      conda/python_abi in /opt/conda # # # B
      conda/pyyaml in /opt/conda # # # MB
      conda/readline in /opt/conda # # # kB
      conda/tzdata in /opt/conda # # # MB
      pypi/good in /opt/conda # # B
      pypi/user in /opt/conda # # B
    ");
    assert_snapshot!(sample.says_without_numbers(&["inspect", IMAGE, "--files", "/**/yaml/_yaml*"]), @"
    # file: size, whose
      # # MB conda/pyyaml in /opt/conda
    ");
}

/// The packages of a report in JSON: their releases by what tells them apart.
fn packages(report: &Value) -> BTreeMap<String, (String, Value)> {
    let all = report["package-list"].as_array().unwrap().iter();
    all.map(|it| {
        let id = format!("{} {}", it["id"]["kind"].as_str().unwrap(), it["id"]["name"].as_str().unwrap());
        (id, (it["version"].as_str().unwrap().to_owned(), it["purl"].clone()))
    })
    .collect()
}

#[test]
fn the_lock_and_the_files_say_the_same() {
    let sample = Sample::built();
    let json = |image: &str| -> Value {
        serde_json::from_str(&sample.bench.run(&["inspect", image, "--packages", "--json"]).stdout).unwrap()
    };
    let by_lock = packages(&json(IMAGE));
    assert!(by_lock.len() > 20, "{by_lock:?}");
    assert!(by_lock["conda pyyaml"].1.as_str().unwrap().starts_with("pkg:conda/pyyaml@"));
    // Without the label nothing says that it is ours: then its files tell.
    relabelled(&sample.layout(), &sample.bench.imgbuild.path("foreign"));
    let by_files = packages(&json("./foreign"));
    let releases = |all: &BTreeMap<String, (String, Value)>| {
        all.iter().map(|(id, (version, _))| format!("{id} {version}")).collect::<Vec<_>>()
    };
    assert_eq!(releases(&by_files), releases(&by_lock));
}

/// Copies a layout, and takes the labels out of the configuration of its image.
fn relabelled(from: &std::path::Path, to: &std::path::Path) {
    let script = r#"
import hashlib, json, os, shutil, sys
source, target = sys.argv[1:]
shutil.copytree(source, target)
def blob(digest): return os.path.join(target, 'blobs/sha256', digest.split(':')[1])
def put(data):
    data = json.dumps(data).encode()
    digest = 'sha256:' + hashlib.sha256(data).hexdigest()
    open(blob(digest), 'wb').write(data)
    return digest, len(data)
index = json.load(open(os.path.join(target, 'index.json')))
for item in index['manifests']:
    manifest = json.load(open(blob(item['digest'])))
    config = json.load(open(blob(manifest['config']['digest'])))
    config['config'].pop('Labels', None)
    manifest['config']['digest'], manifest['config']['size'] = put(config)
    item['digest'], item['size'] = put(manifest)
json.dump(index, open(os.path.join(target, 'index.json'), 'w'))
"#;
    let mut python = std::process::Command::new("python3");
    imgbuild_tests::capture(python.args(["-c", script]).args([from, to])).success();
}

#[test]
fn files_are_listed_shown_and_copied_out() {
    let sample = Sample::built();
    let bench = &sample.bench;
    assert_snapshot!(sample.says(&["ls", IMAGE, "/srv"]), @"-rw-r--r--  0:0  6  hello.txt");
    assert_snapshot!(sample.says(&["ls", IMAGE, "/opt/conda/lib/python3.11/site-packages/user"]), @"
    -rw-r--r--  0:0  6  __init__.py
    drwxr-xr-x  0:0  -  __pycache__
    -rw-r--r--  0:0  6  data.txt
    ");
    assert_eq!(bench.run(&["cat", IMAGE, "/srv/hello.txt"]).stdout, "hello\n");
    // Links are followed, also those of folders.
    assert_eq!(
        bench.run(&["cat", IMAGE, "usr/share/imgbuild/spec.lock"]).stdout,
        bench.imgbuild.read("spec.lock")
    );
    // All of it is what an engine would unpack.
    assert_eq!(sample.says(&["extract", IMAGE, "/srv", "some"]), "wrote 1 file to some/srv\n");
    bench.run(&["extract", IMAGE, "/", "all", "--quiet"]);
    let unpacked = bench.imgbuild.path("unpacked");
    sample.build().image().unpack(&unpacked);
    let differences = imgbuild_tests::capture(
        std::process::Command::new("diff")
            .args(["--recursive", "--no-dereference"])
            .args([unpacked, bench.imgbuild.path("all/root")]),
    );
    assert_eq!((differences.code, differences.stdout.as_str()), (Some(0), ""));
}

#[test]
fn it_is_told_why_a_package_is_there_and_whose_a_file_is() {
    let sample = Sample::built();
    assert_snapshot!(sample.says_without_numbers(&["why", "spec.toml", "good"]), @"
    pypi/good in /opt/conda #
      pypi/user in /opt/conda (asked for: user (spec.toml:14))
        requires good>=1: pypi/good
    ");
    assert_snapshot!(sample.says_without_numbers(&["why", IMAGE, "conda/openssl"]), @"
    conda/openssl in /opt/conda # #
      conda/python in /opt/conda (asked for: python #
        requires openssl # conda/openssl
      conda/pyyaml in /opt/conda (asked for: pyyaml)
        requires python # conda/python
          requires openssl # conda/openssl
      pypi/user in /opt/conda (asked for: user)
        requires python: conda/python
          requires openssl # conda/openssl
      conda/pip in /opt/conda (nothing requires it)
        requires python # conda/python
          requires openssl # conda/openssl
    ");
    assert_snapshot!(sample.says_without_numbers(&["why", IMAGE, "libc6"]), @"
    debian/libc6 #
      conda/python in /opt/conda (asked for: python #
        requires __glibc # debian/libc6
      conda/pyyaml in /opt/conda (asked for: pyyaml)
        requires __glibc # debian/libc6
      pypi/user in /opt/conda (asked for: user)
        requires python: conda/python
          requires __glibc # debian/libc6
      debian/libc6 (every base has it)
      conda/pip in /opt/conda (nothing requires it)
        requires python # conda/python
          requires __glibc # debian/libc6
    ");
    assert_snapshot!(sample.says_without_numbers(&["why", IMAGE, "/opt/conda/lib/python3.11/site-packages/user/data.txt"]), @"
    /opt/conda/lib/python3.11/site-packages/user/data.txt belongs to pypi/user in /opt/conda
      in layer # pip # # python_abi # # pyyaml # # good #
    ");
    assert_snapshot!(sample.says_without_numbers(&["why", IMAGE, "/srv/hello.txt"]), @"
    /srv/hello.txt is in no package's list of files
      in layer # copied files
    ");
    assert_snapshot!(sample.says_without_numbers(&["tree", "spec.toml", "user", "--depth", "2"]), @"
    pypi/user #
    ├─ pypi/good # [good>=1]
    │ └─ conda/python # [python]
    └─ conda/python # [python] (above)
    ");
    assert_snapshot!(sample.says_without_numbers(&["size", IMAGE, "--top", "3"]), @r#"
    # packages with # MB installed: alone, and with what only each brings
      conda/python in /opt/conda # MB # MB with # more
      conda/openssl in /opt/conda # MB # MB with # more
      conda/pip in /opt/conda # MB

    what may not be needed
      # MB header files (378): conda/openssl in /opt/conda, conda/python in /opt/conda, conda/libsqlite in /opt/conda, conda/ncurses in /opt/conda and # more
        → they are for compiling: `nvcc` and extensions need them, programs do not
      # kB documentation and manuals (6): conda/python in /opt/conda, debian/apt, debian/ca-certificates, debian/libc6 and # more
        → `[base] profile = "slim"` leaves those of Debian out
      # kB bytecode of tests (2): conda/pip in /opt/conda
        → `[layers] bytecode = false` leaves out what imgbuild compiles, and programs begin more slowly
      # B tests of packages (2): conda/pip in /opt/conda
        → no package needs the tests of another; where one matters, copy what is needed instead of the package
    "#);
    for command in [
        &["why", IMAGE, "good", "--json"][..],
        &["tree", IMAGE, "--json"],
        &["size", IMAGE, "--json"],
        &["ls", IMAGE, "/", "--json"],
    ] {
        let said = sample.bench.run(command).stdout;
        assert!(serde_json::from_str::<Value>(&said).is_ok(), "{said}");
    }
}

#[test]
fn what_is_known_of_layers_changes_nothing_that_is_told() {
    let sample = Sample::built();
    let commands: [&[&str]; 3] = [
        &["inspect", IMAGE, "--files", "--json"],
        &["size", IMAGE, "--json"],
        &["ls", IMAGE, "/opt/conda/bin", "--json"],
    ];
    let first = commands.map(|words| sample.bench.run(words).stdout);
    let again = commands.map(|words| sample.bench.run(words).stdout);
    assert_eq!(first, again);
}
