//! Wheels alone, in a virtual environment of Debian's Python: beside uv, with one very large wheel, and how long the
//! interpreter takes to import what is there.

use std::process::Command;

use fs_err as fs;

use super::{Bench, BenchError, Measured, RUNS};
use crate::wheels;

/// The bytes of the large wheel's one file: what a framework with its CUDA kernels has.
const LARGE: u64 = 900 << 20;

/// Makes a wheel of one file that hardly packs.
const MAKE: &str = "import base64, hashlib, random, sys, zipfile
path, size = sys.argv[1], int(sys.argv[2])
source, info = random.Random(0), 'large-1.0.dist-info/'
piece = source.randbytes(1 << 20)
record = ''
def line(name, digest, length):
    return name + ',sha256=' + base64.urlsafe_b64encode(digest).decode().rstrip('=') + ',' + str(length) + '\\n'
with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
    digest = hashlib.sha256()
    with wheel.open('large/weights.bin', 'w', force_zip64=True) as file:
        for number in range(size >> 20):
            part = piece[number % 997:] + piece[:number % 997]
            digest.update(part)
            file.write(part)
    record += line('large/weights.bin', digest.digest(), size)
    for name, text in [('METADATA', 'Metadata-Version: 2.1\\nName: large\\nVersion: 1.0\\n'),
                       ('WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')]:
        wheel.writestr(info + name, text)
        record += line(info + name, hashlib.sha256(text.encode()).digest(), len(text))
    wheel.writestr(info + 'RECORD', record + info + 'RECORD,,\\n')
";

/// What is measured inside the image: the import alone, not the interpreter's start.
const IMPORT: &str = "import time; start = time.perf_counter(); import numpy, pandas, scipy; \
                      print(time.perf_counter() - start)";

impl Bench {
    /// Locks and builds what the rows measure once, so that archives and the base's layers are there.
    pub(super) fn write_wheels(&self) -> Result<(), BenchError> {
        let head =
            "python = { version = \"3.11\", from = \"debian\" }\nbase = \"bookworm\"\n[pip]\npackages = ";
        let packages = "[\"jupyterlab\", \"numpy\", \"pandas\", \"scipy\", \"scikit-learn\", \"matplotlib\"]";
        let large = "large-1.0-py3-none-any.whl";
        if !self.folder.join(large).is_file() {
            let mut make = Command::new("python3");
            make.args(["-c", MAKE, large, &LARGE.to_string()]).current_dir(&self.folder);
            if !make.status()?.success() {
                return Err(BenchError::Failed("making a large wheel".to_owned()));
            }
        }
        for (name, packages, bytecode) in [
            ("wheels", packages, false),
            ("wheels-bytecode", packages, true),
            ("large", &*format!("[\"./{large}\"]"), true),
        ] {
            let spec = format!("name = \"{name}\"\n{head}{packages}\n[layers]\nbytecode = {bytecode}\n");
            let file = format!("{name}.toml");
            fs::write(self.folder.join(&file), spec)?;
            self.program(&file, &["lock"])?;
            self.program(&file, &["build"])?;
        }
        Ok(())
    }

    /// Removes the layers that hold wheels of a spec, and the bytecode: archives and the Debian base's layers stay.
    pub(super) fn forget_wheels(&self, spec: &str, bytecode: bool) -> Result<(), BenchError> {
        let archives = self.locked_archives(&format!("{spec}.lock"), "[[pypi]]")?;
        self.forget_layers_of(Some(&archives), bytecode)
    }

    /// `uv pip install` of the same wheels, from a folder of this disk, with an empty cache.
    pub(super) fn uv(&self) -> Result<Measured, BenchError> {
        wheels::run(&self.workspace).map_err(|error| BenchError::Failed(error.to_string()))?;
        let tools = self.workspace.join("target/wheels/tools/bin");
        let (wheelhouse, venv) = (self.folder.join("wheelhouse"), self.folder.join("venv"));
        for folder in [&wheelhouse, &venv] {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        fs::create_dir_all(&wheelhouse)?;
        let mut install: Vec<String> = Vec::new();
        for (hash, filename) in self.locked_archives("wheels.lock", "[[pypi]]")? {
            fs::hard_link(self.store().join("archives").join(hash), wheelhouse.join(&filename))?;
            install.push(wheelhouse.join(filename).display().to_string());
        }
        let uv = tools.join("uv").display().to_string();
        let python = tools.join("python").display().to_string();
        let venv = venv.display().to_string();
        self.measure(&[&uv, "--quiet", "venv", "--python", &python, &venv])?;
        let mut words = vec![uv, "--quiet".to_owned(), "--no-cache".to_owned(), "--offline".to_owned()];
        words.extend(["pip", "install", "--no-deps", "--no-index", "--python", &venv].map(str::to_owned));
        words.extend(install);
        self.measure(&words)
    }

    /// Seconds that an import takes inside an image, for a user who can write no bytecode.
    pub(super) fn import(&self, name: &str) -> Result<f64, BenchError> {
        // Another row may have removed its layers: both specs have the same archives.
        self.build(name)?;
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            let mut run = Command::new(&self.binary);
            run.args(["run", "--read-only", name, "--", "python", "-c", IMPORT]);
            let output = run.env("IMGBUILD_CACHE", self.store()).output()?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let said = String::from_utf8_lossy(&output.stderr);
            best = best.min(text.parse().map_err(|_| BenchError::Output(format!("{text}{said}")))?);
        }
        Ok(best)
    }
}
