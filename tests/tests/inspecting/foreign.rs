//! Images that others made: what their package managers left tells what is in them.

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{Bench, HandmadeLayer, write_layout};
use insta::assert_snapshot;

const STATUS: &str = "\
Package: base-files\nEssential: yes\nStatus: install ok installed\nInstalled-Size: 341\nMaintainer: A <a@b.example>\nArchitecture: amd64\nVersion: 12.4+deb12u5\n
Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u4\nDepends: libgcc-s1, libcrypt1 (>= 1:4.4)\n
Package: libgcc-s1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\nDepends: gcc-12-base (= 12.2.0-14), libc6 (>= 2.35)\n
Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n
Package damaged\n
Package: python3-yaml\nStatus: install ok installed\nArchitecture: amd64\nVersion: 6.0-3\n";

const RECORD: &str = r#"{"name": "NumPy", "version": "1.26.4", "build": "py311_0", "channel": "https://u:p@c.example/t/tk-1/forge",
"subdir": "linux-64", "license": "BSD-3-Clause", "depends": ["python >=3.11", "libc6"], "fn": "numpy-1.26.4-py311_0.conda",
"url": "https://u:p@c.example/t/tk-1/forge/linux-64/numpy-1.26.4-py311_0.conda", "requested_spec": "numpy=1.26",
"files": ["lib/python3.11/site-packages/numpy/__init__.py", "lib/python3.11/site-packages/numpy-1.26.4.dist-info/METADATA", "../../etc/passwd"]}"#;

const PYTHON: &str = r#"{"name": "python", "version": "3.11.8", "build": "h_0", "files": []}"#;

fn metadata(name: &str, version: &str, further: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{further}\nthe description\nName: no\n")
}

fn debian() -> HandmadeLayer {
    HandmadeLayer::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n")
        .link("lib", "usr/lib")
        .file("usr/lib/libc.so.6", "x")
        .file("usr/share/doc/libc6/copyright", "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: LGPL-2.1+\n text\n\nFiles: a\nLicense: MIT or BSD\n")
        .file("var/lib/dpkg/status", STATUS)
        .file("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/libc.so.6\n")
        .file("var/lib/dpkg/info/python3-yaml.list", "/usr/lib/python3/dist-packages/PyYAML-6.0.dist-info/METADATA\n")
        .file("usr/lib/python3/dist-packages/PyYAML-6.0.dist-info/METADATA", metadata("PyYAML", "6.0", ""))
}

fn conda() -> HandmadeLayer {
    let site = "opt/conda/lib/python3.11/site-packages";
    let requests = metadata(
        "Requests",
        "2.32.0",
        "License: Apache-2.0\nAuthor: K\nAuthor-email: k@r.example\nRequires-Dist: idna<4\nRequires-Dist: PySocks; extra == 'socks'\nRequires-Dist: colorama; sys_platform == 'win32'\n",
    );
    let idna = metadata("idna", "3.7", "Classifier: License :: OSI Approved :: BSD License\n");
    HandmadeLayer::new()
        .file("opt/conda/conda-meta/numpy-1.26.4-py311_0.json", RECORD)
        .file("opt/conda/conda-meta/python-3.11.8-h_0.json", PYTHON)
        .file("opt/conda/conda-meta/damaged-1-0.json", "{")
        .file("opt/conda/conda-meta/history", "==> no <==\n")
        .file(&format!("{site}/numpy/__init__.py"), "")
        .file(&format!("{site}/numpy-1.26.4.dist-info/METADATA"), metadata("numpy", "1.26.4", ""))
        .file(&format!("{site}/requests-2.32.0.dist-info/METADATA"), requests)
        .file(&format!("{site}/requests-2.32.0.dist-info/REQUESTED"), "")
        .file(&format!("{site}/requests-2.32.0.dist-info/RECORD"), "requests/__init__.py,,\n\"requests/a,b.py\",,\n../../../bin/r,,\n../../../../../../../../etc/shadow,,\n")
        .file(&format!("{site}/requests/a,b.py"), "x")
        .file(&format!("{site}/idna-3.7.dist-info/METADATA"), idna)
        .file(&format!("{site}/vendored/_vendor/old-1.0.dist-info/METADATA"), metadata("old", "1.0", ""))
        .file(&format!("{site}/gone-1.0.dist-info/METADATA"), metadata("gone", "1.0", ""))
        .file(&format!("{site}/nobody-1.0.dist-info/METADATA"), "Name: nobody\n")
}

fn image(layers: Vec<HandmadeLayer>) -> Bench {
    let bench = Bench::new();
    let config =
        ContainerConfig { user: "app".to_owned(), cmd: vec!["a b".to_owned()], ..ContainerConfig::default() };
    let layers = layers.into_iter().map(HandmadeLayer::tar).collect();
    write_layout(&bench.imgbuild.path("image"), &[Platform::LinuxAmd64], layers, &config);
    bench
}

fn says(bench: &Bench, arguments: &[&str]) -> String {
    imgbuild_tests::named(&bench.run(arguments).stdout)
}

#[test]
fn packages_of_debian_conda_and_python_are_found() {
    let gone = HandmadeLayer::new().file("opt/conda/lib/python3.11/site-packages/.wh.gone-1.0.dist-info", "");
    let bench = image(vec![debian(), conda(), gone]);
    assert_snapshot!(says(&bench, &["inspect", "./image"]), @"
    digest       sha256:SHA256
    platform     linux/amd64
    created      2020-09-13T12:26:40Z
    system       debian 12 bookworm
    environment  /opt/conda: Python 3.11.8, 2 of conda, 2 of PyPI
    packages     4 of Debian, 2 of conda, 2 of PyPI
    layers       3, 25.1 kB compressed
    user         app
    starts       'a b'
    ");
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"
    8 packages: version, installed
      debian/base-files              12.4+deb12u5  349.2 kB
      debian/libc6                 2.36-9+deb12u4         ?
      debian/libgcc-s1                  12.2.0-14         ?
      debian/python3-yaml                   6.0-3         ?
      conda/numpy in /opt/conda    1.26.4 py311_0         ?
      conda/python in /opt/conda       3.11.8 h_0         ?
      pypi/idna in /opt/conda                 3.7         ?
      pypi/requests in /opt/conda          2.32.0         ?
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "idna"]), @"
    pypi/idna in /opt/conda 3.7
      pypi/requests in /opt/conda (asked for: requests)
        requires idna<4: pypi/idna
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/usr/lib/libc.so.6"]), @"
    /usr/lib/libc.so.6 belongs to debian/libc6
      in layer 1: by hand
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/opt/conda/lib/python3.11/site-packages/requests/a,b.py"]), @"
    /opt/conda/lib/python3.11/site-packages/requests/a,b.py belongs to pypi/requests in /opt/conda
      in layer 2: by hand
    ");
    let json = bench.run(&["inspect", "./image", "--packages", "--json"]).stdout;
    assert!(!json.contains("tk-1") && !json.contains("u:p@"), "{json}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let all = json["package-list"].as_array().unwrap();
    let licences = all
        .iter()
        .filter_map(|it| Some(format!("{} {}", it["id"]["name"].as_str()?, it["licence"].as_str()?)));
    assert_eq!(
        licences.collect::<Vec<_>>(),
        ["libc6 LGPL-2.1+ and (MIT or BSD)", "numpy BSD-3-Clause", "idna BSD License", "requests Apache-2.0"]
    );
}

#[test]
fn images_without_a_package_manager_are_read_too() {
    let distroless = HandmadeLayer::new()
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nArchitecture: all\nVersion: 2024a\n")
        .file("var/lib/dpkg/status.d/tzdata.md5sums", "00  usr/share/zoneinfo/UTC\n")
        .file("usr/share/zoneinfo/UTC", "x");
    let bench = image(vec![distroless]);
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"
    1 package: version, installed
      debian/tzdata  2024a  ?
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/usr/share/zoneinfo/UTC"]), @"
    /usr/share/zoneinfo/UTC belongs to debian/tzdata
      in layer 1: by hand
    ");
}

#[test]
fn packages_of_alpine_are_found() {
    let database = "C:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nI:409600\nL:MIT\nT:the musl c library\no:musl\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\n\n\
                    P:busybox\nV:1.36.1-r29\nA:x86_64\nD:so:libc.musl-x86_64.so.1 !old\nF:bin\nR:busybox\n\nnonsense\n";
    let alpine = HandmadeLayer::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
        .file("lib/apk/db/installed", database)
        .program("bin/busybox");
    let bench = image(vec![alpine]);
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"
    2 packages: version, installed
      apk/busybox  1.36.1-r29         ?
      apk/musl       1.2.5-r0  409.6 kB
    ");
    assert_snapshot!(says(&bench, &["tree", "./image"]), @"
    apk/busybox 1.36.1-r29
    └─ apk/musl 1.2.5-r0 [so:libc.musl-x86_64.so.1]
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/bin/busybox"]), @"
    /bin/busybox belongs to apk/busybox
      in layer 1: by hand
    ");
}

#[test]
fn an_image_of_nothing_has_nothing() {
    let bench = image(vec![HandmadeLayer::new().program("app")]);
    assert_snapshot!(says(&bench, &["inspect", "./image"]), @"
    digest       sha256:SHA256
    platform     linux/amd64
    created      2020-09-13T12:26:40Z
    packages     none that is known
    layers       1, 2.0 kB compressed
    user         app
    starts       'a b'
    ");
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"0 packages: version, installed");
    assert_snapshot!(says(&bench, &["size", "./image"]), @"0 packages with 0 B installed: alone, and with what only each brings");
}
