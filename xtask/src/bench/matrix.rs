//! A matrix of many images beside the packages that they are made of: what they share is made once.

use fs_err as fs;

use super::registry::Registry;
use super::{Bench, BenchError};

/// What each image has one of, beside PyTorch.
const PACKAGES: [&str; 12] = [
    "fonttools",
    "ipykernel",
    "joblib",
    "jupyterlab",
    "matplotlib-base",
    "numpy",
    "pandas",
    "pillow",
    "requests",
    "scikit-learn",
    "scipy",
    "tornado",
];

/// How often both are measured. The fastest run counts.
const TURNS: usize = 3;

impl Bench {
    /// Prints how long 24 images take to be made and pushed, beside two that have all that these are made of.
    pub(super) fn print_matrix(&self) -> Result<(), BenchError> {
        self.write_matrix()?;
        let mut best = [f64::INFINITY; 2];
        for _ in 0..TURNS {
            for (best, spec) in best.iter_mut().zip(["matrix", "union"]) {
                self.forget(false, false)?;
                let registry = Registry::start(self, 0)?;
                let target = format!("{}/{spec}", registry.address());
                // Whoever pushes is not offline.
                let words = ["build", "--locked", "--no-cache-from", "--push", &target];
                *best = best.min(self.program(&format!("{spec}.toml"), &words)?.seconds);
            }
        }
        let [matrix, union] = best;
        println!("{:<58} {matrix:>8.2} s", "24 images of a matrix, made and pushed");
        println!(
            "{:<58} {union:>8.2} s {:>6.2} x",
            "  two images of all their packages; the matrix is",
            matrix / union
        );
        Ok(())
    }

    /// For each of two lines of CUDA: an image for each package, and one of all.
    fn write_matrix(&self) -> Result<(), BenchError> {
        let quoted: Vec<String> = PACKAGES.iter().map(|name| format!("\"{name}\"")).collect();
        let all = quoted.join(", ");
        let channel = self.workspace.join("target/channel");
        let matrix = format!("package = [{all}]\n");
        for (name, tag, keys, packages) in
            [("matrix", "{cuda}-{package}", matrix.as_str(), "\"{package}\""), ("union", "{cuda}", "", &all)]
        {
            let spec = format!(
                "name = \"{name}\"\ntags = [\"{tag}\"]\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\ncuda = \"{{cuda}}\"\n\
                 [matrix]\ncuda = [\"12.9\", \"13.0\"]\n{keys}[conda]\nchannels = [\"file://{}\"]\npackages = [\"pytorch 2.*\", {packages}]\n\
                 [layers]\nbytecode = false\n",
                channel.display()
            );
            fs::write(self.folder.join(format!("{name}.toml")), spec)?;
            self.program(&format!("{name}.toml"), &["lock"])?;
            self.program(&format!("{name}.toml"), &["build", "--no-cache-from"])?;
        }
        Ok(())
    }
}
