//! A locked wheel: its archive, and what the lock says of it.

use std::path::PathBuf;
use std::sync::Arc;

use imgbuild_archive::ZipArchive;
use imgbuild_layer::{Claim, FileSizes, KeyHasher, Kind, Part, RecipeHash, Role};
use imgbuild_lock::PypiPackage;

use crate::wheel::filename::WheelFilename;
use crate::wheel::layout::Layout;
use crate::wheel::package_error::PackageError;
use crate::wheel::whole_wheel::Wheel;

/// What the names of projects begin with that hold CUDA's libraries.
const CUDA: &str = "nvidia-";

/// A locked wheel.
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) part: Part,
    pub(crate) locked: PypiPackage,
    filename: WheelFilename,
    pub(crate) layout: Arc<Layout>,
    archive: PathBuf,
}

impl Package {
    /// The wheel `locked`, which is, or will be when it is written, the file `archive`.
    ///
    /// # Errors
    ///
    /// When the lock's record contradicts itself.
    pub fn new(locked: &PypiPackage, layout: Arc<Layout>, archive: PathBuf) -> Result<Self, PackageError> {
        let filename: WheelFilename = locked.filename.parse()?;
        let named = format!("{} {}", filename.name, filename.version);
        check("name", &format!("{} {}", locked.name, locked.version), &named)?;
        let origin = locked.origin.as_ref().map(direct_url).transpose()?;
        let recipe = KeyHasher::new("wheel")
            .field("archive", locked.sha256.as_bytes())
            .field("filename", &locked.filename)
            .field("prefix", layout.prefix.as_str())
            .field("site-packages", layout.site_packages.as_str())
            .field("headers", layout.headers.as_str())
            .field("interpreter", layout.interpreter.as_str())
            .field("minor", [layout.minor])
            .list("origin", origin)
            .finish();
        let role = if locked.name.starts_with(CUDA) { Role::CUDA } else { Role::PACKAGE };
        let part = Part {
            id: layout.part(&locked.name),
            title: format!("{} {}", locked.name, locked.version),
            recipe: RecipeHash(recipe),
            archive: Some(locked.sha256),
            role,
            weight: locked.facts.installed_size,
            root: Some(layout.prefix.clone()),
        };
        Ok(Self { part, locked: locked.clone(), filename, layout, archive })
    }

    /// The wheel, after everything that the lock says of it was found to hold.
    pub(crate) fn open(&self) -> Result<(ZipArchive, Wheel), PackageError> {
        let (archive, wheel) = Wheel::open(&self.archive, &self.filename)?;
        let (locked, found) = (&self.locked.facts, wheel.facts());
        check("paths", &locked.paths, &found.paths)?;
        check("installed size", &locked.installed_size, &found.installed_size)?;
        check("time", &locked.timestamp, &found.timestamp)?;
        check("entry points", &locked.entry_points.join(", "), &found.entry_points.join(", "))?;
        let python = |facts: &imgbuild_lock::PypiFacts| facts.requires_python.clone().unwrap_or_default();
        check("Python", &python(locked), &python(&found))?;
        check("requirements", &locked.requires_dist.join(", "), &found.requires_dist.join(", "))?;
        // Locks of older versions do not say it.
        if locked.licence.is_some() || locked.author.is_some() {
            let about = |facts: &imgbuild_lock::PypiFacts| {
                [&facts.licence, &facts.author].map(|it| it.as_deref().unwrap_or("none")).join(", ")
            };
            check("licence and author", &about(locked), &about(&found))?;
        }
        Ok((archive, wheel))
    }

    /// The files that are written beside the wheel's own, in the folder of its metadata.
    pub(crate) fn added(&self) -> impl Iterator<Item = &'static str> + use<> {
        added(&self.locked)
    }
}

/// The paths that a wheel writes, by its metadata alone.
///
/// # Errors
///
/// When one of them must not be written, or it holds one twice.
pub fn claims(wheel: &Wheel, locked: &PypiPackage, layout: &Layout) -> Result<Vec<Claim>, PackageError> {
    let mut claims = Vec::new();
    for member in &wheel.members {
        claims.extend(wheel.target(member, layout)?);
    }
    for entry_point in wheel.entry_points().installed(layout.minor) {
        claims.push(layout.script(&entry_point.name)?);
    }
    for name in added(locked).chain(["RECORD"]) {
        claims.push(wheel.metadata_path(layout, name)?);
    }
    let claims = claims.into_iter().map(|path| Claim { path, kind: Kind::File }).collect();
    let part = [(layout.part(&locked.name), claims)];
    imgbuild_layer::resolve(&part)?;
    let [(_, claims)] = part;
    Ok(claims)
}

/// The sizes of a wheel's own files, by where they stand in the image.
///
/// # Errors
///
/// When one of them must not be written.
pub fn sizes(wheel: &Wheel, layout: &Layout) -> Result<FileSizes, PackageError> {
    let mut sizes = FileSizes::new();
    for member in &wheel.members {
        sizes.extend(wheel.target(member, layout)?.map(|path| (path, member.size)));
    }
    Ok(sizes)
}

/// Every wheel counts as asked for, as uv has it: all of an image stands in its lock, so nothing of it may be removed as no
/// longer needed, and a wheel is the same layer whether somebody or another package asked for it.
fn added(locked: &PypiPackage) -> impl Iterator<Item = &'static str> + use<> {
    let origin = locked.origin.as_ref().map(|_| "direct_url.json");
    ["INSTALLER", "REQUESTED"].into_iter().chain(origin)
}

/// The text of `direct_url.json`.
pub(crate) fn direct_url(origin: &imgbuild_lock::DirectUrl) -> Result<Vec<u8>, PackageError> {
    serde_json::to_vec(origin)
        .map_err(|error| PackageError::Write { file: "direct_url.json", error: error.into() })
}

fn check<T: PartialEq + ToString>(fact: &'static str, locked: &T, found: &T) -> Result<(), PackageError> {
    if locked == found {
        return Ok(());
    }
    Err(PackageError::Fact { fact, locked: locked.to_string(), found: found.to_string() })
}
