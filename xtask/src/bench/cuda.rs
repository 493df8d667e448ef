//! A large image: PyTorch with CUDA and transformers, as wheels of the real index, over Debian's Python.

use std::process::Command;

use fs_err as fs;
use serde_json::Value;

use super::registry::Registry;
use super::{Bench, BenchError, RUNS, limit_of};

/// What a runner has of it: the spec, whose bytecode is no matter of these rows.
const SPEC: &str = "name = \"cuda\"\npython = { version = \"3.13\", from = \"debian\" }\n\
                    [pip]\npackages = [\"torch\", \"transformers\"]\n[layers]\nbytecode = false\n";

impl Bench {
    /// Prints how long it takes cold and warm, and how much of the disk with `--push --discard-archives`, each beside what it cannot be
    /// less than.
    pub(super) fn print_cuda(&self) -> Result<(), BenchError> {
        fs::write(self.folder.join("cuda.toml"), SPEC)?;
        self.program("cuda.toml", &["lock"])?;
        self.program("cuda.toml", &["build", "--no-check"])?;
        let limit = limit_of(self, &self.locked_archives("cuda.lock", "[[pypi]]")?)?;
        println!();
        println!("{:<58} {limit:>8.2} s {:>6.2} x", "CUDA image: the limit of its wheels", 1.0);
        let words = ["build", "--locked", "--offline", "--no-check"];
        for (name, is_cold) in
            [("  archives in the store, no layers of wheels", true), ("  unchanged", false)]
        {
            let (mut seconds, mut memory) = (f64::INFINITY, 0);
            for _ in 0..RUNS {
                if is_cold {
                    self.forget_wheels("cuda", false)?;
                }
                let measured = self.program("cuda.toml", &words)?;
                seconds = seconds.min(measured.seconds);
                memory = memory.max(measured.memory);
            }
            let (ratio, memory) = (seconds / limit, memory as f64 / 1e6);
            println!("{name:<58} {seconds:>8.2} s {ratio:>6.2} x {memory:>7.0} MB");
        }
        let (peak, size) = self.peak_of_pushing()?;
        println!(
            "{:<58} {:>8.2} x",
            "  peak bytes on the disk ÷ bytes of the image, discarding",
            peak as f64 / size as f64
        );
        Ok(())
    }

    /// The most bytes that a build took which pushes and discards archives, of a store that has none of it; and those of the image.
    fn peak_of_pushing(&self) -> Result<(u64, u64), BenchError> {
        for archive in self.locked_archives("cuda.lock", "[[pypi]]")?.keys() {
            fs::remove_file(self.store().join("archives").join(archive))?;
        }
        self.forget(false, false)?;
        let registry = Registry::start(self, 0)?;
        let target = format!("{}/cuda", registry.address());
        let mut build = Command::new(&self.binary);
        build.args(["build", "--locked", "--no-check", "--no-cache-from", "--discard-archives", "--json"]);
        build.args(["--push", &target, "cuda.toml"]).current_dir(&self.folder);
        let output = build.env("IMGBUILD_CACHE", self.store()).output()?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let numbers = (report["peakDisk"].as_u64(), report["images"][0]["size"].as_u64());
        numbers.0.zip(numbers.1).ok_or_else(|| BenchError::Output(report.to_string()))
    }
}
