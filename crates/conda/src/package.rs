//! A locked conda package: its archive, and what the lock says of it.

use std::collections::BTreeSet;
use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{KeyHasher, Part, PartId, RecipeHash, Role};
use imgbuild_lock::{CondaFacts, CondaPackage};
use rattler::install::PythonInfo;
use rattler_conda_types::{NoArchKind, NoArchType, RepoDataRecord, Subdir};

use crate::beginning::Beginning;
use crate::conda_archive::{Archive, ArchiveError, ArchiveFormat, Tar};
use crate::facts::{Layout, facts};
use crate::info::{Damaged, Info, InfoError, InfoFiles};
use crate::licences::Licences;
use crate::package_error::PackageError;
use crate::record;

/// Where an environment stands, and what it is of.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The prefix.
    pub prefix: ImagePath,
    /// What its parts are told from those of other environments by.
    pub scope: Option<String>,
    /// The environment's interpreter.
    pub python: Option<PythonInfo>,
    /// The platform.
    pub subdir: Subdir,
    /// The packages that are installed although they contradict themselves, by their names.
    pub accept_damaged: BTreeSet<String>,
    /// Whether it has the texts of its packages' licences.
    pub has_licences: bool,
}

impl Environment {
    /// The prefix as the packages' files name it.
    pub fn prefix_text(&self) -> String {
        self.prefix.to_string()
    }
}

/// A locked conda package.
pub struct Package {
    pub(crate) part: Part,
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
            .list("damaged", accepted.then_some("accepted"))
            .list("python", python.map(places));
        // Keys of environments without them are those that they always were.
        let recipe =
            if environment.has_licences { recipe.field("licences", "texts") } else { recipe }.finish();
        let part = Part {
            id: PartId::in_scope("conda", environment.scope.as_deref(), package.name()),
            title: format!("{} {} {}", package.name(), package.version(), package.build()),
            recipe: RecipeHash(recipe),
            archive: Some(package.sha256),
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

    pub(crate) fn layout(&self, info: &Info) -> Result<Layout<'_>, PackageError> {
        match (&self.environment.python, info.index.noarch.is_python()) {
            (_, false) => Ok(Layout::new(None)),
            (Some(python), true) => Ok(Layout::new(Some(python))),
            (None, true) => Err(PackageError::NoPython),
        }
    }

    /// The metadata, after everything that the lock says of it was found to hold.
    pub(crate) fn checked_info(&self) -> Result<Info, PackageError> {
        self.begun(&mut Licences::default()).map(|(info, _)| info)
    }

    /// The same, and what was unpacked for it that [`Self::content_of`] would unpack again; with those texts of licences that were met.
    pub(crate) fn begun(&self, licences: &mut Licences) -> Result<(Info, Option<Beginning>), PackageError> {
        let (tar, beginning) = self.archive().begun().map_err(InfoError::from)?;
        let info = InfoFiles::collect(tar, self.format, licences)?.parse(self.damaged)?;
        info.check_declared(self.archive().size().map_err(ArchiveError::Read)?)?;
        let record = &self.record.package_record;
        let found = facts(&info);
        let check = |fact, locked: String, found: String| {
            if locked == found { Ok(()) } else { Err(PackageError::Fact { fact, locked, found }) }
        };
        check("name", record.name.as_normalized().to_owned(), info.index.name.as_normalized().to_owned())?;
        check("version", record.version.to_string(), info.index.version.to_string())?;
        check("build", record.build.to_string(), info.index.build.to_string())?;
        check("kind", kind(&record.noarch), kind(&info.index.noarch))?;
        check("paths", self.facts.paths.to_string(), found.paths.to_string())?;
        check("installed size", self.facts.installed_size.to_string(), found.installed_size.to_string())?;
        check("entry points", self.facts.entry_points.join(", "), found.entry_points.join(", "))?;
        check("link scripts", self.facts.link_scripts.join(", "), found.link_scripts.join(", "))?;
        if self.facts.distributions.is_empty() && !found.distributions.is_empty() {
            return Err(PackageError::Distributions { found: found.distributions.join(", ") });
        }
        check("distributions", self.facts.distributions.join(", "), found.distributions.join(", "))?;
        Ok((info, beginning))
    }

    pub(crate) fn meta_path(&self) -> Result<ImagePath, PackageError> {
        Ok(self.environment.prefix.join(&format!("conda-meta/{}.json", self.stem()))?)
    }

    /// What tells it from all others of an environment: its name, version and build.
    fn stem(&self) -> String {
        let record = &self.record.package_record;
        format!("{}-{}-{}", record.name.as_normalized(), record.version, record.build)
    }

    /// Where the text of a licence stands below the prefix: in a folder that is named after the package as its record is.
    pub(crate) fn licence_path(&self, text: &ImagePath) -> Result<ImagePath, PackageError> {
        Ok(ImagePath::new(&format!("conda-meta/licenses/{}/{}", self.stem(), text.as_str()))?)
    }

    /// The package's files.
    pub(crate) fn content(&self, info: &Info) -> Result<Tar, PackageError> {
        self.content_of(None, info, NonZero::<u32>::MIN)
    }

    /// The same, of an archive that was begun; unpacked by a thread of its own where there are more than one.
    pub(crate) fn content_of(
        &self,
        beginning: Option<Beginning>,
        info: &Info,
        threads: NonZero<u32>,
    ) -> Result<Tar, PackageError> {
        Ok(self.archive().content_of(beginning, self.content_limit(info)?, threads)?)
    }

    /// How far their tar may unpack, in bytes.
    pub(crate) fn content_limit(&self, info: &Info) -> Result<u64, PackageError> {
        let size = self.archive().size().map_err(ArchiveError::Read)?;
        Ok(info.content_limit(size, self.damaged))
    }
}

/// JSON in a fixed form, whatever order its maps had.
fn canonical(json: &[u8]) -> Result<Vec<u8>, PackageError> {
    let value: serde_json::Value =
        serde_json::from_slice(json).map_err(|error| PackageError::Meta(error.into()))?;
    imgbuild_oci::canonical::to_vec(&value).map_err(|error| PackageError::Meta(io::Error::other(error)))
}

/// Where an environment's Python is, as a part of a key.
fn places(python: &PythonInfo) -> String {
    format!("\"{}\" \"{}\"", python.path.display(), python.site_packages_path.display())
}

/// For which machines a package is, in words.
fn kind(noarch: &NoArchType) -> String {
    match noarch.kind() {
        Some(NoArchKind::Python) => "noarch: python",
        Some(NoArchKind::Generic) => "noarch: generic",
        None => "for one platform",
    }
    .to_owned()
}
