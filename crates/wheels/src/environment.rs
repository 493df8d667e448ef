//! The environment of a build (PEP 518): a virtual environment of the image's Python with the build requirements and nothing
//! else, as one more layer.

use std::fs::File;
use std::io::{self, BufWriter};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_ecosystem::ImagePython;
use imgbuild_layer::{Codec, EntryHead, EntryKind, EntrySink, Exclusions, LayerWriter, Parents, Source};
use imgbuild_lock::PypiPackage;
use imgbuild_pypi::Layout;
use imgbuild_store::Store;

use crate::WheelBuildError;
use crate::source::{BUILDER, TIME};

/// Where it is.
const ENVIRONMENT: &str = "build/environment";
/// Its interpreter.
pub(crate) const PYTHON: &str = "build/environment/bin/python";
/// What calls the backend.
pub(crate) const HOOKS: &str = "build/hooks.py";
/// Where the wheel is left.
pub(crate) const WHEEL: &str = "build/wheel";
/// Where the backend's answers are left.
pub(crate) const ANSWER: &str = "build/answer";

/// The text of [`HOOKS`].
const HOOKS_TEXT: &str = include_str!("hooks.py");

/// Writes the tar of an environment with these wheels, whose archives the store has.
///
/// # Errors
///
/// When a wheel is damaged, or the tar cannot be written.
pub(crate) fn write_environment(
    tar: &Path,
    python: &ImagePython,
    wheels: &[PypiPackage],
    store: &Store,
) -> Result<(), WheelBuildError> {
    let failed = |error| WheelBuildError::file(tar, "written", error);
    let prefix = ImagePath::new(ENVIRONMENT)?;
    let layout = Arc::new(Layout::virtual_environment(prefix, python.minor)?);
    let files = imgbuild_pypi::virtual_environment(&layout, &python.program, &python.version, TIME)?;
    let mut sources: Vec<Box<dyn Source>> = vec![Box::new(files)];
    for wheel in wheels {
        let archive = store.archive_path(&wheel.sha256);
        let package = imgbuild_pypi::Package::new(wheel, Arc::clone(&layout), archive);
        let package = package.map_err(|error| WheelBuildError::requirement(wheel, error))?;
        sources.push(Box::new(package));
    }
    let mut claims = Vec::new();
    for source in &sources {
        let found = source.claims().map_err(|error| WheelBuildError::BuildEnvironment(Box::new(error)))?;
        claims.push((source.part().id.clone(), found));
    }
    let resolution = imgbuild_layer::resolve(&claims)
        .map_err(|error| WheelBuildError::BuildEnvironment(Box::new(error)))?;
    let parents = Parents::default();
    let out = BufWriter::new(File::create(tar).map_err(failed)?);
    let mut writer = LayerWriter::new(out, Codec::None, NonZero::<u32>::MIN, &parents).map_err(failed)?;
    for source in &sources {
        let exclusions: Exclusions = resolution.exclusions(&source.part().id);
        let written = source.write(&exclusions, &mut writer);
        written.map_err(|error| WheelBuildError::BuildEnvironment(Box::new(error)))?;
    }
    put_own(&mut writer)?;
    let (_, out) = writer.finish().map_err(failed)?;
    out.into_inner().map(drop).map_err(|error| failed(error.into_error()))
}

/// What a build needs beside Python: what calls the backend, and folders for what comes of it.
fn put_own(sink: &mut dyn EntrySink) -> Result<(), WheelBuildError> {
    let text = HOOKS_TEXT.as_bytes();
    let head = |path, kind, mode, owner| {
        Ok::<_, WheelBuildError>(EntryHead { path: ImagePath::new(path)?, kind, mode, owner, mtime: TIME })
    };
    sink.put(&head(HOOKS, EntryKind::File { size: text.len() as u64 }, 0o644, Owner::ROOT)?, &mut &*text)?;
    for folder in [WHEEL, ANSWER] {
        sink.put(&head(folder, EntryKind::Directory, 0o755, BUILDER)?, &mut io::empty())?;
    }
    Ok(())
}
