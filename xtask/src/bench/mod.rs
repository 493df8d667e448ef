//! `cargo xtask bench`: how fast the program is, whole process, beside the limit measured in the same run.
//!
//! The environment is that of DESIGN.md §8: JupyterLab with numpy, pandas, scipy, scikit-learn and matplotlib, from the
//! test channel. No test asserts a time; this prints ratios.

mod base;
mod wheels;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use serde_json::Value;

use crate::channel::{self, ChannelError};
use crate::programs::Lacking;

/// How often each row is measured; the fastest counts, as the one that the rest of the machine disturbed least.
const RUNS: usize = 3;

/// Runs a command, and prints its seconds and the most memory that it or a child of it had, in KiB.
const MEASURE: &str = "import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)";

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A command failed; it has said why.
    #[error("`{0}` failed")]
    Failed(String),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A record of the store is not what it was.
    #[error("cannot read what the program wrote: {0}")]
    Json(#[from] serde_json::Error),
    /// A program is not there.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The channel cannot be made.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Output that is not what was expected.
    #[error("`{0}` is not what was expected")]
    Output(String),
}

/// Seconds and bytes.
#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    memory: u64,
}

struct Bench {
    workspace: PathBuf,
    folder: PathBuf,
}

/// Measures and prints.
pub(crate) fn run(workspace: &Path) -> Result<(), BenchError> {
    channel::run(workspace)?;
    let bench = Bench { workspace: workspace.to_owned(), folder: workspace.join("target/bench") };
    // Both at once: apart, each would compile the dependencies with features of its own.
    let both =
        ["--package", "imgbuild", "--package", "imgbuild-conda", "--bin", "imgbuild", "--example", "limit"];
    bench.cargo(&[&["build", "--release"], both.as_slice()].concat())?;
    fs::create_dir_all(&bench.folder)?;
    bench.write_specs()?;
    // Downloads, lock, and the base's layers: what the rows do not measure.
    bench.program("plain.toml", &["lock"])?;
    bench.program("plain.toml", &["build"])?;
    bench.program("bytecode.toml", &["lock"])?;
    bench.write_bases()?;
    bench.write_wheels()?;

    let limit = bench.limit()?;
    let cold = bench.best(|| bench.forget(true, false), "plain.toml")?;
    let with_base = bench.best(|| bench.forget(false, false), "plain.toml")?;
    let warm = bench.best(|| Ok(()), "plain.toml")?;
    let delivered = bench.measure(&["sha256sum", "plain-latest.tar"])?;
    let bytecode = bench.best(|| bench.forget(true, true), "bytecode.toml")?;
    let rebuilt = bench.best(|| bench.forget(true, false), "bytecode.toml")?;
    let row = |name: &str, measured: Measured| {
        let memory = measured.memory as f64 / 1e6;
        println!(
            "{name:<58} {:>8.2} s {:>6.2} x {memory:>7.0} MB",
            measured.seconds,
            measured.seconds / limit
        );
    };
    println!("{:<58} {:>10} {:>8} {:>10}", "", "time", "limit", "memory");
    println!("{:<58} {limit:>8.2} s {:>6.2} x", "limit: hash, decompress, hash, compress, hash", 1.0);
    row("environment: archives in the store, no layers", cold);
    row("the same with the Debian base's layers", with_base);
    row("warm rebuild: the image is hashed as it is delivered", warm);
    println!("{:<58} {:>8.2} s", "  `sha256sum` of the same image", delivered.seconds);
    row("environment with bytecode, none known", bytecode);
    row("environment with bytecode, all known", rebuilt);
    row("Debian base: archives in the store, no layers", bench.base()?);
    row("mmdebstrap of the same packages, from this disk", bench.mmdebstrap()?);
    for (name, size) in bench.base_sizes()? {
        println!("{:<58} {:>8.1} MB", format!("  the {name} image, compressed"), size as f64 / 1e6);
    }
    row("wheels: archives in the store, no layers of them", bench.wheels("wheels", false)?);
    row("wheels with bytecode, none known", bench.wheels("wheels-bytecode", true)?);
    row("wheels with bytecode, all known", bench.wheels("wheels-bytecode", false)?);
    row("`uv pip install` of the same wheels, into a folder", bench.uv()?);
    row("one wheel of 900 MB", bench.wheels("large", false)?);
    for (name, spec) in [("with bytecode", "wheels-bytecode"), ("without", "wheels")] {
        let seconds = bench.import(spec)?;
        println!("{:<58} {seconds:>8.2} s", format!("  import numpy, pandas, scipy in the image, {name}"));
    }
    let compileall = bench.compileall()?;
    println!("{:<58} {:>8.2} s", "  what the bytecode adds", bytecode.seconds - cold.seconds);
    println!("{:<58} {compileall:>8.2} s", "  python -m compileall of the same files, on every core");
    Ok(())
}

impl Bench {
    fn cargo(&self, arguments: &[&str]) -> Result<(), BenchError> {
        let status = Command::new("cargo").args(arguments).current_dir(&self.workspace).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(BenchError::Failed(format!("cargo {}", arguments.join(" "))))
        }
    }

    fn write_specs(&self) -> Result<(), BenchError> {
        let channel = self.workspace.join("target/channel");
        for (name, bytecode) in [("plain", false), ("bytecode", true)] {
            let spec = format!(
                "name = \"{name}\"\npython = \"3.11\"\n\n[conda]\nchannels = [\"file://{}\"]\npackages = [\"jupyterlab\", \
                 \"numpy\", \"pandas\", \"scipy\", \"scikit-learn\", \"matplotlib-base\"]\n\n[layers]\nbytecode = {bytecode}\n",
                channel.display()
            );
            fs::write(self.folder.join(format!("{name}.toml")), spec)?;
        }
        Ok(())
    }

    fn binary(&self) -> PathBuf {
        self.workspace.join("target/release/imgbuild")
    }

    fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    fn measure<S: AsRef<OsStr>>(&self, command: &[S]) -> Result<Measured, BenchError> {
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

    fn program(&self, spec: &str, command: &[&str]) -> Result<Measured, BenchError> {
        let binary = self.binary().display().to_string();
        let mut words = vec![binary.as_str()];
        words.extend(command);
        words.extend(["--quiet", spec]);
        self.measure(&words)
    }

    fn best(
        &self,
        mut before: impl FnMut() -> Result<(), BenchError>,
        spec: &str,
    ) -> Result<Measured, BenchError> {
        let mut best: Option<Measured> = None;
        for _ in 0..RUNS {
            before()?;
            let measured = self.program(spec, &["build", "--locked", "--offline"])?;
            best = Some(match best {
                Some(best) if best.seconds <= measured.seconds => best,
                _ => measured,
            });
        }
        best.ok_or_else(|| BenchError::Output("no run".to_owned()))
    }

    /// The conda archives that the lock names: their names by their hashes.
    fn archives(&self) -> Result<BTreeMap<String, String>, BenchError> {
        self.locked_archives("plain.lock", "[[conda]]")
    }

    /// The archives of one kind that a lock names: their names by their hashes.
    fn locked_archives(&self, lock: &str, kind: &str) -> Result<BTreeMap<String, String>, BenchError> {
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

    fn limit(&self) -> Result<f64, BenchError> {
        let program = self.workspace.join("target/release/examples/limit");
        let folder = self.store().join("archives");
        let archives = self.archives()?;
        let words: Vec<_> =
            archives.iter().map(|(hash, name)| format!("{name}={}", folder.join(hash).display())).collect();
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            let output = Command::new(&program).args(&words).output()?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            best = best.min(text.parse().map_err(|_| BenchError::Output(text))?);
        }
        Ok(best)
    }

    /// Removes layers from the store: all, or only those that hold conda packages; and the bytecode.
    fn forget(&self, only_conda: bool, bytecode: bool) -> Result<(), BenchError> {
        let archives = if only_conda { Some(self.archives()?) } else { None };
        self.forget_layers_of(archives.as_ref(), bytecode)
    }

    /// Removes layers from the store: those that hold one of these archives, or all; and the bytecode.
    fn forget_layers_of(
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
    fn compileall(&self) -> Result<f64, BenchError> {
        let root = self.folder.join("root");
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        fs::create_dir_all(&root)?;
        let unpack = "import json, subprocess, sys, tarfile
image, root = sys.argv[1:]
with tarfile.open(image) as tar:
    manifest = json.load(tar.extractfile('manifest.json'))[0]
    for layer in manifest['Layers']:
        blob = tar.extractfile(layer).read()
        subprocess.run(['tar', '-x', '--zstd', '-C', root, '--wildcards', 'opt/*'], input=blob, stderr=subprocess.DEVNULL)
";
        let output = Command::new("python3")
            .args(["-c", unpack, "bytecode-latest.tar"])
            .arg(&root)
            .current_dir(&self.folder)
            .status()?;
        if !output.success() {
            return Err(BenchError::Failed("unpack".to_owned()));
        }
        // Unchecked hash-based bytecode is what imgbuild makes: nothing else in the environment has it.
        let list = "import pathlib, sys
root = pathlib.Path(sys.argv[1])
for pyc in sorted(root.rglob('*.pyc')):
    if pyc.read_bytes()[4:8] == b'\\x01\\0\\0\\0':
        print(pyc.parent.parent / (pyc.name.split('.cpython')[0] + '.py'))
        pyc.unlink()
";
        let files = Command::new("python3").args(["-c", list]).arg(&root).output()?;
        let path = self.folder.join("files");
        fs::write(&path, files.stdout)?;
        let python = root.join("opt/conda/bin/python3.11").display().to_string();
        let list = path.display().to_string();
        Ok(self.measure(&[&python, "-m", "compileall", "-q", "-j", "0", "-i", &list])?.seconds)
    }
}
