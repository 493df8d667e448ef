//! What images share: a year of updates by several ways to make layers, which the crate `xtask/sharing` plays; and ten developers with
//! an image each, built, pushed and pulled.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fs_err as fs;
use serde_json::Value;

use super::registry::Registry;
use super::{Bench, BenchError};
use crate::programs;

/// What has to be there.
const PROGRAMS: [programs::Program; 2] = [("docker-registry", "docker-registry"), ("podman", "podman")];

/// What each developer has beside Debian, its Python and PyTorch with CUDA: what the spec says beside its packages, and wheels.
const DEVELOPERS: [(&str, &[&str]); 10] = [
    ("", &["numpy"]),
    ("", &["numpy", "transformers"]),
    ("", &["numpy", "transformers", "datasets", "pandas"]),
    ("", &["numpy", "torchvision"]),
    ("", &["numpy", "fastapi", "uvicorn"]),
    ("", &["numpy", "pandas", "scikit-learn"]),
    ("jupyter = true\n", &["numpy", "matplotlib", "scipy"]),
    ("", &["numpy", "lightning"]),
    ("jupyter = true\nssh = true\n", &["numpy", "transformers", "accelerate"]),
    ("", &["numpy", "opencv-python-headless", "pillow"]),
];

/// Plays the year, and measures the developers with the program that `IMGBUILD_BIN` names, or of this source.
pub(crate) fn run(workspace: &Path) -> Result<(), BenchError> {
    let cargo = |words: &[&str]| {
        let status = Command::new("cargo").args(words).current_dir(workspace).status()?;
        if status.success() { Ok(()) } else { Err(BenchError::Failed(format!("cargo {}", words.join(" ")))) }
    };
    // As a part of the whole, so that it is made of what is compiled anyway.
    cargo(&["build", "--quiet", "--workspace", "--bin", "sharing"])?;
    let sharing = std::env::current_exe()?.with_file_name("sharing");
    if !Command::new(sharing).arg("year").status()?.success() {
        return Err(BenchError::Failed("sharing year".to_owned()));
    }
    let given = std::env::var_os("IMGBUILD_BIN").map(PathBuf::from);
    if given.is_none() {
        cargo(&["build", "--locked", "--release", "--package", "imgbuild"])?;
    }
    let bench = Bench {
        folder: workspace.join("target/bench"),
        binary: given.unwrap_or_else(|| workspace.join("target/release/imgbuild")),
        workspace: workspace.to_owned(),
    };
    fs::create_dir_all(&bench.folder)?;
    bench.print_developers()
}

/// A layer of an image that was pushed.
#[derive(Clone)]
struct Layer {
    digest: String,
    /// Its bytes in the registry.
    size: u64,
    /// Its bytes as a tar.
    unpacked: u64,
}

impl Bench {
    /// Builds and pushes an image for each developer, and pulls two of them to one host.
    fn print_developers(&self) -> Result<(), BenchError> {
        programs::ensure(&PROGRAMS)?;
        fs::create_dir_all(self.store().join("layers-v1"))?;
        self.forget(false, false)?;
        let registry = Registry::start(self, 0)?;
        let mut images = Vec::new();
        for number in 0..DEVELOPERS.len() {
            images.push(self.push_developer(number, &registry)?);
        }
        print_shared(&images, used(&self.folder.join("registry-0"))?);
        self.make_room()?;
        let two = images.get(..2).unwrap_or_default();
        let (found, counted) =
            (self.podman(&registry)? as f64 / 1e9, stacked(two, |it| it.unpacked) as f64 / 1e9);
        println!("{:<58} {found:>7.2} GB", format!("  podman's store of two, by that count {counted:.2} GB"));
        Ok(())
    }

    /// Removes what the developers' images were made of, and the layers: podman unpacks gigabytes.
    fn make_room(&self) -> Result<(), BenchError> {
        self.forget(false, false)?;
        for number in 0..DEVELOPERS.len() {
            for hash in self.locked_archives(&format!("developer-{number}.lock"), "[[pypi]]")?.keys() {
                let archive = self.store().join("archives").join(hash);
                if archive.is_file() {
                    fs::remove_file(archive)?;
                }
            }
        }
        Ok(())
    }

    /// The layers of a developer's image.
    fn push_developer(&self, number: usize, to: &Registry) -> Result<Vec<Layer>, BenchError> {
        let Some((head, packages)) = DEVELOPERS.get(number) else { return Ok(Vec::new()) };
        let name = format!("developer-{number}");
        let packages: Vec<String> = packages.iter().map(|it| format!("\"{it}\"")).collect();
        let spec = format!(
            "name = \"{name}\"\nplatforms = [\"linux/amd64\"]\npython = {{ version = \"3.13\", from = \"debian\" }}\n{head}\
             [base]\ndebian = \"trixie\"\n[pip]\npackages = [\"torch\", {}]\n",
            packages.join(", ")
        );
        let file = format!("{name}.toml");
        fs::write(self.folder.join(&file), spec)?;
        self.program(&file, &["lock"])?;
        let target = format!("{}/{name}:1", to.address());
        let mut build = Command::new(&self.binary);
        build.args([
            "build",
            "--locked",
            "--no-check",
            "--no-cache-from",
            "--json",
            "--push",
            &target,
            &file,
        ]);
        let output = build.current_dir(&self.folder).env("IMGBUILD_CACHE", self.store()).output()?;
        if !output.status.success() {
            return Err(BenchError::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let layers = report["images"][0]["layers"].as_array().cloned().unwrap_or_default();
        let layer = |it: &Value| {
            let digest = it["digest"].as_str()?.to_owned();
            Some(Layer { digest, size: it["size"].as_u64()?, unpacked: it["uncompressedSize"].as_u64()? })
        };
        Ok(layers.iter().filter_map(layer).collect())
    }

    /// The bytes of podman's store that has the first two images.
    fn podman(&self, from: &Registry) -> Result<u64, BenchError> {
        let store = self.folder.join("podman");
        forget(&store)?;
        for number in 0..2 {
            let mut podman = Command::new("podman");
            podman.arg("--root").arg(store.join("root")).arg("--runroot").arg(store.join("run"));
            podman.args(["--storage-driver", "overlay", "pull", "--quiet", "--tls-verify=false"]);
            let output = podman.arg(format!("{}/developer-{number}:1", from.address())).output()?;
            if !output.status.success() {
                return Err(BenchError::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
            }
        }
        let all = used(&store)?;
        forget(&store)?;
        Ok(all)
    }
}

/// Prints what images share, beside one layer for each.
fn print_shared(images: &[Vec<Layer>], registry: u64) {
    let different: BTreeMap<&str, u64> =
        images.iter().flatten().map(|layer| (layer.digest.as_str(), layer.size)).collect();
    let layers: usize = images.iter().map(Vec::len).sum();
    let pulled: u64 = images.iter().flatten().map(|it| it.size).sum();
    let unpacked: u64 = images.iter().flatten().map(|it| it.unpacked).sum();
    let mut sorted = images.to_vec();
    for image in &mut sorted {
        image.sort_by_key(|layer| Reverse(layer.unpacked.checked_ilog2()));
    }
    println!();
    println!("{:<58} {:>10} {:>10} {:>10}", "ten developers with ten images", "ours", "one layer", "ours is");
    show("  bytes in a registry", registry, pulled);
    show("  pulled by a host that has all, each layer once", different.values().sum(), pulled);
    show("  the same, where all above a new layer is new", stacked(images, |it| it.size), pulled);
    show("    were the large ones first", stacked(&sorted, |it| it.size), pulled);
    show("  unpacked there", stacked(images, |it| it.unpacked), unpacked);
    show("    were the large ones first", stacked(&sorted, |it| it.unpacked), unpacked);
    println!("{:<58} {:>10} {layers:>10}", "  different layers, of so many of all images", different.len());
}

/// The bytes of the layers of images, each once for each stack of layers that it stands on: an engine that has it on others has it
/// another time.
fn stacked(images: &[Vec<Layer>], size: impl Fn(&Layer) -> u64) -> u64 {
    let mut stacks: BTreeMap<Vec<&str>, u64> = BTreeMap::new();
    for image in images {
        let mut stack = Vec::new();
        for layer in image {
            stack.push(layer.digest.as_str());
            stacks.insert(stack.clone(), size(layer));
        }
    }
    stacks.values().sum()
}

/// Removes podman's store. A mount over itself may be left of it.
fn forget(store: &Path) -> Result<(), BenchError> {
    if store.exists() {
        // Where there is none, nothing is to be done.
        let mut unmount = Command::new("umount");
        let _ = unmount.arg(store.join("root/overlay")).stderr(Stdio::null()).status();
        fs::remove_dir_all(store)?;
    }
    Ok(())
}

/// The bytes that a folder takes on the disk.
fn used(folder: &Path) -> Result<u64, BenchError> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += metadata.blocks() * 512;
        if metadata.is_dir() {
            bytes += used(&entry.path())?;
        }
    }
    Ok(bytes)
}

fn show(name: &str, ours: u64, alone: u64) {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    println!(
        "{name:<58} {:>7.2} GB {:>7.2} GB {:>8.2} x",
        gigabytes(ours),
        gigabytes(alone),
        ours as f64 / alone as f64
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_counts_for_each_stack_that_it_stands_on() {
        let image = |names: &[&str]| {
            let layer = |name: &&str| Layer { digest: (*name).to_owned(), size: 1, unpacked: 10 };
            names.iter().map(layer).collect::<Vec<_>>()
        };
        let images =
            [image(&["base", "a", "large"]), image(&["base", "large"]), image(&["base", "a", "large", "b"])];
        assert_eq!(stacked(&images, |it| it.unpacked), 50);
    }
}
