//! Images on images of registries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod bad_wheels;
mod building;
mod locking;
mod outdated;
mod wheels;

use std::process::Command;

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{HandmadeLayer, Imgbuild, Registry, capture, channel, workspace_root, write_layout};

const GLIBC: &str = "\x7fELF GNU C Library (GNU libc) stable release version 2.36.\n";

/// As much of a system with glibc as is looked at, on either platform.
fn system() -> HandmadeLayer {
    HandmadeLayer::new()
        .file("etc/os-release", "ID=test\nVERSION_ID=1\n")
        .file("etc/passwd", "root:x:0:0:root:/root:/bin/bash\napp:x:500:500::/srv:/bin/bash\n")
        .file("etc/group", "root:x:0:\napp:x:500:\n")
        .file("etc/bash.bashrc", "# of the base")
        .folder("lib/", 0o755)
        .file("lib/ld-linux-aarch64.so.1", "")
        .file("lib/libc.so.6", GLIBC)
        .folder("lib64/", 0o755)
        .file("lib64/ld-linux-x86-64.so.2", "")
        .file("lib64/libc.so.6", GLIBC)
        .folder("bin/", 0o755)
        .program("bin/bash")
        .program("bin/sh")
        .folder("var/", 0o755)
        .folder("var/data/", 0o1777)
        .file("var/data/old", "old")
        .link("data", "/var/data")
}

/// What the base of most tests says.
fn config() -> ContainerConfig {
    ContainerConfig {
        user: "app".to_owned(),
        env: vec!["PATH=/usr/bin:/bin".to_owned(), "GREETING=hello".to_owned()],
        entrypoint: vec!["/bin/sh".to_owned()],
        labels: [("team".to_owned(), "base".to_owned())].into(),
        ..ContainerConfig::default()
    }
}

/// The program with a store of its own. It finds the uv of the tests, and so takes none into that.
fn with_empty_store() -> Imgbuild {
    let path = std::env::var("PATH").unwrap_or_default();
    let tools = workspace_root().join("target/wheels/tools/bin");
    Imgbuild::with_private_store().variable("PATH", format!("{path}:{}", tools.display()))
}

/// A registry, and the program with a store of its own.
struct Site {
    registry: Registry,
    imgbuild: Imgbuild,
}

impl Site {
    fn new() -> Self {
        Self { registry: Registry::new(), imgbuild: with_empty_store() }
    }

    /// The same registry, for a machine with an empty store: with the spec and the lock of this one.
    fn elsewhere(&self) -> Imgbuild {
        let other = with_empty_store();
        for file in ["spec.toml", "spec.lock"] {
            other.write(file, self.imgbuild.read(file));
        }
        other
    }

    /// What an image of the registry is called.
    fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.registry.address())
    }

    /// Puts an image of these layers into the registry. It is a list where it is for several platforms.
    fn put(&self, image: &str, platforms: &[Platform], layers: Vec<HandmadeLayer>, config: &ContainerConfig) {
        let folder = self.imgbuild.path("layout");
        if folder.exists() {
            fs_err::remove_dir_all(&folder).unwrap();
        }
        let layers = layers.into_iter().map(HandmadeLayer::tar).collect();
        write_layout(&folder, platforms, layers, config);
        let to = format!("docker://{}", self.name(image));
        let words =
            ["copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false", "oci:layout", &to];
        capture(Command::new("skopeo").args(words).current_dir(self.imgbuild.folder())).success();
    }

    /// The base of most tests, for both platforms.
    fn put_base(&self, image: &str) {
        self.put(image, &[Platform::LinuxAmd64, Platform::LinuxArm64], vec![system()], &config());
    }

    /// Writes a spec for one platform on an image of the registry.
    fn spec(&self, image: &str, rest: &str) {
        let text = format!(
            "name = \"x\"\nplatforms = [\"linux/amd64\"]\nbase = {{ image = \"{}\" }}\n{rest}",
            self.name(image)
        );
        self.imgbuild.write("spec.toml", text);
    }

    /// A text in which the registry is called as it always is.
    fn shown(&self, text: &str) -> String {
        text.replace(self.registry.address(), "127.0.0.1:50000")
    }

    /// What the program says when it fails.
    fn fails(&self, arguments: &[&str]) -> String {
        let outcome = self.imgbuild.run(arguments).failure();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        let passed = |line: &&str| line.starts_with("locking ") || line.starts_with("downloaded ");
        let told = outcome.stderr.lines().filter(|line| !passed(line)).map(str::trim_end);
        self.shown(&told.collect::<Vec<_>>().join("\n"))
    }

    /// The lock.
    fn lock(&self) -> imgbuild_lock::Lock {
        imgbuild_lock::Lock::parse(&self.imgbuild.read("spec.lock")).unwrap()
    }
}

/// Conda packages that any system with glibc can have.
fn conda() -> String {
    format!("[conda]\nchannels = [\"{}\"]\npackages = [\"odd-noarch-generic\"]\n", channel())
}

/// Whether a store has a blob.
fn has_blob(imgbuild: &Imgbuild, digest: &imgbuild_oci::Digest) -> bool {
    imgbuild.store().join("blobs/sha256").join(digest.hex()).exists()
}
