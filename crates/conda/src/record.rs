//! Between rattler's records and the lock's.

use imgbuild_lock::CondaPackage;
use imgbuild_oci::Digest;
use rattler_conda_types::{PackageName, PackageRecord, RepoDataRecord, package::DistArchiveIdentifier};
use url::Url;

/// A record that cannot be taken into a lock or out of it.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RecordError {
    /// The lock's record is not a conda record.
    #[error("the lock's record of `{url}` cannot be read: {error}")]
    Read {
        /// The package.
        url: String,
        /// Why.
        error: String,
    },
    /// The channel's record cannot be written into a lock.
    #[error("the channel's record of `{url}` cannot be locked: {error}")]
    Write {
        /// The package.
        url: String,
        /// Why.
        error: String,
    },
}

/// The record as the lock holds it: without hash and size, which stand beside it.
///
/// # Errors
///
/// When it holds what TOML cannot.
pub(crate) fn to_table(record: &RepoDataRecord) -> Result<toml::Table, RecordError> {
    let error = |error: String| RecordError::Write { url: record.url.to_string(), error };
    let mut value = serde_json::to_value(&record.package_record).map_err(|it| error(it.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("sha256");
        fields.remove("size");
        // TOML has no null; a field that is null says what an absent one says.
        fields.retain(|_, value| !value.is_null());
    }
    toml::Table::try_from(value).map_err(|it| error(it.to_string()))
}

/// The record as rattler knows it.
///
/// # Errors
///
/// When the lock's record is damaged.
pub fn from_package(package: &CondaPackage) -> Result<RepoDataRecord, RecordError> {
    let error = |error: String| RecordError::Read { url: package.url.clone(), error };
    let mut value = serde_json::to_value(&package.record).map_err(|it| error(it.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("sha256".to_owned(), package.sha256.hex().into());
        if let Some(size) = package.size {
            fields.insert("size".to_owned(), size.into());
        }
    }
    let mut package_record: PackageRecord =
        serde_json::from_value(value).map_err(|it| error(it.to_string()))?;
    // An index may write a name in capitals, and its reader does not put it right.
    package_record.name =
        PackageName::try_from(package_record.name.as_source()).map_err(|it| error(it.to_string()))?;
    let url = Url::parse(&package.url).map_err(|it| error(it.to_string()))?;
    let identifier = DistArchiveIdentifier::try_from_url(&url)
        .ok_or_else(|| error("its URL does not end in the name of a package".to_owned()))?;
    Ok(RepoDataRecord { package_record, identifier, url, channel: Some(package.channel.clone()) })
}

/// rattler's hash as ours.
pub(crate) fn digest(hash: &rattler_digest::Sha256Hash) -> Digest {
    Digest::from_bytes((*hash).into())
}

/// Our hash as rattler's.
pub(crate) fn sha256(digest: Digest) -> rattler_digest::Sha256Hash {
    (*digest.as_bytes()).into()
}
