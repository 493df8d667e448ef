//! The wheel that a build left.

use std::io;
use std::path::{Path, PathBuf};

use imgbuild_oci::{Digest, HashWriter};
use imgbuild_pypi::{Tags, Wheel, WheelFilename, normalized};
use imgbuild_store::Store;

use crate::WheelBuildError;
use crate::environment::WHEEL;
use crate::hooks::{left, left_names};
use crate::limits::BUILT_WHEEL_LIMIT;

/// A wheel that is in the store.
pub(crate) struct StoredWheel {
    pub(crate) filename: WheelFilename,
    pub(crate) path: PathBuf,
    pub(crate) sha256: Digest,
    pub(crate) size: u64,
}

/// What the wheel of a project must be.
pub(crate) struct WheelRequest {
    /// How messages call the project.
    pub(crate) shown: String,
    /// Its normalised name, where it is known.
    pub(crate) name: Option<String>,
    /// Its version, where it is known.
    pub(crate) version: Option<String>,
    /// What it must run on.
    pub(crate) tags: Tags,
}

/// Takes the wheel out of what a build wrote below `upper`, checks it, and puts it into the store. `said` is what
/// the backend calls it.
///
/// # Errors
///
/// When there is not exactly one, or it is another project's, does not run on the target, or is no good wheel.
pub(crate) fn take(
    upper: &Path,
    said: &str,
    wanted: &WheelRequest,
    store: &Store,
) -> Result<StoredWheel, WheelBuildError> {
    let wrong = |what: String| WheelBuildError::Answer { name: wanted.shown.clone(), what };
    let failed = |error| WheelBuildError::file(&upper.join(WHEEL), "read", error);
    let names = left_names(upper, WHEEL).map_err(failed)?;
    let wheels: Vec<&String> = names.iter().filter(|name| name.ends_with(".whl")).collect();
    let file = match wheels.as_slice() {
        [] => return Err(wrong("left no wheel".to_owned())),
        [only] if *only != said => return Err(wrong(format!("left `{only}`, and says that it is `{said}`"))),
        [only] => *only,
        several => {
            let several: Vec<String> = several.iter().map(|it| format!("`{it}`")).collect();
            return Err(wrong(format!("left several wheels: {}", several.join(", "))));
        }
    };
    let refused = |error: Box<dyn miette::Diagnostic + Send + Sync>| WheelBuildError::Wheel {
        name: wanted.shown.clone(),
        wheel: file.clone(),
        error,
    };
    let filename: WheelFilename = file.parse().map_err(|error| refused(Box::new(error)))?;
    if let Some(name) = wanted.name.as_deref().filter(|name| normalized(name) != filename.name) {
        return Err(wrong(format!("made the wheel `{file}`, which is none of `{name}`")));
    }
    if let Some(version) = wanted.version.as_deref().filter(|version| !same_version(version, &filename)) {
        return Err(wrong(format!("made the wheel `{file}`, which is not of version {version}")));
    }
    if wanted.tags.rank(&filename).is_none() {
        return Err(wrong(format!(
            "made the wheel `{file}`, which does not run on {}",
            wanted.tags.target()
        )));
    }
    let unread = |error| wrong(format!("left `{file}`, which cannot be read: {error}"));
    let mut reader =
        io::Read::take(left(upper, &format!("{WHEEL}/{file}")).map_err(unread)?, BUILT_WHEEL_LIMIT + 1);
    Wheel::open(&upper.join(WHEEL).join(file), &filename).map_err(|error| refused(Box::new(error)))?;
    let mut writer = HashWriter::new(store.archive_writer()?);
    io::copy(&mut reader, &mut writer).map_err(failed)?;
    let (writer, sha256, size) = writer.finish();
    if size > BUILT_WHEEL_LIMIT {
        return Err(wrong(format!("made a wheel of more than {BUILT_WHEEL_LIMIT} bytes")));
    }
    let path = writer.commit(&sha256)?;
    Ok(StoredWheel { filename, path, sha256, size })
}

/// Whether a wheel has a version, in whatever way that is written.
fn same_version(version: &str, filename: &WheelFilename) -> bool {
    let wanted = format!("x-{version}-py3-none-any.whl").parse::<WheelFilename>();
    wanted.map_or(version == filename.version.to_string(), |wanted| wanted.version == filename.version)
}
