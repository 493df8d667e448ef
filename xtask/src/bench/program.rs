//! A program that is measured, in a folder of its own: its specs, its store, its images.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use fs_err as fs;
use serde_json::Value;

use super::{Bench, BenchError, Measured};

/// Runs a command, and prints its seconds and the most memory that it or a child of it had, in KiB.
const MEASURE: &str = "import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)";

impl Bench {
    pub(super) fn write_specs(&self) -> Result<(), BenchError> {
        let channel = self.workspace.join("target/channel");
        for (name, bytecode) in [("plain", false), ("bytecode", true)] {
            let spec = format!(
                "name = \"{name}\"\npython = \"3.11\"\nbase = \"bookworm\"\n\n[conda]\nchannels = [\"file://{}\"]\npackages = [\"jupyterlab\", \
                 \"numpy\", \"pandas\", \"scipy\", \"scikit-learn\", \"matplotlib-base\"]\n\n[layers]\nbytecode = {bytecode}\n",
                channel.display()
            );
            fs::write(self.folder.join(format!("{name}.toml")), spec)?;
        }
        Ok(())
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    pub(super) fn measure<S: AsRef<OsStr>>(&self, command: &[S]) -> Result<Measured, BenchError> {
        let mut measure = Command::new("python3");
        measure.args(["-c", MEASURE]).args(command).current_dir(&self.folder);
        measure.env("IMGBUILD_CACHE", self.store());
        let output = measure.stderr(std::process::Stdio::inherit()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let words: Vec<_> = command.iter().map(|word| word.as_ref().to_string_lossy()).collect();
            return Err(BenchError::Failed(words.join(" ")));
        }
        let mut numbers = text.split_whitespace();
        let mut number = || numbers.next().and_then(|text| text.parse::<f64>().ok());
        match (number(), number()) {
            (Some(seconds), Some(kib)) => Ok(Measured { seconds, memory: (kib * 1024.0) as u64 }),
            _ => Err(BenchError::Output(text)),
        }
    }

    pub(super) fn program(&self, spec: &str, command: &[&str]) -> Result<Measured, BenchError> {
        let binary = self.binary.display().to_string();
        let mut words = vec![binary.as_str()];
        words.extend(command);
        words.extend(["--quiet", spec]);
        self.measure(&words)
    }

    /// A build from what the lock and the store have.
    pub(super) fn build(&self, spec: &str) -> Result<Measured, BenchError> {
        self.program(&format!("{spec}.toml"), &["build", "--locked", "--offline"])
    }

    /// The conda archives that the lock names: their names by their hashes.
    pub(super) fn archives(&self) -> Result<BTreeMap<String, String>, BenchError> {
        self.locked_archives("plain.lock", "[[conda]]")
    }

    /// The archives of one kind that a lock names: their names by their hashes.
    pub(super) fn locked_archives(
        &self,
        lock: &str,
        kind: &str,
    ) -> Result<BTreeMap<String, String>, BenchError> {
        let lock = fs::read_to_string(self.folder.join(lock))?;
        let mut archives = BTreeMap::new();
        let mut url = String::new();
        let mut is_kind = false;
        for line in lock.lines() {
            let value = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
            match line {
                line if line.starts_with("[[") => is_kind = line == kind,
                line if line.starts_with("url = ") || line.starts_with("filename = ") => url = value(line),
                line if is_kind && line.starts_with("sha256 = ") => {
                    let name = url.rsplit('/').next().unwrap_or_default().to_owned();
                    archives.insert(value(line).trim_start_matches("sha256:").to_owned(), name);
                }
                _ => {}
            }
        }
        Ok(archives)
    }

    /// Removes layers from the store: all, or only those that hold conda packages; and the bytecode.
    pub(super) fn forget(&self, only_conda: bool, bytecode: bool) -> Result<(), BenchError> {
        let archives = if only_conda { Some(self.archives()?) } else { None };
        self.forget_layers_of(archives.as_ref(), bytecode)
    }

    /// Removes layers from the store: those that hold one of these archives, or all; and the bytecode.
    pub(super) fn forget_layers_of(
        &self,
        archives: Option<&BTreeMap<String, String>>,
        bytecode: bool,
    ) -> Result<(), BenchError> {
        for entry in fs::read_dir(self.store().join("layers-v1"))? {
            let path = entry?.path();
            let record: Value = serde_json::from_slice(&fs::read(&path)?)?;
            let used = record["archives"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let mut used = used.map(|hash| hash.trim_start_matches("sha256:"));
            if archives.is_none_or(|archives| used.any(|hash| archives.contains_key(hash))) {
                let digest = record["descriptor"]["digest"].as_str().unwrap_or_default();
                let blob = self.store().join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
                if blob.is_file() {
                    fs::remove_file(blob)?;
                }
                fs::remove_file(path)?;
            }
        }
        if bytecode {
            for entry in fs::read_dir(self.store().join("bytecode-v1"))? {
                fs::remove_file(entry?.path())?;
            }
        }
        Ok(())
    }

    /// Compiles, with the image's own Python, the sources whose bytecode imgbuild made.
    pub(super) fn compileall(&self) -> Result<f64, BenchError> {
        let roots = [("bytecode", self.folder.join("root")), ("plain", self.folder.join("root-plain"))];
        let unpack = "import json, subprocess, sys, tarfile
image, root = sys.argv[1:]
with tarfile.open(image) as tar:
    manifest = json.load(tar.extractfile('manifest.json'))[0]
    for layer in manifest['Layers']:
        blob = tar.extractfile(layer).read()
        subprocess.run(['tar', '-x', '--zstd', '-C', root, '--wildcards', 'opt/*'], input=blob, stderr=subprocess.DEVNULL)
";
        for (name, root) in &roots {
            if root.exists() {
                fs::remove_dir_all(root)?;
            }
            fs::create_dir_all(root)?;
            let mut command = Command::new("python3");
            command.args(["-c", unpack, &format!("{name}-latest.tar")]).arg(root);
            if !command.current_dir(&self.folder).status()?.success() {
                return Err(BenchError::Failed("unpack".to_owned()));
            }
        }
        // What imgbuild made is what the same image without it lacks.
        let list = "import pathlib, sys
root, plain = map(pathlib.Path, sys.argv[1:])
for pyc in sorted(root.rglob('*.pyc')):
    if not (plain / pyc.relative_to(root)).exists():
        print(pyc.parent.parent / (pyc.name.split('.cpython')[0] + '.py'))
        pyc.unlink()
";
        let [(_, root), (_, plain)] = roots;
        let files = Command::new("python3").args(["-c", list]).args([&root, &plain]).output()?;
        let path = self.folder.join("files");
        fs::write(&path, files.stdout)?;
        let python = root.join("opt/conda/bin/python3.11").display().to_string();
        let list = path.display().to_string();
        Ok(self.measure(&[&python, "-m", "compileall", "-q", "-j", "0", "-i", &list])?.seconds)
    }
}
