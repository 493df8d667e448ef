//! Explicit lists: archives that are taken as they are, without solving.

use std::fs::File;

use net::Locations;
use oci::Digest;
use rattler_conda_types::package::DistArchiveIdentifier;
use rattler_conda_types::{PackageRecord, RepoDataRecord};
use rattler_digest::Md5;
use spec::{ArchiveHash, ExplicitList};

use crate::archive::{Archive, ArchiveFormat};
use crate::channel::serving;
use crate::fetch::{Metadata, MetadataError, Wanted};
use crate::info::Info;
use crate::record;

/// Why an explicit list cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ExplicitError {
    /// An archive cannot be had or used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// An archive is not the one that is listed.
    #[error("`{name}` has the md5 `{found}`, and the list says `{listed}`")]
    Md5 {
        /// The archive.
        name: String,
        /// The list's hash.
        listed: String,
        /// The archive's hash.
        found: String,
    },
    /// The URL does not name a package.
    #[error("`{0}` does not end in the name of a conda package")]
    Name(String),
}

/// The records of a list, made from the archives' own metadata.
///
/// # Errors
///
/// When an archive cannot be had, is not the listed one, or cannot be used.
pub async fn explicit_records(
    list: &ExplicitList,
    metadata: &Metadata<'_>,
) -> Result<Vec<RepoDataRecord>, ExplicitError> {
    let mut records = Vec::new();
    for entry in &list.entries {
        records.push(explicit_record(entry, metadata).await?);
    }
    Ok(records)
}

async fn explicit_record(
    entry: &spec::ExplicitEntry,
    metadata: &Metadata<'_>,
) -> Result<RepoDataRecord, ExplicitError> {
    let mut url = entry.url.as_url().clone();
    url.set_fragment(None);
    let identifier =
        DistArchiveIdentifier::try_from_url(&url).ok_or_else(|| ExplicitError::Name(url.to_string()))?;
    let name = identifier.to_file_name();
    let net = |error| MetadataError::Net { name: name.clone(), error };
    let from = match serving(metadata.channels, url.as_str()) {
        Some((served, path)) => served.locations(path).map_err(net)?,
        None => Locations::from(&url),
    };
    let sha256 = match entry.hash {
        Some(ArchiveHash::Sha256(digest)) => Some(digest),
        _ => None,
    };
    let wanted = Wanted { name: name.clone(), from, sha256, size: None };
    let fetched = metadata.archives.fetch(wanted).await;
    let (digest, path): (Digest, _) =
        fetched.map_err(|error| MetadataError::Fetch { name: name.clone(), error })?;
    let info_error = |error| MetadataError::Info { name: name.clone(), error };
    let read = |error: std::io::Error| info_error(crate::ArchiveError::Read(error).into());
    let md5 = rattler_digest::compute_file_digest::<Md5>(&path).map_err(read)?;
    if let Some(ArchiveHash::Md5(listed)) = entry.hash {
        let found: [u8; 16] = md5.into();
        if listed != found {
            let found = ArchiveHash::Md5(found).to_string();
            return Err(ExplicitError::Md5 { name, listed: ArchiveHash::Md5(listed).to_string(), found });
        }
    }
    let format = ArchiveFormat::of(&name).map_err(|error| info_error(error.into()))?;
    let info = Info::read(&Archive::new(&path, format)).map_err(info_error)?;
    let size = File::open(&path).and_then(|file| file.metadata()).map_err(read)?.len();
    let package_record =
        PackageRecord::from_index_json(info.index, Some(size), Some(record::sha256(digest)), Some(md5))
            .map_err(|error| info_error(crate::InfoError::Record(error.to_string())))?;
    // The channel is what stands before the platform's folder and the file's name.
    let channel = url.as_str().rsplitn(3, '/').nth(2).map(|channel| format!("{channel}/"));
    Ok(RepoDataRecord { package_record, identifier, url, channel })
}
