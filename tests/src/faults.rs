//! Specs that are locked in a moment, and what the program says when it fails.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{Answer, DebianArchive, Imgbuild, Outcome, Request, SUITE, Server, channel_folder};

/// The program with a store of its own, a small Debian archive that is served by HTTP, and the channel as `./channel`.
pub struct Bench {
    /// The program.
    pub imgbuild: Imgbuild,
    /// The archive.
    pub archive: DebianArchive,
    /// Who serves it.
    pub mirror: Server,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// With everything in order.
    pub fn new() -> Self {
        Self::with(DebianArchive::new(), |_| Answer::File)
    }

    /// With another archive, and a server that asks what to do.
    ///
    /// # Panics
    ///
    /// When nothing can be written.
    pub fn with(archive: DebianArchive, hook: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let imgbuild = Imgbuild::with_private_store();
        let mirror = Server::with(archive.folder(), hook);
        fs_err::copy(archive.keyring(), imgbuild.path("keyring.asc")).unwrap();
        symlink(channel_folder(), imgbuild.path("channel")).unwrap();
        Self { imgbuild, archive, mirror }
    }

    /// Writes `spec.toml`: `top`, the base, and `rest`, the tables.
    pub fn spec(&self, top: &str, rest: &str) {
        let mirror = self.mirror.url();
        self.imgbuild.write(
            "spec.toml",
            format!(
                "name = \"x\"\n{top}\n[base]\ndebian = \"{SUITE}\"\nmirror = \"{mirror}/debian\"\nkeyring = \"keyring.asc\"\n\n{rest}\n"
            ),
        );
    }

    /// Writes `spec.toml` with packages of the channel.
    pub fn conda(&self, packages: &[&str]) {
        self.spec("", &format!("[conda]\nchannels = [\"./channel\"]\npackages = {packages:?}"));
    }

    /// Writes `spec.toml` with packages for the base.
    pub fn packages(&self, packages: &[&str]) {
        self.spec("", "");
        let spec = self.imgbuild.read("spec.toml");
        self.imgbuild
            .write("spec.toml", format!("{}packages = {packages:?}\n", spec.trim_end().to_owned() + "\n"));
    }

    /// Writes `spec.toml` with an explicit list of these files of the channel, as paths below it.
    pub fn explicit(&self, files: &[&str]) {
        let channel = self.imgbuild.path("channel");
        let urls: String =
            files.iter().map(|file| format!("file://{}/{file}\n", channel.display())).collect();
        self.imgbuild.write("explicit.txt", format!("@EXPLICIT\n{urls}"));
        self.spec("env = \"explicit.txt\"", "");
    }

    /// The blob of a layer in the store; others are documents of images.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn layer_blob(&self) -> PathBuf {
        let records = self.imgbuild.store().join("layers-v1");
        let record = fs_err::read(records.join(&names(&records)[0])).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        let digest = record["descriptor"]["digest"].as_str().unwrap().trim_start_matches("sha256:");
        self.imgbuild.store().join("blobs/sha256").join(digest)
    }

    /// Runs the program, which must succeed.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.imgbuild.run(arguments).success()
    }

    /// Builds into the folder `out`, which must succeed, and gives the digest of the image.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn build(&self, arguments: &[&str]) -> String {
        self.imgbuild.build_again(arguments).digests().remove(0)
    }

    /// Builds, which must fail: with an exit code, without a panic, and with nothing under `-o`. Gives the message.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let mut all = vec!["build", "spec.toml", "--output", "out"];
        all.extend(arguments);
        self.refuses(&all)
    }

    /// Runs the program, which must fail as [`Self::fails`] says. Gives the message.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let outcome = self.imgbuild.run(arguments).failure();
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(outcome.stdout, "", "data of a failure");
        self.nothing_is_there();
        self.message(&outcome)
    }

    /// Checks that there is nothing under `-o`, and that every archive and blob of the store is what its name says.
    ///
    /// # Panics
    ///
    /// When it is not so.
    pub fn nothing_is_there(&self) {
        let out = self.imgbuild.path("out");
        assert!(!out.exists() || names(&out).is_empty(), "{:?}", names(&out));
        for folder in ["archives", "blobs/sha256"] {
            let folder = self.imgbuild.store().join(folder);
            for name in if folder.exists() { names(&folder) } else { Vec::new() } {
                let found = imgbuild_oci::Digest::of(fs_err::read(folder.join(&name)).unwrap());
                assert_eq!(found.hex(), name, "{}", folder.display());
            }
        }
    }

    /// What the program said, without its progress and with names for what differs from run to run.
    pub fn message(&self, outcome: &Outcome) -> String {
        let text = outcome.stderr.as_str();
        let start = text.find("  × ").or_else(|| text.find("error: ")).unwrap_or(0);
        let text = text[start..]
            .replace(&self.mirror.url(), "http://MIRROR")
            .replace(&self.imgbuild.store().display().to_string(), "STORE")
            .replace(&self.imgbuild.folder().display().to_string(), "FOLDER")
            .replace(&self.archive.fingerprint(), "KEY");
        // `.imgbuild-XXXXXX` is what is being written.
        let mut parts = text.split(".imgbuild-");
        let first = parts.next().unwrap_or_default().to_owned();
        let text = parts.fold(first, |text, part| {
            let rest = part.trim_start_matches(|it: char| it.is_ascii_alphanumeric());
            format!("{text}.imgbuild-XXXXXX{rest}")
        });
        let lines: Vec<_> = named(&text).lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }
}

/// The names in a folder, sorted.
///
/// # Panics
///
/// When it cannot be read.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A text with `SHA256` for every sha256 and `PORT` for every port of this machine.
pub fn named(text: &str) -> String {
    const HOST: &str = "127.0.0.1:";
    let mut parts = text.split(HOST);
    let mut ports = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        ports.push_str(HOST);
        ports.push_str("PORT");
        ports.push_str(part.trim_start_matches(|it: char| it.is_ascii_digit()));
    }
    let mut named = String::new();
    let mut rest = ports.as_str();
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_hexdigit()).len();
        named.push_str(if digits == 64 { "SHA256" } else { &rest[..digits.max(first.len_utf8())] });
        rest = &rest[digits.max(first.len_utf8())..];
    }
    named
}
