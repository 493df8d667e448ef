//! What can be known without the network is told by `check`, in the same words by `lock` and `build`, and before anything
//! is fetched.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alone;
mod copied;
mod files;
mod together;

use imgbuild_tests::{Answer, Imgbuild, Server};

/// A program and a server, which is the mirror and the channels, and should never be asked.
struct Bench {
    imgbuild: Imgbuild,
    server: Server,
}

impl Bench {
    fn new() -> Self {
        let imgbuild = Imgbuild::with_private_store();
        let server = Server::with(imgbuild.folder(), |_| Answer::Status(500));
        Self { imgbuild, server }
    }

    /// What commands say of a spec, which must be the same; nobody is asked.
    fn refuses_by(&self, spec: &str, commands: &[&[&str]]) -> String {
        let spec = spec.replace("URL", &self.server.url());
        self.imgbuild.write("spec.toml", format!("name = \"x\"\nplatforms = [\"linux/amd64\"]\n{spec}"));
        let mut said: Vec<String> =
            commands.iter().map(|command| self.imgbuild.run(*command).failure().stderr).collect();
        said.dedup();
        assert_eq!(said.len(), 1, "{spec}\n{}", said.join("\n"));
        assert_eq!(self.server.requests(), [], "{spec}");
        assert!(!self.imgbuild.path("spec.lock").exists());
        let folder = self.imgbuild.folder().display().to_string();
        said[0].replace(&folder, "FOLDER").replace(&self.server.url(), "URL")
    }

    fn refuses(&self, spec: &str) -> String {
        self.refuses_by(
            spec,
            &[
                &["check", "spec.toml"],
                &["lock", "--offline", "spec.toml"],
                &["lock", "spec.toml"],
                &["build", "spec.toml"],
            ],
        )
    }
}

/// A base for everything, whose mirror is never asked.
const BASE: &str = "base = { debian = \"bookworm\", mirror = \"URL/debian\" }\n";
const PYTHON: &str = "python = { version = \"3.11\", from = \"debian\" }\n";

/// The lines of a message that say what is wrong, of each mistake.
fn first(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let starts = (0..lines.len()).filter(|at| lines[*at].starts_with("× "));
    let said = starts.map(|at| lines[at..].iter().take(2).copied().collect::<Vec<_>>().join(" "));
    let all: Vec<String> = said.filter(|it| !it.contains(" mistakes ")).collect();
    all.join("\n    ")
}
