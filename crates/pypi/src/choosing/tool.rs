//! uv where the machine has none: its wheel, taken once by the machine's own pip.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Exclusions, Source};
use imgbuild_lock::PypiPackage;
use imgbuild_oci::{Digest, HashReader, Platform};
use imgbuild_python::FolderSink;

use crate::choosing::uv::Uv;
use crate::choosing::uv_error::UvError;
use crate::wheel::filename::WheelFilename;
use crate::wheel::layout::Layout;
use crate::wheel::package::Package;
use crate::wheel::whole_wheel::Wheel;

/// The version of uv that is taken.
pub const VERSION: &str = "0.13.8";

/// Its wheel for a kind of build machine, and the wheel's hash.
fn wheel(host: Platform) -> (&'static str, &'static str) {
    match host {
        Platform::LinuxAmd64 => (
            "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
        ),
        Platform::LinuxArm64 => (
            "uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
            "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
        ),
    }
}

impl Uv {
    /// The uv that is kept in `folder`; where it is not there yet, pip of the interpreter `python` downloads its wheel, from
    /// the index that pip is set up for. The wheel must have the hash that is known, and its program is unpacked.
    ///
    /// # Errors
    ///
    /// When the wheel cannot be had, is another one, or cannot be unpacked.
    pub fn take(folder: &Path, python: &Path) -> Result<Self, UvError> {
        let name = format!("uv-{VERSION}");
        let program = folder.join(&name).join("bin/uv");
        if program.is_file() {
            return Ok(Self::new(program));
        }
        let host = Platform::host().ok_or_else(|| failed("there is none for this kind of machine"))?;
        // Beside its final place, so that it is there whole or not at all.
        let scratch = tempfile::tempdir_in(folder).map_err(failed)?;
        let (filename, sha256) = wheel(host);
        download(python, scratch.path())?;
        let archive = scratch.path().join(filename);
        let sha256 = Digest::from_hex(sha256).map_err(failed)?;
        let found = digest(&archive).map_err(failed)?;
        if found != sha256 {
            return Err(failed(format!("`{filename}` has the hash `{found}`, and not `{sha256}`")));
        }
        unpack(filename, sha256, &archive, &name, scratch.path())?;
        match fs::rename(scratch.path().join(&name), folder.join(&name)) {
            Err(error) if !program.is_file() => Err(failed(error)),
            // Another process may have been faster.
            _ => Ok(Self::new(program)),
        }
    }
}

fn failed(why: impl ToString) -> UvError {
    UvError::take(&why.to_string())
}

/// Lets pip download the wheel of this machine into `folder`.
fn download(python: &Path, folder: &Path) -> Result<(), UvError> {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    command.args(["--only-binary", ":all:", "--dest"]).arg(folder).arg(format!("uv=={VERSION}"));
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(format!("`{}` cannot be run: {error}", python.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("pip could not download it\n{said}").trim_end()))
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut reader = HashReader::new(File::open(path)?);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.finish().0)
}

/// Writes the wheel below `folder`, in a folder called `name`.
fn unpack(filename: &str, sha256: Digest, archive: &Path, name: &str, folder: &Path) -> Result<(), UvError> {
    let parsed: WheelFilename = filename.parse().map_err(failed)?;
    let (_, wheel) = Wheel::open(archive, &parsed).map_err(failed)?;
    let locked = PypiPackage {
        name: parsed.name.clone(),
        version: parsed.version.to_string(),
        filename: filename.to_owned(),
        url: None,
        size: None,
        sha256,
        origin: None,
        build: None,
        facts: wheel.facts(),
    };
    let prefix = ImagePath::new(name).map_err(failed)?;
    let layout = Layout::virtual_environment(prefix, 0).map_err(failed)?;
    let package = Package::new(&locked, Arc::new(layout), archive.to_owned());
    package.map_err(failed)?.write(&Exclusions::new(), &mut FolderSink::new(folder)).map_err(failed)
}
