//! The packages of PyPI in another tool's lock, as they are taken: wheels, and sources of which wheels are built.

use std::path::{Path, PathBuf};

use imgbuild_environment::ListedPackages;
use imgbuild_folder::LeadsOut;
use imgbuild_requirement::RequirementSource;
use imgbuild_secret::SecretUrl;
use url::Url;

use crate::choosing::building::ProjectSource;
use crate::choosing::locking::{ListedPackage, ListedWheel};
use crate::lists::stated::StatedHashes;

/// A package in a list that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ListedError {
    /// Its wheel is of another project or version.
    #[error("the wheel `{wheel}` is listed as `{listed}`, and by its name it is another one")]
    OtherWheel {
        /// The package's place in the list.
        place: usize,
        /// The wheel.
        wheel: String,
        /// What it is listed as.
        listed: String,
    },
    /// A link leads out of the spec's folder.
    #[error(transparent)]
    LeadsOut(LeadsOut),
    /// Its path or URL names nothing.
    #[error("`{}` cannot be found", path.display())]
    Location {
        /// What it names.
        path: PathBuf,
        /// Why it is nothing.
        #[source]
        error: std::io::Error,
    },
}

/// The packages; paths are relative to `folder`, the spec's.
///
/// # Errors
///
/// When a path is none.
pub fn listed_packages(listed: &ListedPackages, folder: &Path) -> Result<Vec<ListedPackage>, ListedError> {
    let all = listed.packages.iter().enumerate();
    all.map(|(place, package)| listed_package(place, package, folder)).collect()
}

fn listed_package(
    place: usize,
    package: &imgbuild_environment::ListedPackage,
    folder: &Path,
) -> Result<ListedPackage, ListedError> {
    let (url, given) = location(&package.source, folder)?;
    let hashes = stated(package);
    if !package.source.is_built() {
        let wheel = ListedWheel { url, given, hashes, size: package.size };
        check_name(place, package, &wheel)?;
        return Ok(ListedPackage::Wheel(wheel));
    }
    let name = package.name.as_ref().map(ToString::to_string);
    let source = match &package.source {
        RequirementSource::Git { revision, subdirectory, .. } => {
            ProjectSource::Git { name, url, revision: revision.clone(), subdirectory: subdirectory.clone() }
        }
        RequirementSource::Path { path, editable } if !folder.join(path).is_file() => {
            let path: PathBuf = folder.join(path);
            ProjectSource::Folder { name, path, given, editable: *editable }
        }
        RequirementSource::Path { .. } | RequirementSource::Url(_) | RequirementSource::Index => {
            let subdirectory = url.whole().fragment().and_then(|it| it.strip_prefix("subdirectory="));
            ProjectSource::Sdist {
                name,
                version: package.version.clone(),
                filename: url.whole().path().rsplit('/').next().unwrap_or_default().to_owned(),
                direct: true,
                sha256: hashes.sha256(),
                size: package.size,
                subdirectory: subdirectory.map(str::to_owned),
                url,
            }
        }
    };
    Ok(ListedPackage::Source { source, hashes })
}

/// Whether a wheel is of the project and version that the lock lists: what is reviewed is the lock.
fn check_name(
    place: usize,
    package: &imgbuild_environment::ListedPackage,
    wheel: &ListedWheel,
) -> Result<(), ListedError> {
    // What has no such name is told where it is taken, and an entry without a name lists the wheel's own.
    let (Ok(wheel), Some(name)) = (wheel.filename(), &package.name) else { return Ok(()) };
    let (name, version) = (name.to_string(), package.version.as_deref());
    if wheel.is_of(&name, version) {
        return Ok(());
    }
    let listed = version.into_iter().fold(name, |name, version| format!("{name} {version}"));
    Err(ListedError::OtherWheel { place, wheel: wheel.to_string(), listed })
}

/// Where a package is, and the same as the lock says it.
fn location(source: &RequirementSource, folder: &Path) -> Result<(SecretUrl, String), ListedError> {
    let of_path = |path: &Path| {
        let whole = folder.join(path);
        if let Some(found) = imgbuild_folder::leads_out(folder, path) {
            return Err(ListedError::LeadsOut(LeadsOut { path: path.to_owned(), found }));
        }
        let error = || std::io::Error::other("the path is not absolute");
        let url = Url::from_file_path(&whole)
            .map_err(|()| ListedError::Location { path: whole, error: error() })?;
        Ok((SecretUrl::from(url), path.display().to_string()))
    };
    match source {
        RequirementSource::Url(url) | RequirementSource::Git { url, .. } => {
            let failed = |error: url::ParseError| ListedError::Location {
                path: url.to_string().into(),
                error: std::io::Error::other(error),
            };
            Ok((url.secret().whole().parse().map_err(failed)?, url.to_string()))
        }
        RequirementSource::Path { path, .. } => of_path(path),
        RequirementSource::Index => of_path(Path::new(".")),
    }
}

fn stated(package: &imgbuild_environment::ListedPackage) -> StatedHashes {
    let sha256 = package.sha256.map(|sha256| ("sha256".to_owned(), sha256.hex().to_owned()));
    let digits = |text: String| text.trim_start_matches("md5:").to_owned();
    let md5 = package.md5.map(|md5| ("md5".to_owned(), digits(md5.to_string())));
    StatedHashes::new(sha256.into_iter().chain(md5))
}
