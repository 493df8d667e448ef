//! Packages that another tool has locked: they are taken as they are, without solving.
//!
//! What such a file says of a package differs from tool to tool and from version to version. So only where an archive is
//! and its hash are taken from it, and the record, which becomes a part of the image, comes from where solving has it: from
//! the channel's index, or, where that has the package no longer, from the archive itself. The image is the same as that of
//! the environment that was solved.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use futures::{StreamExt, TryStreamExt};
use imgbuild_environment::{LockedArchive, LockedBuild, LockedList};
use rattler_conda_types::package::DistArchiveIdentifier;
use rattler_conda_types::{PackageName, PackageRecord, RepoDataRecord, Subdir, VersionWithSource};
use url::Url;

use crate::channel::ServedChannel;
use crate::cuda::{self, CudaLine, ProcessorOnly};
use crate::environment_error::EnvironmentError;
use crate::fetch::{Metadata, MetadataError};
use crate::info::InfoError;
use crate::record;
use crate::solve::Solving;
use crate::virtual_packages::{Unmet, unmet};

/// Why locked packages cannot be taken.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LockedError {
    /// An archive cannot be had or used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metadata(#[from] MetadataError),
    /// A channel's index cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Environment(#[from] EnvironmentError),
    /// The channel has another archive under the name.
    #[error("the channel's `{name}` has the hash `{found}`, and the lock says `{listed}`")]
    Hash {
        /// The archive.
        name: String,
        /// The lock's hash.
        listed: String,
        /// The channel's hash.
        found: String,
    },
    /// The URL does not name a package.
    #[error(
        "`{0}` is not below a channel: it must end in a platform's folder and the name of a conda package"
    )]
    Url(String),
    /// An archive of this machine is not there.
    #[error("`{}` is not there", .0.display())]
    Absent(PathBuf),
    /// Packages of another platform.
    #[error("`{name}` is a package for `{subdir}`, and the image is for `{wanted}`")]
    Subdir {
        /// The archive.
        name: String,
        /// Its platform.
        subdir: String,
        /// The image's.
        wanted: Subdir,
    },
    /// Builds that no channel has.
    #[error("no channel has for `{subdir}`: {}", list(.builds))]
    Builds {
        /// The platform.
        subdir: Subdir,
        /// The packages, as the export has them.
        builds: Vec<String>,
    },
    /// A package needs another base or CUDA than the image has.
    #[error("{0}")]
    Virtual(Unmet),
    /// Frameworks do not use CUDA, which the image is for.
    #[error("the image has CUDA {cuda}, and these packages do not use it:{}", packages.iter().map(|it| format!("\n{it}")).collect::<String>())]
    ProcessorOnly {
        /// The version of CUDA.
        cuda: String,
        /// The packages.
        packages: Vec<ProcessorOnly>,
    },
    /// A package is there twice.
    #[error("the lock has two packages `{name}`: `{first}` and `{second}`")]
    Twice {
        /// The name.
        name: String,
        /// The one archive.
        first: String,
        /// The other.
        second: String,
    },
}

imgbuild_diagnostic::boxed_sources!(LockedError);

fn list(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What locked packages are taken for.
pub struct LockedLookup<'a> {
    /// Reads indexes.
    pub solving: &'a Solving,
    /// Reads archives' metadata.
    pub metadata: &'a Metadata<'a>,
    /// The channels that builds are looked for on, the first one first.
    pub channels: &'a [ServedChannel],
    /// The platform's folder.
    pub subdir: Subdir,
    /// The line of CUDA that the image is for.
    pub cuda: Option<CudaLine>,
    /// Names and versions of the virtual packages of the image.
    pub virtual_packages: &'a BTreeMap<String, String>,
    /// Records of an earlier lock: what they say of a package need not be looked up again.
    pub known: &'a [RepoDataRecord],
}

/// Checks what a list of locked packages says by itself: nobody is asked.
///
/// # Errors
///
/// When an archive is below no channel, is for another platform, or is there twice.
pub fn check_locked(packages: &LockedList, wanted: Subdir) -> Result<(), LockedError> {
    let LockedList::Archives(archives) = packages else { return Ok(()) };
    let mut names: HashMap<String, String> = HashMap::new();
    for archive in archives {
        let archive = Located::new(archive)?;
        archive.check_subdir(wanted)?;
        archive.check_file()?;
        let (name, second) = (archive.identifier.identifier.name.clone(), archive.identifier.to_file_name());
        if let Some(first) = names.insert(name.clone(), second.clone()) {
            return Err(LockedError::Twice { name, first, second });
        }
    }
    Ok(())
}

impl LockedLookup<'_> {
    /// The records of locked packages.
    ///
    /// # Errors
    ///
    /// When a package cannot be had, is not the locked one, or is for another platform.
    pub async fn records(&self, packages: &LockedList) -> Result<Vec<RepoDataRecord>, LockedError> {
        let records = match packages {
            LockedList::Archives(archives) => self.archives(archives).await?,
            LockedList::Builds(builds) => self.builds(builds).await?,
        };
        let mut names: HashMap<&PackageName, &RepoDataRecord> = HashMap::new();
        for record in &records {
            self.check_virtual(&record.package_record)?;
            if let Some(first) = names.insert(&record.package_record.name, record) {
                let name = record.package_record.name.as_normalized().to_owned();
                let (first, second) = (first.identifier.to_file_name(), record.identifier.to_file_name());
                return Err(LockedError::Twice { name, first, second });
            }
        }
        if let Some(cuda) = self.cuda {
            let packages = cuda::of_lock(&records);
            if !packages.is_empty() {
                return Err(LockedError::ProcessorOnly { cuda: cuda.to_string(), packages });
            }
        }
        Ok(records)
    }

    async fn archives(&self, archives: &[LockedArchive]) -> Result<Vec<RepoDataRecord>, LockedError> {
        let located = archives.iter().map(Located::new).collect::<Result<Vec<_>, _>>()?;
        let mut wanted: BTreeMap<(String, String), Vec<PackageName>> = BTreeMap::new();
        for archive in &located {
            archive.check_subdir(self.subdir)?;
            let subdir = archive.subdir.as_str();
            if self.known(archive.locked).is_some() {
                continue;
            }
            let key = (archive.channel.to_string(), subdir.to_owned());
            wanted
                .entry(key)
                .or_default()
                .push(PackageName::new_unchecked(&archive.identifier.identifier.name));
        }
        let mut offered: HashMap<Url, RepoDataRecord> = HashMap::new();
        for ((channel, subdir), names) in wanted {
            let served = self.metadata.channels.iter().find(|served| served.url().as_str() == channel);
            let url = Url::parse(&channel).map_err(|_| LockedError::Url(channel.clone()))?;
            let served =
                served.cloned().unwrap_or_else(|| ServedChannel::unnamed(url, self.metadata.channels));
            let subdir = if subdir == Subdir::NoArch.as_str() { Subdir::NoArch } else { self.subdir };
            let found = match self.solving.offered(&served, subdir, names).await {
                // Offline, an index that was never read is as good as none: the store may have the archives.
                Err(_) if self.metadata.client.is_offline() => Vec::new(),
                found => found?,
            };
            offered.extend(found.into_iter().map(|record| (record.url.clone(), record)));
        }
        // The results come back in the order of the lock, whichever answer is first.
        let records = located.into_iter().map(|archive| {
            let offered = offered.get(&archive.locked.url.public());
            let offered = self.known(archive.locked).or(offered).cloned();
            self.archive(archive, offered)
        });
        futures::stream::iter(records.collect::<Vec<_>>()).buffered(16).try_collect().await
    }

    /// What an earlier lock has of an archive, where it is the same one.
    fn known(&self, archive: &LockedArchive) -> Option<&RepoDataRecord> {
        self.known.iter().find(|record| {
            let package = &record.package_record;
            let sha256 = package.sha256.as_ref().map(record::digest);
            let md5 = package.md5.map(|it| imgbuild_environment::Md5::from(<[u8; 16]>::from(it)));
            record.url == archive.url.public()
                && (archive.sha256.is_none() || archive.sha256 == sha256)
                && (archive.sha256.is_some() || archive.md5.is_none() || archive.md5 == md5)
        })
    }

    async fn archive(
        &self,
        archive: Located<'_>,
        offered: Option<RepoDataRecord>,
    ) -> Result<RepoDataRecord, LockedError> {
        let LockedArchive { sha256, md5, size, .. } = archive.locked;
        let Some(mut record) = offered else { return self.read_archive(archive).await };
        let package = &mut record.package_record;
        let name = archive.identifier.to_file_name();
        if let (Some(listed), Some(found)) = (sha256, package.sha256.as_ref().map(record::digest))
            && *listed != found
        {
            let (listed, found) = (listed.to_string(), found.to_string());
            return Err(LockedError::Hash { name, listed, found });
        }
        if let (Some(listed), Some(found)) =
            (md5, package.md5.map(|it| imgbuild_environment::Md5::from(<[u8; 16]>::from(it))))
            && *listed != found
        {
            let (listed, found) = (listed.to_string(), found.to_string());
            return Err(LockedError::Hash { name, listed, found });
        }
        package.sha256 = package.sha256.or(sha256.map(record::sha256));
        if package.sha256.is_none() {
            // What nothing but the list says is no part of the record: it would make another layer of the same package.
            package.md5 = package.md5.or(md5.map(|md5| (*md5.as_bytes()).into()));
        }
        package.size = package.size.or(*size);
        Ok(record)
    }

    /// The record of an archive that the index has not.
    async fn read_archive(&self, archive: Located<'_>) -> Result<RepoDataRecord, LockedError> {
        let LockedArchive { sha256, md5, size, .. } = archive.locked;
        let Located { identifier, channel, .. } = archive;
        let name = identifier.to_file_name();
        let parts = &identifier.identifier;
        let version: VersionWithSource =
            parts.version.parse().map_err(|_| LockedError::Url(archive.locked.url.to_string()))?;
        let build =
            parts.build_string.parse().map_err(|_| LockedError::Url(archive.locked.url.to_string()))?;
        let mut package_record = PackageRecord::new(PackageName::new_unchecked(&parts.name), version, build);
        package_record.sha256 = sha256.map(record::sha256);
        package_record.md5 = md5.map(|md5| (*md5.as_bytes()).into());
        package_record.size = *size;
        let mut record = RepoDataRecord {
            package_record,
            identifier,
            url: archive.locked.url.public(),
            channel: Some(channel.to_string()),
        };
        if record.package_record.size.is_none() || record.package_record.sha256.is_none() {
            // It is needed whole, and then says both.
            let (digest, path) = self.metadata.archive(&record).await?;
            let read = |error| MetadataError::Info {
                name: name.clone(),
                error: crate::ArchiveError::Read(error).into(),
            };
            record.package_record.size = Some(std::fs::metadata(path).map_err(read)?.len());
            record.package_record.sha256 = Some(record::sha256(digest));
        }
        let (_, info) = self.metadata.info(&record).await?;
        let PackageRecord { size, sha256, md5, .. } = record.package_record;
        record.package_record = PackageRecord::from_index_json(info.index, size, sha256, md5)
            .map_err(|error| MetadataError::Info { name, error: InfoError::Record(error.to_string()) })?;
        Ok(record)
    }

    async fn builds(&self, builds: &[LockedBuild]) -> Result<Vec<RepoDataRecord>, LockedError> {
        let known = |build: &LockedBuild, served: &ServedChannel| {
            let below = |record: &&RepoDataRecord| record.url.as_str().starts_with(served.url().as_str());
            self.known.iter().filter(below).find(|record| is_it(build, record)).cloned()
        };
        let unknown =
            |build: &&LockedBuild| !self.channels.iter().any(|served| known(build, served).is_some());
        let names: Vec<PackageName> =
            builds.iter().filter(unknown).map(|build| PackageName::new_unchecked(&build.name)).collect();
        let mut offered: Vec<(&ServedChannel, Vec<RepoDataRecord>)> = Vec::new();
        for served in self.channels {
            let mut records: Vec<_> = builds.iter().filter_map(|build| known(build, served)).collect();
            for subdir in [self.subdir, Subdir::NoArch].into_iter().filter(|_| !names.is_empty()) {
                records.extend(self.solving.offered(served, subdir, names.clone()).await?);
            }
            offered.push((served, records));
        }
        let mut records = Vec::new();
        let mut missing = Vec::new();
        for build in builds {
            // The newer format where a channel has both, as when solving.
            let best = |records: &Vec<RepoDataRecord>| {
                let found = records.iter().filter(|record| is_it(build, record));
                found.max_by_key(|record| record.identifier.to_file_name().ends_with(".conda")).cloned()
            };
            let mut channels = offered.iter().filter(|(served, _)| of_channel(build, served));
            match channels.find_map(|(_, records)| best(records)) {
                Some(record) => records.push(record),
                None => missing.push(format!("{}={}={}", build.name, build.version, build.build)),
            }
        }
        if missing.is_empty() {
            Ok(records)
        } else {
            Err(LockedError::Builds { subdir: self.subdir, builds: missing })
        }
    }

    /// What the image is known to have must be enough. Who runs it decides on the rest: kernel and processor, and the
    /// driver where the spec names no CUDA.
    fn check_virtual(&self, record: &PackageRecord) -> Result<(), LockedError> {
        let known =
            |unmet: &Unmet| ["__glibc", "__cuda"].contains(&unmet.name.as_str()) && unmet.found.is_some();
        match unmet(record, self.virtual_packages).into_iter().find(known) {
            Some(unmet) => Err(LockedError::Virtual(unmet)),
            None => Ok(()),
        }
    }
}

/// Whether a build may come from a channel: from any, where the export names none.
fn of_channel(build: &LockedBuild, served: &ServedChannel) -> bool {
    let named = |channel: &String| {
        let path = served.url().path().trim_matches('/');
        served.name == *channel || path == channel || path.ends_with(&format!("/{channel}"))
    };
    build.channel.as_ref().is_none_or(named)
}

fn is_it(build: &LockedBuild, record: &RepoDataRecord) -> bool {
    let found = &record.package_record;
    found.name.as_normalized() == build.name
        && found.version.as_str() == build.version
        && found.build.as_str() == build.build
}

/// An archive, taken apart into what its URL says.
struct Located<'a> {
    locked: &'a LockedArchive,
    identifier: DistArchiveIdentifier,
    /// With a slash at its end.
    channel: Url,
    subdir: String,
}

impl<'a> Located<'a> {
    fn new(locked: &'a LockedArchive) -> Result<Self, LockedError> {
        let url = &locked.url.public();
        let error = || LockedError::Url(url.to_string());
        let identifier = DistArchiveIdentifier::try_from_url(url).ok_or_else(error)?;
        let mut parts = url.as_str().rsplitn(3, '/');
        let (_, subdir, channel) = (parts.next(), parts.next(), parts.next());
        let channel = format!("{}/", channel.ok_or_else(error)?);
        let channel = Url::parse(&channel).map_err(|_| error())?;
        Ok(Self { locked, identifier, channel, subdir: subdir.unwrap_or_default().to_owned() })
    }

    /// Whether an archive of this machine is there.
    fn check_file(&self) -> Result<(), LockedError> {
        match self.locked.url.public().to_file_path() {
            Ok(path) if !path.is_file() => Err(LockedError::Absent(path)),
            _ => Ok(()),
        }
    }

    fn check_subdir(&self, wanted: Subdir) -> Result<(), LockedError> {
        let subdir = self.subdir.as_str();
        if subdir == wanted.as_str() || subdir == Subdir::NoArch.as_str() {
            return Ok(());
        }
        let (name, subdir) = (self.identifier.to_file_name(), subdir.to_owned());
        Err(LockedError::Subdir { name, subdir, wanted })
    }
}
