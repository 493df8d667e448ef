//! Environments that other tools have locked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::OnceLock;

use imgbuild_tests::{Answer, Bench, Image, LockTools, Server, capture, channel_folder};
use insta::assert_snapshot;
use tempfile::TempDir;

/// What is locked: few packages, of every kind of archive, with Python and noarch ones among them.
const SPECS: [&str; 3] = ["python 3.11.*", "cycler", "pyyaml"];
/// The channel's address in the locks. Nobody serves it: a mirror does.
const CHANNEL: &str = "https://conda.example/forge";

/// The locks of one environment, as the tools themselves write them: of `CHANNEL`.
fn written() -> &'static TempDir {
    static WRITTEN: OnceLock<TempDir> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let tools = LockTools::new();
        let folder = imgbuild_tests::scratch("locks");
        let server = Server::new(&channel_folder());
        capture(tools.program("write.py").arg(server.url()).arg(folder.path()).args(SPECS)).success();
        let render = ["render", "--kind", "explicit", "--platform", "linux-64", "conda-lock.yml"];
        capture(tools.conda_lock(folder.path()).args(render)).success();
        for name in ["pixi.lock", "conda-lock.yml", "exported.yml", "conda-linux-64.lock"] {
            let path = folder.path().join(name);
            let text = fs_err::read_to_string(&path).unwrap();
            assert!(text.contains(&server.url()), "{text}");
            fs_err::write(path, text.replace(&server.url(), CHANNEL)).unwrap();
        }
        folder
    })
}

fn lock(name: &str) -> String {
    fs_err::read_to_string(written().path().join(name)).unwrap()
}

/// A program whose spec takes a lock, with the channel served by a mirror.
struct Taken {
    bench: Bench,
    channel: Server,
}

impl Taken {
    fn new() -> Self {
        Self { bench: Bench::new(), channel: Server::new(&channel_folder()) }
    }

    fn spec(&self, top: &str, conda: &str) {
        let mirrors = format!("[conda.mirrors]\n\"{CHANNEL}\" = [\"{}\"]\n", self.channel.url());
        let top = format!("platforms = [\"linux/amd64\"]\n{top}");
        self.bench.spec(&top, &format!("[conda]\n{conda}\n{mirrors}"));
    }

    fn lock(&self, name: &str, text: &str) -> String {
        self.bench.imgbuild.write(name, text);
        self.spec(&format!("env = \"{name}\""), "");
        self.bench.run(&["lock", "spec.toml"]);
        conda_part(&self.bench.imgbuild.read("spec.lock"))
    }

    fn fails(&self, name: &str, text: &str) -> String {
        self.bench.imgbuild.write(name, text);
        self.spec(&format!("env = \"{name}\""), "");
        self.bench.fails(&[]).replace(&self.channel.url(), "http://CHANNEL")
    }
}

/// The packages of a lock, with all that is locked of them.
fn conda_part(lock: &str) -> String {
    let (_, packages) = lock.split_once("[[conda]]").unwrap();
    packages.to_owned()
}

/// The digests of an image's layers, but for the one of the environment's own files: its history says what was asked for.
fn layers(image: &Image) -> Vec<String> {
    let layers = image.manifest.layers.iter().zip(&image.config.history);
    let others = layers.filter(|(_, history)| !history.comment.contains("environment"));
    others.map(|(layer, _)| layer.digest.to_string()).collect()
}

#[test]
fn an_image_of_a_lock_is_the_image_of_the_solved_environment() {
    let taken = Taken::new();
    // Locks have no pip that nobody asked for.
    let packages = format!("channels = [\"{CHANNEL}\"]\npackages = {SPECS:?}\npip = false");
    taken.spec("", &packages);
    let solved = taken.bench.imgbuild.build_again(&[]).image();
    let solved_lock = conda_part(&taken.bench.imgbuild.read("spec.lock"));
    assert!(solved_lock.contains("cycler") && solved_lock.contains("tar.bz2"), "{solved_lock}");
    for name in ["pixi.lock", "conda-lock.yml", "exported.yml", "conda-linux-64.lock"] {
        assert_eq!(taken.lock(name, &lock(name)), solved_lock, "{name}");
        let image = taken.bench.imgbuild.build_again(&["--locked"]).image();
        let (found, wanted) = (layers(&image), layers(&solved));
        assert_eq!(found, wanted, "{name}");
        assert!(found.len() + 1 == image.manifest.layers.len(), "{name}");
    }
}

/// A lock of each version, as it was written by hand after pixi's own of that time: one archive of each kind.
fn of_version(version: u32) -> String {
    let (zlib, zlib_hash, _) = archive("linux-64/libzlib-1.2.13-bookworm_0.conda");
    let (tzdata, _, tzdata_md5) = archive("noarch/tzdata-2026b-0.tar.bz2");
    let packages = match version {
        4 | 5 => format!(
            "- kind: conda\n  name: libzlib\n  version: 1.2.13\n  build: bookworm_0\n  subdir: linux-64\n  noarch: false\n  \
             url: {zlib}\n  sha256: {zlib_hash}\n  license: Zlib\n\
             - kind: conda\n  name: tzdata\n  version: 2026b\n  build: '0'\n  subdir: noarch\n  noarch: generic\n  \
             url: {tzdata}\n  md5: {tzdata_md5}\n"
        ),
        _ => format!("- conda: {zlib}\n  sha256: {zlib_hash}\n- conda: {tzdata}\n  md5: {tzdata_md5}\n"),
    };
    let platforms = if version == 7 { "platforms:\n- name: linux-64\n" } else { "" };
    format!(
        "version: {version}\n{platforms}environments:\n  default:\n    channels:\n    - url: {CHANNEL}/\n    packages:\n      \
         linux-64:\n      - conda: {zlib}\n      - conda: {tzdata}\npackages:\n{packages}"
    )
}

/// URL, sha256 and MD5 of a file of the channel.
fn archive(path: &str) -> (String, String, String) {
    let file = channel_folder().join(path);
    let md5 = capture(std::process::Command::new("md5sum").arg(&file)).success().stdout;
    let md5 = md5.split_whitespace().next().unwrap().to_owned();
    (format!("{CHANNEL}/{path}"), imgbuild_oci::Digest::of(fs_err::read(file).unwrap()).hex().to_owned(), md5)
}

#[test]
fn locks_of_each_version_hold_what_rattler_reads_in_them() {
    let taken = Taken::new();
    let tools = LockTools::new();
    for version in 4..=7 {
        let text = of_version(version);
        let path = taken.bench.imgbuild.write("pixi.lock", &text);
        let read = capture(tools.program("read.py").arg(path).arg("default")).success().stdout;
        let locked = taken.lock("pixi.lock", &text);
        let url = |line: &str| line.strip_prefix("url = ").map(|url| url.trim_matches('"').to_owned());
        let mut ours: Vec<String> = locked.lines().filter_map(url).collect();
        ours.sort();
        assert_eq!(ours, read.lines().collect::<Vec<_>>());
        assert_eq!(ours.len(), 2);
    }
}

#[test]
fn an_export_says_what_was_asked_for_and_how_the_environment_is_called() {
    let taken = Taken::new();
    taken.lock("environment.yml", &lock("exported.yml"));
    let image = taken.bench.imgbuild.build_again(&[]).image();
    let history = String::from_utf8(image.file("opt/conda/conda-meta/history")).unwrap();
    assert!(
        history.contains("# update specs: [") && history.contains("'cycler=0.12.1=pyhd8ed1ab_0'"),
        "{history}"
    );
    assert_eq!(image.variable("CONDA_DEFAULT_ENV"), Some("exported"));
}

#[test]
fn a_package_that_the_index_no_longer_has_is_read_from_its_archive() {
    // A channel without any index: what is left of one that was taken back.
    let bench = Bench::new();
    let channel = Server::with(&channel_folder(), |request| {
        if request.path.contains("repodata") { Answer::Status(404) } else { Answer::File }
    });
    let taken = Taken { bench, channel };
    let from_archives = taken.lock("pixi.lock", &of_version(6));
    assert!(
        from_archives.contains("name = \"libzlib\"") && from_archives.contains("license ="),
        "{from_archives}"
    );
    taken.bench.imgbuild.build_again(&["--locked"]);
    // What is locked stays, whatever the index says later; nothing is asked again.
    let before = taken.bench.imgbuild.read("spec.lock");
    taken.bench.run(&["lock", "spec.toml", "--check"]);
    taken.bench.run(&["lock", "spec.toml", "--offline"]);
    assert_eq!(taken.bench.imgbuild.read("spec.lock"), before);
}

#[test]
fn a_lock_is_stale_when_the_file_has_other_packages() {
    let taken = Taken::new();
    taken.lock("pixi.lock", &of_version(6));
    let check = || taken.bench.imgbuild.run(["lock", "spec.toml", "--check"]).code;
    taken.bench.imgbuild.write("pixi.lock", of_version(6) + "# a remark\n");
    assert_eq!(check(), Some(0));
    let (zlib, ..) = archive("linux-64/libzlib-1.2.13-bookworm_0.conda");
    let less = of_version(6).replace(&format!("      - conda: {zlib}\n"), "");
    taken.bench.imgbuild.write("pixi.lock", less);
    assert_eq!(check(), Some(1));
}

#[test]
fn credentials_in_a_lock_stay_out_of_everything() {
    let taken = Taken::new();
    let secret =
        of_version(6).replace("https://conda.example/", "https://user:hunter2@conda.example/t/to-ken/");
    taken.lock("pixi.lock", &secret);
    let lock = taken.bench.imgbuild.read("spec.lock");
    assert!(!lock.contains("hunter2") && !lock.contains("to-ken") && lock.contains(CHANNEL), "{lock}");
}

#[test]
fn an_upgrade_of_what_another_tool_has_locked() {
    let taken = Taken::new();
    taken.lock("pixi.lock", &of_version(6));
    assert_snapshot!(taken.bench.refuses(&["lock", "spec.toml", "--upgrade", "libzlib"]), @"
    × `libzlib` cannot be upgraded here: `pixi.lock` says which version there is
    help: upgrade it with the tool that wrote the file, and lock again
    ");
    // Everything else may move.
    let all = taken.bench.run(&["lock", "spec.toml", "--upgrade"]);
    assert!(
        all.stderr.contains("taking the packages of pixi.lock as they are locked there"),
        "{}",
        all.stderr
    );
    taken.bench.run(&["lock", "spec.toml", "--upgrade", "libc6"]);
}

#[test]
fn an_archive_that_has_not_the_stated_hash() {
    let taken = Taken::new();
    let (_, sha256, _) = archive("linux-64/libzlib-1.2.13-bookworm_0.conda");
    let (_, _, md5) = archive("noarch/tzdata-2026b-0.tar.bz2");
    // By what the channel's index says.
    assert_snapshot!(taken.fails("pixi.lock", &of_version(6).replace(&sha256, &"0".repeat(64))), @"
    × cannot take the packages of `pixi.lock` for `x:latest (linux/amd64)`
    ╰─▶ the channel's `libzlib-1.2.13-bookworm_0.conda` has the hash `sha256:SHA256`, and the lock says `sha256:SHA256`
    ");
    assert_snapshot!(taken.fails("pixi.lock", &of_version(6).replace(&md5, &"0".repeat(32))), @"
    × cannot take the packages of `pixi.lock` for `x:latest (linux/amd64)`
    ╰─▶ the channel's `tzdata-2026b-0.tar.bz2` has the hash `md5:db8319b778ebfbe09983a3d00c00a767`, and the lock says `md5:00000000000000000000000000000000`
    ");
    // By what the archive is: where a store of objects has no index, it says that none may be read.
    let channel = Server::with(&channel_folder(), |request| {
        if request.path.contains("repodata") { Answer::Status(403) } else { Answer::File }
    });
    let taken = Taken { bench: Bench::new(), channel };
    assert_snapshot!(taken.fails("pixi.lock", &of_version(6).replace(&sha256, &"0".repeat(64))), @"
    × cannot take the packages of `pixi.lock` for `x:latest (linux/amd64)`
    ├─▶ cannot get `libzlib-1.2.13-bookworm_0.conda`
    ╰─▶ `http://127.0.0.1:PORT/linux-64/libzlib-1.2.13-bookworm_0.conda` has the sha256 `SHA256`, and `SHA256` was expected
    ");
    assert_snapshot!(taken.fails("pixi.lock", &of_version(6).replace(&md5, &"0".repeat(32))), @"
    × cannot take the packages of `pixi.lock` for `x:latest (linux/amd64)`
    ╰─▶ `tzdata-2026b-0.tar.bz2` has the hash `md5:db8319b778ebfbe09983a3d00c00a767`, and must have `md5:00000000000000000000000000000000`
    ");
}

#[test]
fn builds_that_are_not_on_the_channels() {
    let taken = Taken::new();
    let export = lock("exported.yml").replace("=0_cpython", "=1_cpython");
    assert_snapshot!(taken.fails("environment.yml", &export), @"
    × cannot take the packages of `environment.yml` for `x:latest (linux/amd64)`
    ╰─▶ no channel has for `linux-64`: `python=3.11.2=1_cpython`
    help: an export with builds holds for the platform and the channels that it was made with: set `platforms` and `channels`, or export with `--no-builds`
    ");
    // An export of one platform on another.
    let export = format!(
        "channels: [{CHANNEL}]\ndependencies:\n  - numpy=1.26.4=py311_0\n  - contourpy=1.3.3=py311_0\n  \
         - libzlib=1.2.13=bookworm_0\nprefix: /x\n"
    );
    taken.bench.imgbuild.write("environment.yml", export);
    taken.spec("env = \"environment.yml\"", "");
    let spec = taken.bench.imgbuild.read("spec.toml").replace("linux/amd64", "linux/arm64");
    taken.bench.imgbuild.write("spec.toml", spec);
    assert_snapshot!(taken.bench.fails(&[]), @"
    × cannot take the packages of `environment.yml` for `x:latest (linux/arm64)`
    ╰─▶ no channel has for `linux-aarch64`: `numpy=1.26.4=py311_0`, `contourpy=1.3.3=py311_0`
    help: an export with builds holds for the platform and the channels that it was made with: set `platforms` and `channels`, or export with `--no-builds`
    ");
}

#[test]
fn packages_of_another_platform_in_a_list_that_names_none() {
    let taken = Taken::new();
    let list = format!("@EXPLICIT\n{CHANNEL}/linux-aarch64/libzlib-1.2.13-bookworm_0.conda\n");
    assert_snapshot!(taken.fails("list.txt", &list), @"
    × cannot take the packages of `list.txt` for `x:latest (linux/amd64)`
    ╰─▶ `libzlib-1.2.13-bookworm_0.conda` is a package for `linux-aarch64`, and the image is for `linux-64`
    ");
    let list = format!(
        "@EXPLICIT\n{CHANNEL}/noarch/cuda-version-11.8-h70ddcb2_3.conda\n{CHANNEL}/noarch/cuda-version-12.4-h3060b56_3.conda\n"
    );
    assert_snapshot!(taken.fails("list.txt", &list), @"
    × cannot take the packages of `list.txt` for `x:latest (linux/amd64)`
    ╰─▶ the lock has two packages `cuda-version`: `cuda-version-11.8-h70ddcb2_3.conda` and `cuda-version-12.4-h3060b56_3.conda`
    ");
}

#[test]
fn packages_that_need_another_driver_than_the_spec_names() {
    let taken = Taken::new();
    taken
        .bench
        .imgbuild
        .write("list.txt", format!("@EXPLICIT\n{CHANNEL}/noarch/cuda-version-12.4-h3060b56_3.conda\n"));
    taken.spec("env = \"list.txt\"\ncuda = \"11.8\"", "");
    assert_snapshot!(taken.bench.fails(&[]), @r#"
    × cannot take the packages of `list.txt` for `x:latest (linux/amd64)`
    ╰─▶ `cuda-version-12.4-h3060b56_3` needs `__cuda >=12`, and the image's oldest driver supports CUDA 11.0
    help: say which CUDA the image is for: `cuda = "12.0"`, or leave the key out
    "#);
    taken.spec("env = \"list.txt\"\ncuda = \"12.4\"", "");
    taken.bench.run(&["lock", "spec.toml"]);
}
