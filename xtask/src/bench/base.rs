//! The Debian base alone, beside `mmdebstrap` of the same packages from a mirror on this disk.

use std::process::Command;

use fs_err as fs;
use serde_json::Value;

use super::{Bench, BenchError, Measured};
use crate::programs;

/// The bases that are measured, and what their specs say.
const BASES: [(&str, &str); 2] = [
    ("base", "[base]\ndebian = \"bookworm\"\n"),
    (
        "slim",
        "[base]\ndebian = \"bookworm\"\nexclude = [\"documentation\", \"locales\"]\npackage-manager = false\n",
    ),
];

/// Makes a repository of the archives that a lock names, and prints them as `mmdebstrap` takes them.
const REPOSITORY: &str = include_str!("repository.py");

impl Bench {
    pub(super) fn write_bases(&self) -> Result<(), BenchError> {
        for (name, base) in BASES {
            let spec = format!("name = \"{name}\"\n{base}");
            fs::write(self.folder.join(format!("{name}.toml")), spec)?;
            let spec = format!("{name}.toml");
            self.program(&spec, &["lock"])?;
            self.program(&spec, &["build"])?;
        }
        Ok(())
    }

    /// The bytes that a registry stores of each base.
    pub(super) fn base_sizes(&self) -> Result<Vec<(&'static str, u64)>, BenchError> {
        let mut sizes = Vec::new();
        for (name, _) in BASES {
            let mut build = Command::new(&self.binary);
            build.args(["build", "--locked", "--json", &format!("{name}.toml")]);
            let output = build.current_dir(&self.folder).env("IMGBUILD_CACHE", self.store()).output()?;
            let report: Value = serde_json::from_slice(&output.stdout)?;
            let size = report["images"][0]["size"].as_u64();
            sizes.push((name, size.ok_or_else(|| BenchError::Output(report.to_string()))?));
        }
        Ok(sizes)
    }

    /// `mmdebstrap` of the same packages, once: it takes many times as long.
    pub(super) fn mmdebstrap(&self) -> Result<Measured, BenchError> {
        programs::ensure(&[("mmdebstrap", "mmdebstrap")])?;
        let repository = self.folder.join("repository");
        if repository.exists() {
            fs::remove_dir_all(&repository)?;
        }
        let output = Command::new("python3")
            .args(["-c", REPOSITORY, "base.lock"])
            .args([&self.store().join("archives"), &repository])
            .current_dir(&self.folder)
            .output()?;
        if !output.status.success() {
            return Err(BenchError::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let include = format!("--include={}", String::from_utf8_lossy(&output.stdout).trim());
        let source = format!("deb [trusted=yes] copy://{} ./", repository.display());
        self.measure(&[
            "mmdebstrap",
            "--quiet",
            "--mode=root",
            "--variant=essential",
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            &include,
            "bookworm",
            "mmdebstrap.tar",
            &source,
        ])
    }
}
