//! `cargo xtask census`: real wheels from the real index, built into images and imported there.
//!
//! It moves gigabytes, so that it is no part of the tests: whoever changes how wheels are read or written runs it, whole or
//! in part.

mod groups;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use fs_err as fs;
use serde_json::Value;

use crate::channel::{self, ChannelError};
use groups::{Group, Image};

/// What is run inside each image.
const CHECK: &str = include_str!("check.py");
/// Its name, beside the specs.
const SCRIPT: &str = "check.py";
/// How large the store may be when an image is begun.
const STORE: &str = "6GB";
/// What a check may take, in seconds: imports of large packages.
const TIMEOUT: u32 = 3600;

/// Why there is no census, or what it has found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CensusError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The tests' channel cannot be made.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The list of groups is damaged.
    #[error("`xtask/src/census/groups.toml` is damaged: {0}")]
    Groups(#[from] groups::GroupsError),
    /// A name that no group has.
    #[error("there is no group `{name}`\nhint: there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Images that are not what they should be. Each is told above.
    #[error("{failed} of {all} images have faults")]
    Faults {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
}

/// What became of one image.
struct Row {
    image: String,
    packages: usize,
    megabytes: f64,
    seconds: f64,
    faults: Vec<String>,
}

/// Builds and checks the images of the groups with these names, or of all, by `binary`; prints a row for each.
pub(crate) fn run(workspace: &Path, names: &[String], binary: Option<PathBuf>) -> Result<(), CensusError> {
    let groups = chosen(groups::read()?, names)?;
    let census = Census {
        binary: binary.unwrap_or_else(|| workspace.join("target/release/imgbuild")),
        folder: workspace.join("target/census"),
        channel: workspace.join("target/channel"),
    };
    fs::create_dir_all(&census.folder)?;
    fs::write(census.folder.join(SCRIPT), CHECK)?;
    let images: Vec<Image> = groups.iter().flat_map(Group::images).collect();
    let (all, mut failed) = (images.len(), 0);
    if images.iter().any(Image::needs_channel) {
        channel::run(workspace)?;
    }
    println!("| image | packages | MB | seconds | |\n|---|---|---|---|---|");
    for image in images {
        let row = census.image(&image)?;
        failed += usize::from(!row.faults.is_empty());
        println!("{}", row.shown());
    }
    if failed == 0 { Ok(()) } else { Err(CensusError::Faults { failed, all }) }
}

fn chosen(groups: Vec<Group>, names: &[String]) -> Result<Vec<Group>, CensusError> {
    let known: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(CensusError::Unknown { name: name.clone(), known });
    }
    Ok(groups.into_iter().filter(|group| names.is_empty() || names.contains(&group.name)).collect())
}

struct Census {
    binary: PathBuf,
    folder: PathBuf,
    channel: PathBuf,
}

impl Census {
    fn image(&self, image: &Image) -> Result<Row, CensusError> {
        self.program(&["cache", "prune", "--max-size", STORE])?;
        let spec = format!("{}.toml", image.name);
        fs::write(self.folder.join(&spec), image.spec(SCRIPT, TIMEOUT, &self.channel))?;
        let start = Instant::now();
        let output = self.program(&["build", &spec, "--output", "out", "--json", "--quiet"])?;
        let seconds = start.elapsed().as_secs_f64();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let bytes = report["images"][0]["size"].as_f64().unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stderr);
        fs::write(self.folder.join(format!("{}.log", image.name)), said.as_bytes())?;
        if self.folder.join("out").exists() {
            fs::remove_dir_all(self.folder.join("out"))?;
        }
        let lock = fs::read_to_string(self.folder.join(format!("{}.lock", image.name))).unwrap_or_default();
        Ok(Row {
            image: image.name.clone(),
            packages: lock.matches("[[pypi]]").count(),
            megabytes: bytes / 1e6,
            seconds,
            faults: if output.status.success() { Vec::new() } else { faults(&said) },
        })
    }

    fn program(&self, words: &[&str]) -> io::Result<std::process::Output> {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(&self.folder);
        command.env("IMGBUILD_CACHE", self.folder.join("store")).output()
    }
}

/// The lines of the check that tell faults; of a build that failed before it, the first lines of its message.
fn faults(said: &str) -> Vec<String> {
    const KINDS: [&str; 4] = ["absent: ", "import: ", "requires: ", "record: "];
    let text =
        |line: &str| line.trim_start_matches([' ', '│', '╰', '├', '─', '▶', '×']).trim_end().to_owned();
    let lines: Vec<String> = said.lines().map(text).filter(|line| !line.is_empty()).collect();
    let told: Vec<String> =
        lines.iter().filter(|line| KINDS.iter().any(|kind| line.starts_with(kind))).cloned().collect();
    if told.is_empty() { lines.into_iter().take(4).collect() } else { told }
}

impl Row {
    fn shown(&self) -> String {
        let Self { image, packages, megabytes, seconds, faults } = self;
        let faults = if faults.is_empty() { "good".to_owned() } else { faults.join("; ") };
        format!("| {image} | {packages} | {megabytes:.0} | {seconds:.0} | {faults} |")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_tells_is_told_and_else_how_the_build_failed() {
        let check = "  × the check failed\n  ╰─▶ it printed:\n      import: ray: `import ray`: ImportError: x\n      census: 3 distributions";
        assert_eq!(faults(check), ["import: ray: `import ray`: ImportError: x"]);
        assert_eq!(faults("  × cannot lock\n  ╰─▶ no wheel\n"), ["cannot lock", "no wheel"]);
    }

    #[test]
    fn a_group_is_named_as_it_is_written() {
        let error = chosen(groups::read().unwrap(), &["nunpy".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no group `nunpy`\nhint: there are numpy-3.9, "), "{error}");
    }
}
