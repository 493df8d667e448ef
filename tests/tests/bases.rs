//! Images on images that others made: by mmdebstrap, umoci and skopeo, by hand, and by imgbuild itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{
    Container, HandmadeLayer, Image, Imgbuild, Tree, capture, channel, temporary, write_layout,
};

fn run(program: &str, arguments: &[&str]) {
    capture(Command::new(program).args(arguments)).success();
}

/// A tar of mmdebstrap's tree: made once, since it takes a minute.
fn debian() -> PathBuf {
    let folder = temporary().join("bases");
    fs_err::create_dir_all(&folder).unwrap();
    let lock = fs_err::File::create(folder.join("lock")).unwrap();
    lock.file().lock().unwrap();
    let tar = folder.join("bookworm.tar");
    if !tar.exists() {
        let part = folder.join("part.tar");
        run("mmdebstrap", &["--quiet", "--variant=essential", "bookworm", part.to_str().unwrap()]);
        fs_err::rename(part, &tar).unwrap();
    }
    tar
}

/// A layout `base` with the image `debian`, as umoci makes it: mmdebstrap's tree, a second layer that takes away
/// something, and a configuration.
fn debian_layout(imgbuild: &Imgbuild) {
    let folder = imgbuild.folder();
    let umoci = |words: &[&str]| capture(Command::new("umoci").args(words).current_dir(folder)).success();
    umoci(&["init", "--layout", "base"]);
    umoci(&["new", "--image", "base:debian"]);
    umoci(&["raw", "add-layer", "--image", "base:debian", debian().to_str().unwrap()]);
    let layer = HandmadeLayer::new()
        .folder("srv/", 0o2770)
        .file("srv/data", "kept")
        .file("etc/.wh.issue", "")
        .folder("home/", 0o711);
    imgbuild.write("layer.tar", layer.tar());
    umoci(&["raw", "add-layer", "--image", "base:debian", "layer.tar"]);
    let config =
        ["--config.env=PATH=/usr/bin:/bin", "--config.env=GREETING=hello", "--config.user=65534:65534"];
    let rest = ["--config.label=team=base", "--config.workingdir=/srv", "--config.stopsignal=SIGINT"];
    let all: Vec<&str> = ["config", "--image", "base:debian", "--os=linux", "--architecture=amd64"]
        .into_iter()
        .chain(config)
        .chain(rest)
        .collect();
    umoci(&all);
}

/// A spec with conda's Python on `layout`.
fn conda_on(layout: &str) -> String {
    format!(
        "name = \"image\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n[base]\nlayout = \"{layout}\"\n[conda]\nchannels = [\"{}\"]\n",
        channel()
    )
}

fn mode(path: &Path) -> (u32, u32) {
    let found = path.symlink_metadata().unwrap();
    (found.permissions().mode() & 0o7777, found.uid())
}

#[test]
fn conda_on_debian_in_every_form() {
    let imgbuild = Imgbuild::new();
    debian_layout(&imgbuild);
    let skopeo = |to: &str| {
        let words = ["copy", "--quiet", "oci:base:debian", to];
        capture(Command::new("skopeo").args(words).current_dir(imgbuild.folder())).success();
    };
    skopeo("oci-archive:archive.tar:debian");
    skopeo("docker-archive:docker.tar:registry.example/debian:12");
    let mut own = Vec::new();
    for layout in ["base", "archive.tar", "docker.tar"] {
        let image = imgbuild.build(&conda_on(layout), &["--format", "oci-dir"]).image();
        let config = &image.config.config;
        assert_eq!(image.variable("PATH"), Some("/opt/conda/bin:/usr/bin:/bin"), "{layout}");
        assert_eq!(image.variable("GREETING"), Some("hello"));
        assert_eq!(image.variable("LANG"), None, "whether there is a locale is the base's");
        assert_eq!((config.user.as_str(), config.working_dir.as_str()), ("65534:65534", "/srv"));
        assert_eq!(config.stop_signal, "SIGINT");
        assert_eq!(config.labels.get("team").map(String::as_str), Some("base"));
        let named =
            |key: &str| image.manifest.annotations.get(&format!("org.opencontainers.image.base.{key}"));
        if layout == "docker.tar" {
            assert_eq!(named("name").map(String::as_str), Some("registry.example/debian:12"));
            assert_eq!(named("digest"), None, "it has no manifest");
        } else {
            assert_eq!(named("name").map(String::as_str), Some("debian"));
            let index = fs_err::read_to_string(imgbuild.path("base/index.json")).unwrap();
            assert!(index.contains(named("digest").unwrap().as_str()));
        }
        // umoci's history has items without a layer, which stay where they were.
        let items = &image.config.history;
        assert_eq!(items.iter().filter(|item| !item.empty_layer).count(), image.manifest.layers.len());
        own.push(image.manifest.layers[2..image.manifest.layers.len() - 1].to_vec());
        runs(&image);
    }
    // What stands on the base is the same, however the base is stored.
    assert_eq!(own[0], own[1]);
    assert_eq!(own[0], own[2]);
}

fn runs(image: &Image) {
    let container = Container::new(image);
    // tar knows no whiteouts: what `etc/.wh.issue` takes away is looked at by umoci elsewhere.
    let program = "import sys, os; print(sys.executable, os.environ['GREETING'], os.getuid(), os.getcwd())";
    assert_eq!(
        container.exec(&["python", "-c", program]).success().stdout,
        "/opt/conda/bin/python hello 65534 /srv\n"
    );
    let login = container.exec(&["env", "-i", "bash", "-l", "-c", "command -v python; echo $GREETING"]);
    assert_eq!(login.success().stdout, "/opt/conda/bin/python\nhello\n");
    // Nothing of the base is changed by folders that our layers carry.
    assert_eq!(mode(&container.root().join("tmp")), (0o1777, 0));
    assert_eq!(mode(&container.root().join("home")), (0o711, 0));
    assert_eq!(mode(&container.root().join("srv")), (0o2770, 0));
    assert!(container.root().join("bin").is_symlink());
    assert_eq!(container.exec_as_root(&["dpkg", "--audit"]).success().stdout, "");
}

#[test]
fn nothing_of_the_base_is_changed() {
    let imgbuild = Imgbuild::new();
    debian_layout(&imgbuild);
    // umoci knows no zstd.
    let spec = format!("{}[layers]\ncompression = \"gzip\"\n", conda_on("base"));
    imgbuild.build(&spec, &["--format", "oci-dir"]);
    let unpack = |image: &str, to: &str| {
        let words = ["raw", "unpack", "--image", image, to];
        capture(Command::new("umoci").args(words).current_dir(imgbuild.folder())).success();
        Tree::read(&imgbuild.path(to))
    };
    let base = unpack("base:debian", "base-root");
    let built = unpack("out/image-latest:latest", "built-root");
    let ours = |path: &str| {
        ["opt/conda", "usr/share/imgbuild"]
            .iter()
            .any(|own| path == *own || path.starts_with(&format!("{own}/")))
            || path == "etc/profile.d/imgbuild.sh"
    };
    let built = built.filtered(|path| !ours(path.trim_start_matches('/')));
    // Folders get the time of the last layer that has something in them.
    let facts =
        |_: &str, node: &imgbuild_tests::Node| format!("{:?} {:o} {:?}", node.kind, node.mode, node.owner);
    assert_eq!(built.differences(&base, facts), "");
    assert!(!imgbuild.path("built-root/etc/issue").exists());
}

#[test]
fn an_image_of_imgbuild_is_a_base_of_another() {
    let imgbuild = Imgbuild::new();
    let first = "name = \"first\"\nplatforms = [\"linux/amd64\"]\n[image]\nenv = { FIRST = \"1\" }\nlabels = { first = \"1\" }\n";
    let base = imgbuild.build(first, &[]).image();
    let second = format!(
        "{}[layers]\nbudget = 60\n[image]\nuser = \"1000:100\"\nenv = {{ SECOND = \"2\" }}\n",
        conda_on("out/first-latest.tar")
    );
    let image = imgbuild.build(&second, &[]).image();
    let count = base.manifest.layers.len();
    let digests = |image: &Image| image.manifest.layers.iter().map(|it| it.digest).collect::<Vec<_>>();
    assert_eq!(digests(&image)[..count], digests(&base)[..]);
    assert_eq!(image.config.config.entrypoint, base.config.config.entrypoint);
    assert_eq!((image.variable("FIRST"), image.variable("SECOND")), (Some("1"), Some("2")));
    let name = image.manifest.annotations.get("org.opencontainers.image.base.digest");
    assert_eq!(name, Some(&base.digest.to_string()));
    let container = Container::new(&image);
    assert_eq!(container.start_with(&["python", "-c", "print(1)"]).success().stdout, "1\n");
    assert_eq!(container.exec_as_root(&["dpkg", "--audit"]).success().stdout, "");
}

#[test]
fn copies_go_where_the_base_has_its_folders() {
    let imgbuild = Imgbuild::new();
    let layer = HandmadeLayer::new()
        .folder("var/", 0o755)
        .folder("var/data/", 0o1777)
        .link("data", "/var/data")
        .file("var/data/old", "old");
    let config = ContainerConfig { entrypoint: vec!["/serve".to_owned()], ..ContainerConfig::default() };
    write_layout(&imgbuild.path("base"), &[Platform::LinuxAmd64], vec![layer.tar()], &config);
    imgbuild.write("src/new", "new");
    let spec = "name = \"x\"\nplatforms = [\"linux/amd64\"]\nbase = { layout = \"base\" }\n[[copy]]\nfrom = \"src\"\nto = \"/data\"\n";
    let image = imgbuild.build(spec, &[]).image();
    assert_eq!(image.file("var/data/new"), b"new");
    assert_eq!(image.config.config.entrypoint, ["/serve"]);
    let root = imgbuild.path("root");
    image.unpack(&root);
    assert_eq!(mode(&root.join("var/data")).0, 0o1777);
    assert!(root.join("data").is_symlink());
    // The layout is gone, and all of it is in the store.
    fs_err::remove_dir_all(imgbuild.path("base")).unwrap();
    assert_eq!(imgbuild.build_again(&["--locked"]).image().digest, image.digest);
}
