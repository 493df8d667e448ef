//! The tarball, the Debian and the conda package.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use imgbuild_tests::{
    Bench, Container, DebianArchive, Image, Imgbuild, Registry, capture, names, workspace_root,
};

use crate::made::{Made, VERSION};

/// That a program of a root without anything else runs, and says what it is.
fn runs_alone(root: &Path, program: &str) {
    let said = capture(Command::new("chroot").arg(root).args([program, "--version"])).success().stdout;
    assert_eq!(said, format!("imgbuild {VERSION}\n"));
}

#[test]
fn everything_is_summed_and_the_same_once_more() {
    let (made, imgbuild) = (Made::ready(), Imgbuild::new());
    let expected = [
        "SHA256SUMS".to_owned(),
        format!("imgbuild-{VERSION}-linux-amd64.tar"),
        format!("imgbuild-{VERSION}-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl"),
        format!("imgbuild-{VERSION}-x86_64-linux.tar.gz"),
        format!("imgbuild-{VERSION}-x86_64_0.conda"),
        format!("imgbuild_{VERSION}-1_amd64.deb"),
    ];
    assert_eq!(names(&made.folder), expected);
    let mut check = Command::new("sha256sum");
    capture(check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(&made.folder)).success();
    made.make_into(&imgbuild.path("again"));
    let first = fs_err::read_to_string(made.folder.join("SHA256SUMS")).unwrap();
    assert_eq!(imgbuild.read("again/SHA256SUMS"), first);
}

#[test]
fn the_tarball_has_a_program_that_needs_nothing_and_pages_of_every_command() {
    let (made, imgbuild) = (Made::ready(), Imgbuild::new());
    let tarball = made.file(".tar.gz");
    let list = capture(Command::new("tar").args(["-tvzf"]).arg(&tarball)).success().stdout;
    let mut paths = Vec::new();
    for line in list.lines() {
        assert!(line.contains(" 0/0 ") && line.contains(" 1970-01-01 00:00 "), "{line}");
        paths.push(line.split_whitespace().last().unwrap().trim_end_matches('/').to_owned());
    }
    assert!(paths.is_sorted(), "{paths:?}");
    let root = imgbuild.path("root");
    fs_err::create_dir_all(&root).unwrap();
    let mut unpack = Command::new("tar");
    unpack.args(["--strip-components=1", "-xzf"]).arg(&tarball).arg("-C").arg(&root);
    capture(&mut unpack).success();
    runs_alone(&root, "/bin/imgbuild");

    let pages: BTreeSet<String> = names(&root.join("share/man/man1")).into_iter().collect();
    let help = imgbuild.run(["--help"]).success().stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let wanted = commands.map(|line| format!("imgbuild-{}.1", line.split_whitespace().next().unwrap()));
    let lacking: Vec<_> = wanted.filter(|page| !pages.contains(page)).collect();
    assert_eq!(lacking, [""; 0]);
    for page in ["imgbuild.1", "imgbuild-cache-prune.1", "imgbuild-build.1"] {
        let text = fs_err::read_to_string(root.join("share/man/man1").join(page)).unwrap();
        assert!(text.contains(&format!(".TH {} 1", page.trim_end_matches(".1"))), "{text}");
    }
    // What bash asks for it when somebody presses Tab.
    let script = "source share/bash-completion/completions/imgbuild; COMP_WORDS=(imgbuild comp); COMP_CWORD=1; \
        _imgbuild imgbuild comp imgbuild; echo ${COMPREPLY[@]}";
    let said = capture(Command::new("bash").args(["-c", script]).current_dir(&root)).success().stdout;
    assert_eq!(said, "completions\n");
    let licences = fs_err::read_to_string(root.join("share/doc/imgbuild/THIRD-PARTY")).unwrap();
    for word in [
        "\nzstd-sys ",
        "\nrattler_solve ",
        "GNU LESSER GENERAL PUBLIC LICENSE",
        "Copyright (c) Meta Platforms",
    ] {
        assert!(licences.contains(word), "{word}");
    }
    // What compiles it is not in it.
    assert!(!licences.contains("\ncmake ") && !licences.contains("\ninsta "));
}

#[test]
fn the_program_finds_hosts_whatever_the_machine_says_of_names() {
    let (made, imgbuild, registry) = (Made::ready(), Imgbuild::new(), Registry::new());
    registry.push_image("a", "one", "application/vnd.oci.image.layer.v1.tar", b"");
    let mut unpack = Command::new("tar");
    unpack.args(["--strip-components=1", "-xzf"]).arg(made.file(".tar.gz")).arg("-C").arg(imgbuild.folder());
    capture(&mut unpack).success();
    // As Fedora and desktops have it: with these, glibc loads libraries of the machine, and crashes where that has another glibc.
    let modules =
        "passwd: files systemd\nhosts: mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] files dns\n";
    imgbuild.write("etc/nsswitch.conf", modules);
    imgbuild.write("etc/hosts", "127.0.0.1 registry.test\n");
    let host = format!("registry.test:{}", registry.address().rsplit(':').next().unwrap());
    // Without any authorities there is no client.
    let authorities = "etc/ssl/certs/ca-certificates.crt";
    imgbuild.write(authorities, fs_err::read(format!("/{authorities}")).unwrap());
    let plain = format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n");
    imgbuild.write("etc/containers/registries.conf", plain);
    let mut trace = Command::new("strace");
    trace.args(["-f", "-e", "trace=openat,open", "-o", "trace", "chroot", "."]);
    trace.args(["/bin/imgbuild", "tags", &format!("{host}/a")]).current_dir(imgbuild.folder());
    let said = capture(trace.env_clear().envs([("PATH", "/usr/sbin:/usr/bin"), ("HOME", "/")]));
    assert_eq!(said.clone().success().stdout, "one\n", "{}", said.stderr);
    let trace = imgbuild.read("trace");
    let opened = trace.split("/bin/imgbuild").last().unwrap();
    assert!(opened.contains("/etc/hosts"), "{opened}");
    assert!(!trace.contains("libnss_resolve") && !trace.contains("libnss_mdns4"), "{trace}");
}

#[test]
fn dpkg_installs_the_package() {
    let (made, imgbuild) = (Made::ready(), Imgbuild::new());
    let deb = made.file(".deb");
    let fields = capture(Command::new("dpkg-deb").arg("--field").arg(&deb)).success().stdout;
    for line in [
        "Package: imgbuild".to_owned(),
        format!("Version: {VERSION}-1"),
        "Architecture: amd64".to_owned(),
        "Recommends: uidmap".to_owned(),
    ] {
        assert!(fields.lines().any(|it| it == line), "{line}: {fields}");
    }
    let root = imgbuild.path("root");
    for folder in ["info", "updates", "triggers"] {
        fs_err::create_dir_all(root.join("var/lib/dpkg").join(folder)).unwrap();
    }
    fs_err::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let dpkg = |arguments: &[&str]| {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--root").arg(&root).args(["--force-not-root", "--force-script-chrootless"]).args(arguments);
        dpkg.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        capture(&mut dpkg).success().stdout
    };
    dpkg(&["--log=/dev/null", "--install", deb.to_str().unwrap()]);
    assert_eq!(dpkg(&["--verify", "imgbuild"]), "");
    runs_alone(&root, "/usr/bin/imgbuild");
    for file in [
        "bash-completion/completions/imgbuild",
        "doc/imgbuild/copyright",
        "fish/vendor_completions.d/imgbuild.fish",
        "man/man1/imgbuild-build.1.gz",
        "zsh/vendor-completions/_imgbuild",
    ] {
        assert!(root.join("usr/share").join(file).exists(), "{file}");
    }
}

#[test]
fn imgbuild_puts_its_own_debian_package_into_an_image() {
    let (made, mut archive) = (Made::ready(), DebianArchive::new());
    archive.add_file(&made.file(".deb"));
    archive.publish();
    let bench = Bench::with(archive, |_| imgbuild_tests::Answer::File);
    bench.packages(&["imgbuild"]);
    bench.build(&[]);
    let image = Image::all(&bench.imgbuild.path("out/x-latest.tar")).remove(0);
    let container = Container::new(&image);
    runs_alone(&container.root(), "/usr/bin/imgbuild");
}

#[test]
fn imgbuild_puts_its_own_conda_package_into_an_image() {
    let (made, bench) = (Made::ready(), Bench::new());
    let package = made.file(".conda");
    let channel = bench.imgbuild.path("ours");
    fs_err::create_dir_all(channel.join("linux-64")).unwrap();
    fs_err::copy(&package, channel.join("linux-64").join(package.file_name().unwrap())).unwrap();
    let mut index = Command::new(workspace_root().join("target/channel-parts/tools/bin/python"));
    index
        .args(["-c", "import repodata, sys, pathlib; repodata.write(pathlib.Path(sys.argv[1]))"])
        .arg(&channel);
    index.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPATH", workspace_root().join("xtask/channel"));
    capture(&mut index).success();
    bench.spec("", "[conda]\nchannels = [\"./ours\"]\npackages = [\"imgbuild\"]");
    bench.build(&[]);
    let image = Image::all(&bench.imgbuild.path("out/x-latest.tar")).remove(0);
    let container = Container::new(&image);
    let root = container.root();
    runs_alone(&root, "/opt/conda/bin/imgbuild");
    let record =
        fs_err::read_to_string(root.join(format!("opt/conda/conda-meta/imgbuild-{VERSION}-x86_64_0.json")));
    let record: serde_json::Value = serde_json::from_str(&record.unwrap()).unwrap();
    assert_eq!(record["license"], "MIT OR Apache-2.0");
    assert_eq!(record["depends"], serde_json::json!([]));
    // The texts that rattler-build put into the package for whoever passes it on.
    let texts =
        root.join(format!("opt/conda/conda-meta/licenses/imgbuild-{VERSION}-x86_64_0/share/doc/imgbuild"));
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY"] {
        let text = fs_err::read_to_string(texts.join(name)).unwrap();
        assert!(text.contains("WITHOUT WARRANTIES") || text.contains("WITHOUT WARRANTY"), "{name}");
    }
}
