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
    layers       3, 25.1 kB as they are stored
    user         app
    starts       'a b'
    unreadable   /opt/conda/conda-meta/damaged-1-0.json: it is no record of a package: EOF while parsing an object at line 1 column 1
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
    let database = "P:zlib\nV:1.3.1-r1\nA:x86_64\np:so:libz.so.1=1.3.1\nD:so:libc.musl-x86_64.so.1\n\nC:Q1x=\nP:musl\nV:1.2.5-r0\nA:x86_64\nI:409600\nL:MIT\nT:the musl c library\no:musl\np:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\n\n\
                    P:busybox\nV:1.36.1-r29\nA:x86_64\nD:so:libc.musl-x86_64.so.1 !old\nF:bin\nR:busybox\n\nnonsense\n";
    let alpine = HandmadeLayer::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
        .file("lib/apk/db/installed", database)
        .program("bin/busybox");
    let bench = image(vec![alpine]);
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"
    3 packages: version, installed
      apk/busybox  1.36.1-r29         ?
      apk/musl       1.2.5-r0  409.6 kB
      apk/zlib       1.3.1-r1         ?
    ");
    assert_snapshot!(says(&bench, &["tree", "./image"]), @"
    apk/busybox 1.36.1-r29
    └─ apk/musl 1.2.5-r0 [so:libc.musl-x86_64.so.1]
    apk/zlib 1.3.1-r1
    └─ apk/musl 1.2.5-r0 [so:libc.musl-x86_64.so.1]
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/bin/busybox"]), @"
    /bin/busybox belongs to apk/busybox
      in layer 1: by hand
    ");
}

/// As apko makes images of Wolfi's packages: one layer, its database below `/usr`, an SBOM that names the image, and a user without a name.
#[test]
fn images_of_apko_are_read() {
    let database = "C:Q1abc=\nP:wolfi-baselayout\nV:20230201-r20\nA:x86_64\nS:30000\nI:120000\nT:baselayout\nU:https://os.example\nL:MIT\no:wolfi-baselayout\n\
                    m:Chainguard <hi@os.example>\nt:1750000000\nc:0123abcd\nD:ca-certificates-bundle glibc~2.41\nF:etc\nM:0:0:755\nR:os-release\na:0:0:644\nZ:Q1x=\n\n\
                    P:glibc\nV:2.41-r3\nA:x86_64\nI:6500000\nL:LGPL-2.1-or-later\no:glibc\np:so:libc.so.6=6 glibc-2.41=2.41-r3\nF:usr/lib\nR:libc.so.6\n\n\
                    P:libcrypto3\nV:3.5.0-r1\nA:x86_64\nL:Apache-2.0\no:openssl\nD:so:libc.so.6\nF:usr/lib\nR:libcrypto.so.3\n\n";
    let release = "ID=wolfi\nNAME=\"Wolfi\"\nVERSION_ID=\"20230201\"\nHOME_URL=\"https://os.example\"\n";
    let sbom = r#"{"spdxVersion": "SPDX-2.3", "name": "sbom-sha256:0", "packages": []}"#;
    let layer = HandmadeLayer::new()
        .folder("etc/", 0o755)
        .file("etc/os-release", release)
        .folder("etc/apk/", 0o755)
        .file("etc/apk/world", "glibc>2.40\nlibcrypto3@local\n!mail\nwolfi-baselayout\n")
        .file("etc/apk/arch", "x86_64\n")
        .file("etc/apk/repositories", "https://packages.os.example/os\n")
        .file(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:Account:/home/nonroot:/bin/sh\n",
        )
        .link("lib", "usr/lib")
        .file("usr/lib/libc.so.6", "x")
        .file("usr/lib/libcrypto.so.3", "x")
        .file("usr/lib/apk/db/installed", database)
        .file("usr/lib/apk/db/triggers", "")
        .file("usr/lib/apk/db/scripts.tar", "")
        .file("var/lib/db/sbom/glibc-2.41-r3.spdx.json", sbom);
    let bench = Bench::new();
    let mut config = ContainerConfig { user: "65532".to_owned(), ..ContainerConfig::default() };
    config.env = vec!["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt".to_owned()];
    config.entrypoint = vec!["/usr/bin/app".to_owned()];
    write_layout(&bench.imgbuild.path("image"), &[Platform::LinuxAmd64], vec![layer.tar()], &config);
    assert_snapshot!(says(&bench, &["inspect", "./image"]), @"
    digest       sha256:SHA256
    platform     linux/amd64
    created      2020-09-13T12:26:40Z
    system       wolfi 20230201
    packages     3 of Alpine
    layers       1, 12.8 kB as they are stored
    user         65532
    starts       /usr/bin/app
    variable     SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
    ");
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"
    3 packages: version, installed
      apk/glibc                  2.41-r3    6.5 MB
      apk/libcrypto3            3.5.0-r1         ?
      apk/wolfi-baselayout  20230201-r20  120.0 kB
    ");
    assert_snapshot!(says(&bench, &["tree", "./image"]), @"
    apk/glibc 2.41-r3
    apk/libcrypto3 3.5.0-r1
    └─ apk/glibc 2.41-r3 [so:libc.so.6]
    apk/wolfi-baselayout 20230201-r20
    └─ apk/glibc 2.41-r3 [glibc~2.41]
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "glibc"]), @"
    apk/glibc 2.41-r3
      apk/glibc (asked for: glibc)
      apk/libcrypto3 (asked for: libcrypto3)
        requires so:libc.so.6: apk/glibc
      apk/wolfi-baselayout (asked for: wolfi-baselayout)
        requires glibc~2.41: apk/glibc
    ");
    for path in ["/lib/libcrypto.so.3", "/usr/lib/libcrypto.so.3"] {
        assert!(
            says(&bench, &["why", "./image", path])
                .starts_with("/usr/lib/libcrypto.so.3 belongs to apk/libcrypto3\n")
        );
    }
    assert_snapshot!(says(&bench, &["inspect", "./image", "--files", "/etc/**"]), @"
    5 files: size, whose
      /etc/apk/arch           7 B              nobody's
      /etc/apk/repositories  31 B              nobody's
      /etc/apk/world         51 B              nobody's
      /etc/os-release        74 B  apk/wolfi-baselayout
      /etc/passwd            82 B              nobody's
    ");
    let json = bench.run(&["inspect", "./image", "--packages", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let purls = json["package-list"].as_array().unwrap().iter().map(|it| it["purl"].as_str().unwrap());
    assert_snapshot!(purls.collect::<Vec<_>>().join("\n"), @"
    pkg:apk/wolfi/glibc@2.41-r3?arch=x86_64&distro=wolfi-20230201
    pkg:apk/wolfi/libcrypto3@3.5.0-r1?arch=x86_64&distro=wolfi-20230201
    pkg:apk/wolfi/wolfi-baselayout@20230201-r20?arch=x86_64&distro=wolfi-20230201
    ");
}

/// As rules_distroless and bazel's rules before them make images of Debian's packages: stanzas beside one another, with and without lists of
/// hashes, whose paths may begin with a dot, and a layer for each package.
#[test]
fn distroless_images_are_read() {
    let stanza = |name: &str, version: &str, rest: &str| {
        format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@b.example>\nInstalled-Size: 10\n{rest}\n"
        )
    };
    let layer =
        |name: &str, text: String| HandmadeLayer::new().file(&format!("var/lib/dpkg/status.d/{name}"), text);
    let base = layer("base-files", stanza("base-files", "12.4+deb12u11", ""))
        .file("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n")
        .link("etc/os-release", "../usr/lib/os-release")
        .file("var/lib/dpkg/status.d/base-files.md5sums", "00  ./usr/lib/os-release\n");
    let ssl = layer("libssl3", stanza("libssl3", "3.0.16-1~deb12u1", "Source: openssl\nDepends: libc6 (>= 2.34)\n"))
        .file("usr/lib/x86_64-linux-gnu/libssl.so.3", "x")
        .file("usr/share/doc/libssl3/copyright", "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Apache-2.0\n");
    let libc = layer("libc6", stanza("libc6", "2.36-9+deb12u10", "Source: glibc\n"))
        .file("lib/x86_64-linux-gnu/libc.so.6", "x")
        .file("var/lib/dpkg/status.d/libc6.md5sums", "00  lib/x86_64-linux-gnu/libc.so.6\n");
    let bench = image(vec![base, libc, ssl, HandmadeLayer::new().program("app")]);
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"
    3 packages: version, installed
      debian/base-files     12.4+deb12u11  10.2 kB
      debian/libc6        2.36-9+deb12u10  10.2 kB
      debian/libssl3     3.0.16-1~deb12u1  10.2 kB
    ");
    assert_snapshot!(says(&bench, &["tree", "./image"]), @"
    debian/base-files 12.4+deb12u11
    debian/libssl3 3.0.16-1~deb12u1
    └─ debian/libc6 2.36-9+deb12u10 [libc6 (>= 2.34)]
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/lib/x86_64-linux-gnu/libc.so.6"]), @"
    /lib/x86_64-linux-gnu/libc.so.6 belongs to debian/libc6
      in layer 2: by hand
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/etc/os-release"]), @"
    /etc/os-release is in no package's list of files
      in layer 1: by hand
    ");
    assert_snapshot!(says(&bench, &["why", "./image", "/usr/lib/os-release"]), @"
    /usr/lib/os-release belongs to debian/base-files
      in layer 1: by hand
    ");
    let json = bench.run(&["inspect", "./image", "--packages", "--json"]).stdout;
    assert!(
        json.contains("\"licence\": \"Apache-2.0\"") && json.contains("\"codename\": \"bookworm\""),
        "{json}"
    );
}

#[test]
fn an_image_of_nothing_has_nothing() {
    let bench = image(vec![HandmadeLayer::new().program("app")]);
    assert_snapshot!(says(&bench, &["inspect", "./image"]), @"
    digest       sha256:SHA256
    platform     linux/amd64
    created      2020-09-13T12:26:40Z
    packages     none that is known
    layers       1, 2.0 kB as they are stored
    user         app
    starts       'a b'
    ");
    assert_snapshot!(says(&bench, &["inspect", "./image", "--packages"]), @"0 packages: version, installed");
    assert_snapshot!(says(&bench, &["size", "./image"]), @"0 packages with 0 B installed: alone, and with what only each brings");
}

/// The lines of `inspect --packages` without the first.
fn packages(bench: &Bench) -> Vec<String> {
    let text = says(bench, &["inspect", "./image", "--packages"]);
    text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// As uv makes environments: their files are links to its cache.
#[test]
fn metadata_that_is_a_link_is_read() {
    let bench = Bench::new();
    let script = r#"
import io, tarfile
out = tarfile.open("layer.tar", "w")
def file(name, text):
    info = tarfile.TarInfo(name); info.size = len(text); out.addfile(info, io.BytesIO(text.encode()))
def link(name, target):
    info = tarfile.TarInfo(name); info.type = tarfile.LNKTYPE; info.linkname = target; out.addfile(info)
cache, site = "root/.cache/uv/archive-v0/x/", "srv/venv/lib/python3.12/site-packages/"
file(cache + "idna-3.7.dist-info/METADATA", "Name: idna\nVersion: 3.7\n")
file(cache + "idna-3.7.dist-info/RECORD", "idna/__init__.py,,\n")
file(cache + "idna/__init__.py", "")
for name in ["idna-3.7.dist-info/METADATA", "idna-3.7.dist-info/RECORD", "idna/__init__.py"]: link(site + name, cache + name)
# The same path again, as nothing that says anything.
file("opt/venv/lib/python3.12/site-packages/a-1.0.dist-info/METADATA", "Name: a\nVersion: 1.0\n")
file("opt/venv/lib/python3.12/site-packages/a-1.0.dist-info/METADATA", "")
"#;
    let mut python = std::process::Command::new("python3");
    imgbuild_tests::capture(python.args(["-c", script]).current_dir(bench.imgbuild.folder())).success();
    let layer = fs_err::read(bench.imgbuild.path("layer.tar")).unwrap();
    write_layout(
        &bench.imgbuild.path("image"),
        &[Platform::LinuxAmd64],
        vec![layer],
        &ContainerConfig::default(),
    );
    assert_eq!(packages(&bench), ["pypi/idna in /srv/venv 3.7 ?"]);
    assert_snapshot!(says(&bench, &["why", "./image", "/srv/venv/lib/python3.12/site-packages/idna/__init__.py"]), @"
    /srv/venv/lib/python3.12/site-packages/idna/__init__.py belongs to pypi/idna in /srv/venv
      in layer 1: by hand
    ");
}

#[test]
fn architectures_and_caches_of_conda_are_told_apart() {
    let status = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36\n
Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36\n";
    let record = r#"{"name": "numpy", "version": "1.0", "build": "0", "channel": "https://c.example/conda-forge/linux-64", "subdir": "linux-64", "files": []}"#;
    let layer = HandmadeLayer::new()
        .file("var/lib/dpkg/status", status)
        .file("var/lib/dpkg/info/libc6:i386.list", "/usr/lib/i386-linux-gnu/libc.so.6\n")
        .file("usr/lib/i386-linux-gnu/libc.so.6", "x")
        .file("opt/conda/conda-meta/numpy-1.0-0.json", record)
        .file(
            "opt/conda/pkgs/numpy-1.0-0/lib/python3.11/site-packages/numpy-1.0.dist-info/METADATA",
            metadata("numpy", "1.0", ""),
        );
    let bench = image(vec![layer]);
    assert_eq!(
        packages(&bench),
        ["debian/libc6 2.36 ?", "debian/libc6:i386 2.36 ?", "conda/numpy in /opt/conda 1.0 0 ?"]
    );
    assert_snapshot!(says(&bench, &["why", "./image", "/usr/lib/i386-linux-gnu/libc.so.6"]), @"
    /usr/lib/i386-linux-gnu/libc.so.6 belongs to debian/libc6:i386
      in layer 1: by hand
    ");
    let json = bench.run(&["inspect", "./image", "--packages", "--json"]).stdout;
    assert!(json.contains("pkg:conda/numpy@1.0?build=0&channel=conda-forge&subdir=linux-64"), "{json}");
}

#[test]
fn values_of_strangers_forge_no_lines_and_show_no_secrets() {
    let record = r#"{"name": "a", "version": "1\n  debian/forged 1", "build": "0", "files": [],
        "depends": ["b @ https://u:hunter2@h.example/t/tk-9/x"], "requested_spec": "https://u:hunter2@h.example/t/tk-9/x::a"}"#;
    let layer = HandmadeLayer::new().file("opt/conda/conda-meta/a-1-0.json", record).file("a\nb", "");
    let bench = Bench::new();
    let mut config =
        ContainerConfig { env: vec!["A=1\nlabel        forged=1".to_owned()], ..ContainerConfig::default() };
    let write = |name: &str, config: &ContainerConfig, layer: Vec<u8>| {
        write_layout(&bench.imgbuild.path(name), &[Platform::LinuxAmd64], vec![layer], config);
    };
    write("image", &config, layer.tar());
    assert_snapshot!(says(&bench, &["inspect", "./image"]), @r#"
    digest       sha256:SHA256
    platform     linux/amd64
    created      2020-09-13T12:26:40Z
    environment  /opt/conda: 1 of conda
    packages     1 of conda
    layers       1, 2.6 kB as they are stored
    user         root
    starts       nothing
    variable     A=1\nlabel        forged=1
    "#);
    assert_snapshot!(says(&bench, &["ls", "./image"]), @r#"
    -rw-r--r--  0:0  0  a\nb
    drwxr-xr-x  0:0  -  opt
    "#);
    assert_snapshot!(says(&bench, &["tree", "./image"]), @r#"conda/a 1\n  debian/forged 1"#);
    for words in [
        &["inspect", "./image", "--packages", "--json"][..],
        &["tree", "./image", "--json"],
        &["why", "./image", "a", "--json"],
    ] {
        let said = bench.run(words).stdout;
        assert!(!said.contains("hunter2") && !said.contains("tk-9"), "{said}");
    }
    // Nothing of it means anything in a comment on a pull request.
    config.labels.insert("![x](https://evil.example/x.png) | @all".to_owned(), "`a`\n# b".to_owned());
    write("other", &config, HandmadeLayer::new().file("```\n![y](https://evil.example/y.png)", "").tar());
    let outcome = bench.imgbuild.run(["diff", "./image", "./other", "--files", "--markdown"]);
    assert_eq!(outcome.code, Some(1));
    assert_snapshot!(imgbuild_tests::named(&outcome.stdout), @r#"
    ### ./image → ./other

    | package | before | after | installed |
    |---|---|---|---|
    | conda/a in /opt/conda | 1\\n  debian/forged 1 0 |  |  |

    | configuration | before | after |
    |---|---|---|
    | label \!\[x\](https://evil.example/x.png) \| @&#8203;all |  | \`a\`\\n\# b |

    <details><summary>files</summary>

    ````
    - /a\nb
    - /opt
    - /opt/conda
    - /opt/conda/conda-meta
    - /opt/conda/conda-meta/a-1-0.json
    + /```\n![y](https:
    + /```\n![y](https:/evil.example
    + /```\n![y](https:/evil.example/y.png)
    ````

    </details>

    whoever has the first pulls 1.5 kB for the second: 1 layer, and 0 are shared
    "#);
}

/// What is small when it is compressed may be much: it is told, and takes neither minutes nor gigabytes.
#[test]
fn what_lists_too_much_is_not_read() {
    let site = "opt/venv/lib/python3.12/site-packages";
    let layer = HandmadeLayer::new()
        .file(&format!("{site}/a-1.0.dist-info/METADATA"), metadata("a", "1.0", ""))
        .file(&format!("{site}/a-1.0.dist-info/RECORD"), "a\n".repeat(2 << 20));
    let bench = image(vec![layer]);
    let text = says(&bench, &["inspect", "./image"]);
    let unreadable: Vec<&str> = text.lines().filter(|line| line.starts_with("unreadable")).collect();
    assert_eq!(
        unreadable,
        [
            "unreadable   /opt/venv/lib/python3.12/site-packages/a-1.0.dist-info/RECORD: it lists more than any package has"
        ]
    );
    assert_eq!(packages(&bench), ["pypi/a in /opt/venv 1.0 ?"]);
}

/// A chain of requirements as long as strangers like.
#[test]
fn deep_requirements_are_followed_without_end() {
    let package = |number: u32| format!("P:p{number}\nV:1\nI:1\nD:p{}\n\n", number + 1);
    let database: String = (0..5_000).map(package).collect();
    let bench = image(vec![HandmadeLayer::new().file("lib/apk/db/installed", database)]);
    let tree = says(&bench, &["tree", "./image"]);
    assert_eq!(tree.lines().count(), 201);
    assert!(says(&bench, &["size", "./image", "--top", "1"]).contains("apk/p0  1 B  5.0 kB with 4999 more"));
}
