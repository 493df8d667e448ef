//! The program, linked statically of what cargo has compiled for the tests already. `cargo xtask dist` has cargo do it, of what is
//! optimised: that takes ten minutes, and this six seconds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_tests::{capture, workspace_root};
use serde_json::Value;

/// What cargo has compiled.
pub(crate) struct Compiled {
    /// The libraries, by their packages.
    libraries: BTreeMap<String, Vec<PathBuf>>,
    /// Where C libraries are.
    folders: Vec<String>,
    programs: BTreeMap<String, PathBuf>,
}

impl Compiled {
    /// By the settings under which these tests were compiled, so that nothing is compiled again.
    pub(crate) fn now() -> Self {
        let mut cargo = cargo();
        cargo.args(["build", "--locked", "--workspace", "--bin", "imgbuild", "--bin", "xtask"]);
        // `target/PROFILE/deps/TEST-HASH`
        if std::env::current_exe().unwrap().ancestors().nth(2).unwrap().ends_with("release") {
            cargo.arg("--release");
        }
        let said = capture(cargo.arg("--message-format=json")).success().stdout;
        let mut new = Self { libraries: BTreeMap::new(), folders: Vec::new(), programs: BTreeMap::new() };
        for message in said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let texts =
                |list: &Value| -> Vec<String> { list.as_array().into_iter().flatten().map(text).collect() };
            new.folders.extend(texts(&message["linked_paths"]));
            if let Some(program) = message["executable"].as_str() {
                new.programs.insert(text(&message["target"]["name"]), program.into());
            }
            let files = texts(&message["filenames"]).into_iter().map(PathBuf::from);
            let libraries = files.filter(|file| file.extension().is_some_and(|it| it == "rlib"));
            new.libraries.entry(text(&message["package_id"])).or_default().extend(libraries);
        }
        new
    }

    /// A program of the workspace.
    pub(crate) fn program(&self, name: &str) -> &Path {
        &self.programs[name]
    }

    /// Links imgbuild, without symbols.
    pub(crate) fn link(&self, program: &Path) {
        let (names, source) = (program.with_extension("o"), workspace_root().join("xtask/dist/names.c"));
        capture(Command::new("gcc").args(["-O2", "-c", "-o"]).arg(&names).arg(source)).success();
        let mut rustc = Command::new("rustc");
        rustc.args(["--crate-name", "imgbuild", "--crate-type", "bin", "--edition", "2024"]);
        rustc.args(["--cap-lints", "allow", "-C", "target-feature=+crt-static", "-C", "strip=symbols"]);
        rustc.arg("-C").arg(format!("link-arg={}", names.display()));
        let deps = self.program("imgbuild").with_file_name("deps");
        rustc.arg("-L").arg(format!("dependency={}", deps.display()));
        rustc.args(self.folders.iter().flat_map(|folder| ["-L", folder]));
        for (name, package) in dependencies() {
            let [library] = self.libraries[&package].as_slice() else {
                panic!("`{package}` was compiled in several ways: {:?}", self.libraries[&package])
            };
            rustc.arg("--extern").arg(format!("{name}={}", library.display()));
        }
        rustc.arg("-o").arg(program).arg(workspace_root().join("crates/imgbuild/src/main.rs"));
        capture(rustc.env("CARGO_PKG_VERSION", env!("CARGO_PKG_VERSION"))).success();
    }
}

/// What `crates/imgbuild` uses: the names there, and the packages.
fn dependencies() -> Vec<(String, String)> {
    let metadata = capture(cargo().args(["metadata", "--locked", "--format-version", "1"])).success().stdout;
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let ours = |node: &&Value| node["id"].as_str().unwrap().contains("/crates/imgbuild#");
    let used = nodes.iter().find(ours).unwrap()["deps"].as_array().unwrap();
    used.iter().map(|used| (text(&used["name"]), text(&used["pkg"]))).collect()
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace_root());
    cargo
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
