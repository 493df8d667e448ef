//! A conda package as a source of entries.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use archive::{ImagePath, Owner};
use layer::{
    Claim, EntrySink, Exclusions, KeyHasher, Kind, Part, PartId, RecipeHash, Role, SinkError, Source,
    SourceError,
};
use lock::{CondaFacts, CondaPackage};
use rattler::install::PythonInfo;
use rattler_conda_types::{RepoDataRecord, Subdir};

use crate::conda_archive::{Archive, ArchiveError, ArchiveFormat, Tar};
use crate::facts::{Layout, facts};
use crate::info::{Damaged, Info, InfoError, way_round};
use crate::limits::MOST_COPIED;
use crate::record::{self, RecordError};
use crate::writing::Writer;

/// Why a package cannot be written into a layer.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The lock's record is damaged.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The metadata cannot be used.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A path must not be written.
    #[error(transparent)]
    Path(#[from] archive::PathError),
    /// A noarch Python package in an environment without Python.
    #[error("it is a noarch Python package, and the environment has no Python")]
    NoPython,
    /// The archive is not what the lock says.
    #[error("the lock says of its {fact} `{locked}`, and the archive `{found}`")]
    Fact {
        /// What differs.
        fact: &'static str,
        /// What the lock says.
        locked: String,
        /// What the archive says.
        found: String,
    },
    /// The lock knows nothing of distributions that the archive holds, as one from before they were locked.
    #[error(
        "the lock says nothing of the Python distributions in it: `{found}`\n\nhint: the lock was changed by hand, or written by another version: run `imgbuild lock`"
    )]
    Distributions {
        /// What the archive holds.
        found: String,
    },
    /// A path is a folder, and the metadata says that it is none, or the reverse: who trusts one would write through the
    /// other.
    #[error("`{path}` is a {found}, and `info/paths.json` declares a {declared}")]
    Folder {
        /// The path.
        path: ImagePath,
        /// The kind in the metadata.
        declared: &'static str,
        /// The kind in the archive.
        found: &'static str,
    },
    /// A path is a link, and the metadata says that it is a file, or the reverse: what becomes of it depends on who
    /// installs it, and even on the file system.
    #[error("`{path}` is a {found}, and `info/paths.json` declares a {declared}{}", way_round(package))]
    Kind {
        /// The package.
        package: String,
        /// The path.
        path: ImagePath,
        /// The kind in the metadata.
        declared: &'static str,
        /// The kind in the archive.
        found: &'static str,
    },
    /// The archive holds several things for one path.
    #[error("the archive holds `{path}` twice, and the two differ{}", way_round(package))]
    Twice {
        /// The package.
        package: String,
        /// The path.
        path: ImagePath,
    },
    /// The metadata lists a path that the archive does not hold.
    #[error("`info/paths.json` lists `{0}`, which the archive does not hold")]
    Absent(ImagePath),
    /// The placeholder cannot be replaced.
    #[error("cannot put the prefix `{prefix}` into `{path}`")]
    Replace {
        /// The file.
        path: ImagePath,
        /// The prefix.
        prefix: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A hard link to something that is not a file of the package.
    #[error("`{path}` is a hard link to `{target}`, which is no file of the package")]
    Hardlink {
        /// The link.
        path: ImagePath,
        /// The target.
        target: ImagePath,
    },
    /// The member with the files holds metadata, which belongs into the other member.
    #[error("the files of the archive hold `{0}`, which belongs to its metadata")]
    InfoInFiles(ImagePath),
    /// Too many hard links would become files of their own.
    #[error(
        "`{0}` is a hard link that becomes a file of its own, and those of the package have more than {MOST_COPIED} bytes together"
    )]
    Copied(ImagePath),
    /// Finding the files of hard links takes too long.
    #[error(
        "`{0}` is a hard link that becomes a file of its own, and the package has too many of them to read it again for each"
    )]
    ReadAgain(ImagePath),
    /// Its record cannot be written.
    #[error("its `conda-meta` record cannot be written")]
    Meta(#[source] io::Error),
    /// The layer refuses an entry.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Where an environment stands, and whom its files belong to.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The prefix.
    pub prefix: ImagePath,
    /// The environment's interpreter.
    pub python: Option<PythonInfo>,
    /// The platform.
    pub subdir: Subdir,
    /// Whom the files belong to: root, unless the environment may be changed from inside.
    pub owner: Owner,
    /// The packages that are installed although they contradict themselves, by their names.
    pub accept_damaged: BTreeSet<String>,
}

impl Environment {
    /// The prefix as the packages' files name it.
    pub fn prefix_text(&self) -> String {
        self.prefix.to_string()
    }
}

/// A locked conda package.
pub struct Package {
    part: Part,
    pub(crate) record: RepoDataRecord,
    pub(crate) facts: CondaFacts,
    pub(crate) environment: Arc<Environment>,
    archive: PathBuf,
    pub(crate) format: ArchiveFormat,
    pub(crate) damaged: Damaged,
}

impl Package {
    /// A package whose archive is, or will be when it is written, at `archive`.
    ///
    /// # Errors
    ///
    /// When the lock's record is damaged.
    pub fn new(
        package: &CondaPackage,
        role: Role,
        environment: Arc<Environment>,
        archive: PathBuf,
    ) -> Result<Self, PackageError> {
        let record = record::from_package(package)?;
        let noarch_python = record.package_record.noarch.is_python();
        let python = environment.python.as_ref().filter(|_| noarch_python);
        let written = serde_json::to_vec(&record).map_err(|error| PackageError::Meta(error.into()))?;
        let accepted = environment.accept_damaged.contains(record.package_record.name.as_normalized());
        let damaged = if accepted { Damaged::Accepted } else { Damaged::Refused };
        let recipe = KeyHasher::new("conda package")
            .field("archive", package.sha256.as_bytes())
            .field("record", canonical(&written)?)
            .field("prefix", environment.prefix.as_str())
            .field("owner", format!("{}:{}", environment.owner.uid, environment.owner.gid))
            .list("damaged", accepted.then_some("accepted"))
            .list("python", python.map(|python| format!("{:?} {:?}", python.path, python.site_packages_path)))
            .finish();
        let part = Part {
            id: PartId::new("conda", package.name()),
            title: format!("{} {} {}", package.name(), package.version(), package.build()),
            recipe: RecipeHash(recipe),
            role,
            weight: package.facts.installed_size,
            root: Some(environment.prefix.clone()),
        };
        let format = ArchiveFormat::of(package.file_name())?;
        Ok(Self { part, record, facts: package.facts.clone(), environment, archive, format, damaged })
    }

    pub(crate) fn name(&self) -> &str {
        self.record.package_record.name.as_normalized()
    }

    fn archive(&self) -> Archive<'_> {
        Archive::new(&self.archive, self.format)
    }

    fn layout(&self, info: &Info) -> Result<Layout<'_>, PackageError> {
        match (&self.environment.python, info.index.noarch.is_python()) {
            (_, false) => Ok(Layout::new(None)),
            (Some(python), true) => Ok(Layout::new(Some(python))),
            (None, true) => Err(PackageError::NoPython),
        }
    }

    /// The metadata, after everything that the lock says of it was found to hold.
    fn checked_info(&self) -> Result<Info, PackageError> {
        let info = Info::read(&self.archive(), self.damaged)?;
        info.check_declared(self.archive().size().map_err(ArchiveError::Read)?)?;
        let record = &self.record.package_record;
        let found = facts(&info);
        let check = |fact, locked: String, found: String| {
            if locked == found { Ok(()) } else { Err(PackageError::Fact { fact, locked, found }) }
        };
        check("name", record.name.as_normalized().to_owned(), info.index.name.as_normalized().to_owned())?;
        check("version", record.version.to_string(), info.index.version.to_string())?;
        check("build", record.build.to_string(), info.index.build.to_string())?;
        check("kind", format!("{:?}", record.noarch), format!("{:?}", info.index.noarch))?;
        check("paths", self.facts.paths.to_string(), found.paths.to_string())?;
        check("installed size", self.facts.installed_size.to_string(), found.installed_size.to_string())?;
        check("entry points", self.facts.entry_points.join(", "), found.entry_points.join(", "))?;
        check("link scripts", self.facts.link_scripts.join(", "), found.link_scripts.join(", "))?;
        if self.facts.distributions.is_empty() && !found.distributions.is_empty() {
            return Err(PackageError::Distributions { found: found.distributions.join(", ") });
        }
        check("distributions", self.facts.distributions.join(", "), found.distributions.join(", "))?;
        Ok(info)
    }

    fn read_claims(&self) -> Result<Vec<Claim>, PackageError> {
        let info = self.checked_info()?;
        let mut claims = self.layout(&info)?.claims(&info)?;
        for claim in &mut claims {
            claim.path = self.environment.prefix.join_path(&claim.path)?;
        }
        claims.push(Claim { path: self.meta_path()?, kind: Kind::File });
        Ok(claims)
    }

    pub(crate) fn meta_path(&self) -> Result<ImagePath, PackageError> {
        let record = &self.record.package_record;
        let name = format!("{}-{}-{}.json", record.name.as_normalized(), record.version, record.build);
        Ok(self.environment.prefix.join(&format!("conda-meta/{name}"))?)
    }

    /// The package's files.
    pub(crate) fn content(&self, info: &Info) -> Result<Tar, PackageError> {
        Ok(self.archive().content(self.content_limit(info)?)?)
    }

    /// How far their tar may unpack, in bytes.
    pub(crate) fn content_limit(&self, info: &Info) -> Result<u64, PackageError> {
        let size = self.archive().size().map_err(ArchiveError::Read)?;
        Ok(info.content_limit(size, self.damaged))
    }

    fn write_all(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), PackageError> {
        let info = self.checked_info()?;
        let layout = self.layout(&info)?;
        let mut tar = self.content(&info)?;
        let mut writer = Writer::new(self, &info, layout, exclusions, sink)?;
        while let Some(head) = tar.next_entry().map_err(ArchiveError::Tar)? {
            writer.entry(&head, &mut tar.body())?;
        }
        writer.finish()
    }
}

impl Source for Package {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.read_claims().map_err(SourceError::archive)
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.write_all(exclusions, sink).map_err(|error| match error {
            PackageError::Sink(error) => SourceError::Sink(error),
            error => SourceError::archive(error),
        })
    }
}

/// JSON in a fixed form, whatever order its maps had.
fn canonical(json: &[u8]) -> Result<Vec<u8>, PackageError> {
    let value: serde_json::Value =
        serde_json::from_slice(json).map_err(|error| PackageError::Meta(error.into()))?;
    oci::canonical::to_vec(&value).map_err(|error| PackageError::Meta(io::Error::other(error)))
}
