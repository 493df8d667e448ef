//! An image of everything: Debian, conda packages of the channel, wheels of an index on loopback, a copied file.

use std::path::PathBuf;

use imgbuild_tests::{Bench, Output, Server, package_index, shared_store};

const PROJECTS: &str = "
    good-1.0-py3-none-any.whl
    good-2.0-py3-none-any.whl path=shared.py
    user-1.0-py3-none-any.whl requires=good>=1 path=user/data.txt
";

/// The image that is built.
pub(crate) const IMAGE: &str = "out/x-latest.tar";

/// A program with a spec that can be built, and what it needs.
pub(crate) struct Sample {
    pub(crate) bench: Bench,
    index: Server,
}

impl Sample {
    /// With nothing built yet.
    pub(crate) fn new() -> Self {
        let mut bench = Bench::new();
        // What others have built of the same packages is not built again. Names are everybody's there: images are named by their files.
        bench.imgbuild = bench.imgbuild.with_store(&shared_store());
        let index = package_index(&bench.imgbuild.path("index"), PROJECTS, |_| None);
        bench.imgbuild.write("hello.txt", "hello\n");
        let new = Self { bench, index };
        new.spec("", "user");
        new
    }

    /// Writes `spec.toml` with these further lines and this wheel.
    pub(crate) fn spec(&self, top: &str, wheel: &str) {
        let rest = format!(
            "[conda]\nchannels = [\"./channel\"]\npackages = [\"python 3.11.*\", \"pyyaml\"]\n\
             [pip]\nindex-url = \"{}/simple\"\npackages = [{wheel:?}]\n\
             [[copy]]\nfrom = \"hello.txt\"\nto = \"/srv/hello.txt\"\n",
            self.index.url()
        );
        self.bench.spec(&format!("platforms = [\"linux/amd64\"]\n{top}"), &rest);
    }

    /// With its image.
    pub(crate) fn built() -> Self {
        let new = Self::new();
        new.build();
        new
    }

    /// Builds it into the folder `out`.
    pub(crate) fn build(&self) -> Output {
        self.bench.imgbuild.build_again(&["--no-check"])
    }

    /// What a command prints, with names for what differs from run to run.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        self.plain(&self.bench.run(arguments).stdout)
    }

    /// What a command prints, and how it ends.
    pub(crate) fn ends(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let outcome = self.bench.imgbuild.run(arguments);
        (outcome.code, self.plain(&outcome.stdout))
    }

    /// What a command says that must fail.
    pub(crate) fn refuses(&self, arguments: &[&str]) -> String {
        let outcome = self.bench.imgbuild.run(arguments).failure();
        // As `diff` does, ours tells by 1 that two differ.
        let code = if arguments[0] == "diff" { 2 } else { 1 };
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(code), ""));
        self.plain(&self.bench.message(&outcome))
    }

    /// What a command prints without numbers: versions and sizes of the channel's packages are of the day on which it was made.
    pub(crate) fn says_without_numbers(&self, arguments: &[&str]) -> String {
        let is_number = |word: &str| {
            let begins = word.starts_with(|it: char| it.is_ascii_digit() || "<>=!~".contains(it));
            let is_build = word.contains('_') && !word.starts_with('_');
            (begins || is_build) && word.bytes().any(|it| it.is_ascii_digit())
        };
        let line = |line: &str| {
            let indent = line.len() - line.trim_start().len();
            let words = line.split_whitespace().map(|word| if is_number(word) { "#" } else { word });
            format!("{}{}\n", " ".repeat(indent), words.collect::<Vec<_>>().join(" "))
        };
        self.says(arguments).lines().map(line).collect()
    }

    /// A text with names for what differs from run to run.
    pub(crate) fn plain(&self, text: &str) -> String {
        let folder = self.bench.imgbuild.folder().display().to_string();
        let text = imgbuild_tests::named(text).replace(&folder, "FOLDER");
        let is_digest = |word: &str| word.len() == 12 && word.bytes().all(|it| it.is_ascii_hexdigit());
        let line = |line: &str| {
            // The lock says ports of servers, which have more or fewer digits.
            let is_lock = line.contains("the lock and ") || line.contains("spec.lock ");
            let words = line.split(' ').map(|word| match word {
                word if is_digest(word) => "DIGEST",
                word if is_lock && word.parse::<f64>().is_ok() => "SIZE",
                word => word,
            });
            words.collect::<Vec<_>>().join(" ")
        };
        text.lines().map(|it| line(it) + "\n").collect()
    }

    /// The image as a layout in the folder `layout`.
    pub(crate) fn layout(&self) -> PathBuf {
        self.bench.run(&["build", "spec.toml", "--output", "layout/", "--format", "oci-dir", "--no-check"]);
        let entries = fs_err::read_dir(self.bench.imgbuild.path("layout")).unwrap();
        entries.map(|it| it.unwrap().path()).next().unwrap()
    }
}
