//! What finds and locks the wheels of one variant: uv, the indexes' settings and credentials, and the image's Python.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::ImagePath;
use conda::Implementation;
use layer::KeyHasher;
use lock::{LockedVariant, PypiPackage};
use net::{Locations, NetError};
use oci::Digest;
use pypi::{
    Environment, Indexes, Locking, NothingBuilt, NothingProvided, Request, Requirement, Settings, Target, Uv,
    UvError, Variables, WheelReader,
};
use secret::{SecretText, SecretUrl};
use spec::{AllowBuilds, FindLinks, Pip, PipPackages, PipRequirement, RequirementSource, Variant};
use tokio::sync::OnceCell;
use url::Url;

use crate::fetch_failure::FetchFailure;
use crate::fetching::Fetcher;
use crate::secrets::secrets;
use crate::store_tool::tool;
use crate::{BuildError, Context};

/// Where wheels go that find no conda environment with a Python.
const VIRTUAL_ENVIRONMENT: &str = "/opt/venv";

/// The Python that a variant's wheels are for, by the lock of everything beneath them.
#[derive(Debug, Clone)]
pub(crate) struct WheelsPython {
    /// The environment that they are put into.
    pub prefix: ImagePath,
    /// Whether that is the conda environment.
    pub is_conda: bool,
    /// What they must run on.
    pub environment: Environment,
    /// Where a conda environment's modules are below its prefix.
    pub site_packages: Option<String>,
}

/// What finds and locks wheels for one variant.
#[derive(Clone)]
pub(crate) struct WheelIndex {
    context: Context,
    fetcher: Fetcher,
    settings: Settings,
    request: Request,
    /// The wheels of the lock.
    packages: Arc<[PypiPackage]>,
    /// Where those are that the store lacks.
    located: Arc<OnceCell<BTreeMap<Digest, SecretUrl>>>,
}

impl WheelsPython {
    /// The Python of a locked variant.
    ///
    /// # Errors
    ///
    /// When there is none, or one that wheels cannot be chosen for.
    pub(crate) fn new(locked: &LockedVariant<'_>, variant: &Variant) -> Result<Self, BuildError> {
        let failed = |error| BuildError::Environment(Box::new(error));
        if let Some(conda) = &locked.conda
            && let Some(python) = conda::locked_python(&conda.packages, variant.platform).map_err(failed)?
        {
            if python.implementation != Implementation::CPython {
                return Err(BuildError::OtherPython { python: python.version });
            }
            return Ok(Self {
                prefix: conda.set.prefix.clone(),
                is_conda: true,
                environment: environment(locked, &python.version)?,
                site_packages: Some(python.site_packages.as_str().to_owned()),
            });
        }
        let debian = locked.debian.as_ref().ok_or(BuildError::NoPython)?;
        let python = debian::interpreter(debian.set, &debian.owned()).ok_or(BuildError::NoPython)?;
        Ok(Self {
            prefix: ImagePath::from_absolute(VIRTUAL_ENVIRONMENT)?,
            is_conda: false,
            environment: environment(locked, &python.version)?,
            site_packages: None,
        })
    }
}

/// The environment of a Python of a version, with the variant's glibc.
fn environment(locked: &LockedVariant<'_>, version: &str) -> Result<Environment, BuildError> {
    let of_debian = locked.debian.as_ref().and_then(|debian| debian::glibc(&debian.owned()));
    let of_base = locked.variant.layout.as_ref().and_then(|base| base.glibc.clone());
    let minor = |text: &str| text.strip_prefix("2.")?.split('.').next()?.parse::<u8>().ok();
    let glibc = of_debian.or(of_base).as_deref().and_then(minor);
    let python = version.strip_prefix("3.").and_then(|it| it.split('.').next()?.parse::<u8>().ok());
    let other = || BuildError::OtherPython { python: version.to_owned() };
    let (Some(glibc), Some(minor)) = (glibc, python) else { return Err(other()) };
    Environment::new(Target { platform: locked.variant.platform, minor, glibc }, version).map_err(|_| other())
}

impl WheelIndex {
    /// What finds wheels for a variant and its Python.
    ///
    /// # Errors
    ///
    /// When the settings of an index are damaged, or a path of the spec is none.
    pub(crate) fn new(
        variant: &Variant,
        pip: &Pip,
        python: &WheelsPython,
        context: &Context,
    ) -> Result<Self, BuildError> {
        let context = &context.knowing(&secrets(variant, &[], context));
        let folder = absolute(&context.folder)?;
        let indexes = indexes(pip, &folder);
        let mut variables = context.variables.clone();
        if context.fetcher.client().is_offline() {
            variables.insert("UV_OFFLINE".to_owned(), "1".to_owned());
        }
        let settings = Settings::read(&variables, &folder, &indexes)
            .map_err(|error| pypi_error(variant, None, pypi::LockingError::from(error)))?;
        let requirements: &[PipRequirement] = match &pip.packages {
            PipPackages::Requirements(requirements) => requirements,
            PipPackages::Pylock(_) | PipPackages::Listed(_) => &[],
        };
        let asked = requirements.iter().enumerate().map(|(index, given)| {
            let unusable = |rule: String| pypi::LockingError::Unusable {
                requirement: index,
                what: format!("`{}`", given.text),
                rule,
            };
            requirement(given, &folder, &variables)
                .map_err(|rule| pypi_error(variant, Some(pip), unusable(rule)))
        });
        let asked = asked.collect::<Result<_, _>>()?;
        let request = Request {
            requirements: asked,
            constraints: pip.constraints.iter().map(|it| it.text.clone()).collect(),
            prereleases: pip.prereleases,
            environment: python.environment.clone(),
            folder,
            allow_builds: allow_builds(pip),
            cuda: variant.cuda.as_ref().map(|cuda| cuda.version.to_string()),
            provided: Vec::new(),
            require_hashes: pip.require_hashes,
            earlier: Vec::new(),
        };
        let client = context.fetcher.client().with_layers([settings.layer()]);
        let fetcher = context.fetcher.with_client(client);
        let (packages, located) = (Arc::new([]), Arc::default());
        Ok(Self { context: context.clone(), fetcher, settings, request, packages, located })
    }

    /// What finds the wheels of a locked variant; nothing where it has none.
    ///
    /// # Errors
    ///
    /// As for [`WheelIndex::new`].
    pub(crate) fn of_lock(
        locked: &LockedVariant<'_>,
        variant: &Variant,
        context: &Context,
    ) -> Result<Option<Self>, BuildError> {
        let (Some(pypi), Some(pip)) = (&locked.pypi, &variant.pip) else { return Ok(None) };
        let python = WheelsPython::new(locked, variant)?;
        // What is built is asked for when it is.
        let packages = pypi.packages.iter().filter(|package| package.build.is_none());
        let packages = packages.map(|package| (*package).clone()).collect();
        Ok(Some(Self { packages, ..Self::new(variant, pip, &python, context)? }))
    }

    /// What is requested: whoever locks says what is there and what may stay.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// uv: from the PATH, or taken once.
    pub(crate) async fn uv(&self) -> Result<Uv, pypi::LockingError> {
        let path = self.context.variables.get("PATH").cloned().unwrap_or_default();
        let (store, host) = (self.context.store.clone(), self.context.host);
        let find = move || match Uv::find(path.as_ref()) {
            Ok(uv) => Ok(uv),
            Err(_) => {
                let key = KeyHasher::new("uv").field("version", pypi::UV_VERSION);
                // The machines of one home directory may be of several kinds.
                let key = key.field("host", host.to_string()).finish();
                let take = |folder: &Path| Uv::find_or_take(path.as_ref(), folder);
                let taken =
                    tool(&store, &key, |folder| take(folder).map(|_| ()).map_err(|it| it.to_string()));
                take(&taken.map_err(|error| UvError::Take(error.to_string()))?)
            }
        };
        Ok(tokio::task::spawn_blocking(find).await.map_err(std::io::Error::other)??)
    }

    /// What reads wheels' metadata.
    pub(crate) fn reader(&self) -> WheelReader<'_> {
        WheelReader { client: self.fetcher.client(), archives: &self.fetcher, store: &self.context.store }
    }

    /// What downloads, with the credentials of the indexes.
    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// The settings of the indexes.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where wheels and source distributions are, by their hashes; asked `anew`, where nothing is remembered.
    ///
    /// # Errors
    ///
    /// When uv cannot be had or fails, or no index has one of them any more.
    pub(crate) async fn locate(
        &self,
        packages: &[&PypiPackage],
        anew: bool,
    ) -> Result<BTreeMap<Digest, SecretUrl>, pypi::LockingError> {
        let uv = self.uv().await?;
        self.locking(&uv).locate(&self.request, packages, anew).await
    }
}

impl WheelIndex {
    /// Locks what wheels are built with: for the image's Python, and wheels only.
    ///
    /// # Errors
    ///
    /// When they cannot be chosen or read.
    pub(crate) async fn lock_requirements(
        &self,
        requirements: Vec<String>,
    ) -> Result<Vec<PypiPackage>, pypi::LockingError> {
        let uv = self.uv().await?;
        let request = Request {
            requirements: requirements.into_iter().map(Requirement::new).collect(),
            constraints: Vec::new(),
            allow_builds: pypi::AllowBuilds::Nothing,
            cuda: None,
            require_hashes: false,
            ..self.request.clone()
        };
        let locked = self.locking(&uv).lock(&request).await?;
        Ok(locked.wheels.into_iter().map(|chosen| chosen.package).collect())
    }

    /// Gets a wheel into the store.
    ///
    /// # Errors
    ///
    /// When no index has it, or it cannot be had.
    pub(crate) async fn get(&self, package: &PypiPackage) -> Result<(), BuildError> {
        let failed = |error| BuildError::Fetch { name: package.filename.clone(), error: Box::new(error) };
        let url = self.url(package).await.map_err(|error| failed(FetchFailure::Index(Box::new(error))))?;
        let (name, sha256, size) = (&package.filename, package.sha256, package.size);
        match self.fetcher.archive(name, Locations::from(url.clone()), sha256, size).await {
            // An index may have moved its files since.
            Err(FetchFailure::Net(NetError::NotFound { .. })) if package.url.is_none() => {
                let located = self.locate(&[package], true).await;
                let located = located.map_err(|error| failed(FetchFailure::Index(Box::new(error))))?;
                let url = located.get(&sha256).unwrap_or(&url);
                self.fetcher
                    .archive(name, Locations::from(url.clone()), sha256, size)
                    .await
                    .map(drop)
                    .map_err(failed)
            }
            result => result.map(drop).map_err(failed),
        }
    }

    /// Where a wheel is. All that the variant lacks are looked for at once, when the first one is.
    async fn url(&self, package: &PypiPackage) -> Result<SecretUrl, pypi::LockingError> {
        let gone =
            || pypi::LockingError::Gone { filename: package.filename.clone(), name: package.name.clone() };
        let all = self.located.get_or_try_init(|| async {
            let is_missing =
                |it: &&PypiPackage| !matches!(self.context.store.archive(&it.sha256), Ok(Some(_)));
            let missing: Vec<&PypiPackage> = self.packages.iter().filter(is_missing).collect();
            self.locate(&missing, false).await
        });
        if let Some(url) = all.await?.get(&package.sha256) {
            return Ok(url.clone());
        }
        self.locate(&[package], false).await?.remove(&package.sha256).ok_or_else(gone)
    }

    fn locking<'a>(&'a self, uv: &'a Uv) -> Locking<'a> {
        Locking {
            uv,
            settings: &self.settings,
            metadata: self.reader(),
            provided: &NothingProvided,
            builder: &NothingBuilt,
        }
    }
}

/// What the spec lets imgbuild build.
pub(crate) fn allow_builds(pip: &Pip) -> pypi::AllowBuilds {
    match &pip.allow_builds {
        AllowBuilds::None => pypi::AllowBuilds::Nothing,
        AllowBuilds::Named(names) => {
            pypi::AllowBuilds::Names(names.iter().map(ToString::to_string).collect())
        }
        AllowBuilds::All => pypi::AllowBuilds::Everything,
    }
}

/// Where the spec and its files say that packages are looked for. A folder that is not there is passed over, as pip does it:
/// for uv it is an error.
pub(crate) fn indexes(pip: &Pip, folder: &Path) -> Indexes {
    let link = |link: &FindLinks| match link {
        FindLinks::Url(url) => Some(url.secret().clone()),
        FindLinks::Path(path) => {
            let path = folder.join(path);
            path.exists().then(|| SecretText::new(path.display().to_string()))
        }
    };
    Indexes {
        index_url: pip.index_url.as_ref().map(|url| url.secret().clone()),
        extra_index_urls: pip.extra_index_urls.iter().map(|url| url.secret().clone()).collect(),
        find_links: pip.find_links.iter().filter_map(link).collect(),
        no_index: pip.no_index,
    }
}

/// A folder from the root on; one without a name is the current one.
pub(crate) fn absolute(folder: &Path) -> Result<PathBuf, BuildError> {
    let found = std::path::absolute(folder.join("."));
    found.map_err(|error| BuildError::File { path: folder.to_owned(), what: "found", error })
}

/// A requirement of the spec, as it is locked.
///
/// # Errors
///
/// What is wrong with it, without any variable's value.
pub(crate) fn requirement(
    given: &PipRequirement,
    folder: &Path,
    variables: &Variables,
) -> Result<Requirement, String> {
    let source = source(given, folder, variables)?;
    Ok(Requirement {
        text: given.text.clone(),
        source,
        extras: given.extras.clone(),
        marker: given.marker.clone(),
        hashes: given.hashes.clone(),
    })
}

/// What a requirement is to be built from; nothing where it is a wheel or comes from an index. The error says what is wrong,
/// and shows no variable's value.
fn source(
    given: &PipRequirement,
    folder: &Path,
    variables: &Variables,
) -> Result<Option<pypi::Source>, String> {
    if !given.source.is_built() {
        return Ok(None);
    }
    let name = given.name.as_ref().map(ToString::to_string);
    let url = |url: &spec::PipUrl| {
        let text = secret::expanded(url.secret().whole(), variables);
        // A URL's reader would take the first folder of the path for the host.
        let error = match text.split_once("://") {
            Some((scheme, rest)) if rest.starts_with(['/', '\\', '?', '#']) && !scheme.ends_with("file") => {
                "it names no host".to_owned()
            }
            _ => match text.parse::<SecretUrl>() {
                Ok(url) => return Ok(url),
                Err(error) => error.to_string(),
            },
        };
        Err(format!("with its variables in their places it is no URL: {error}"))
    };
    let sdist = |url: SecretUrl| {
        let filename = url.whole().path().rsplit('/').next().unwrap_or_default().to_owned();
        let sha256 = match given.hashes.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let fragment = url.whole().fragment().unwrap_or_default().split('&');
        let subdirectory = fragment.filter_map(|part| part.strip_prefix("subdirectory=")).next();
        pypi::Source::Sdist {
            name: name.clone(),
            version: None,
            filename,
            direct: true,
            sha256,
            size: None,
            subdirectory: subdirectory.map(str::to_owned),
            url,
        }
    };
    Ok(match &given.source {
        RequirementSource::Index => None,
        RequirementSource::Url(named) => Some(sdist(url(named)?)),
        RequirementSource::Git { url: named, revision, subdirectory } => Some(pypi::Source::Git {
            name,
            url: url(named)?,
            revision: revision.clone(),
            subdirectory: subdirectory.clone(),
        }),
        RequirementSource::Path { path, editable } => {
            let whole: PathBuf = folder.join(path);
            if whole.is_file() {
                let url = Url::from_file_path(&whole).map_err(|()| "no URL can name its path".to_owned())?;
                return Ok(Some(sdist(url.into())));
            }
            let given = path.display().to_string();
            Some(pypi::Source::Folder { name, path: whole, given, editable: *editable })
        }
    })
}

/// An error with the lines of the spec that it speaks of.
pub(crate) fn pypi_error(variant: &Variant, pip: Option<&Pip>, error: pypi::LockingError) -> BuildError {
    let mut asked = Vec::new();
    let snippet = |origin: &spec::Origin| origin.snippet("it was asked for here", "this requirement");
    if let Some(Pip { packages, .. }) = pip {
        match packages {
            PipPackages::Requirements(requirements) => {
                let spoken_of = error.requirement().and_then(|index| requirements.get(index));
                asked.extend(spoken_of.map(|requirement| snippet(&requirement.origin)));
            }
            PipPackages::Pylock(file) => asked.push(file.origin.snippet("it was named here", "this file")),
            PipPackages::Listed(listed) => {
                let spoken_of = error.requirement().and_then(|index| listed.packages.get(index));
                asked.extend(spoken_of.map(|package| snippet(&package.origin)));
            }
        }
    }
    let constraints = pip.map(|pip| pip.constraints.as_slice()).unwrap_or_default();
    let spoken_of = error.constraints().into_iter().filter_map(|index| constraints.get(index));
    asked.extend(spoken_of.map(|it| it.origin.snippet("a limit is set here", "this constraint")));
    if let (pypi::LockingError::Conflict { package, .. }, Some(conda)) = (&error, &variant.conda)
        && let spec::CondaPackages::Requirements(requirements) = &conda.packages
    {
        let conda_name = package.split(' ').next().unwrap_or_default();
        let name = |requirement: &&spec::Requirement| spec::match_spec_name(requirement.text.whole());
        let asks = requirements.iter().find(|requirement| name(requirement) == conda_name);
        asked.extend(asks.map(|it| it.origin.snippet("conda was asked for it here", "this requirement")));
    }
    BuildError::Pypi { variant: crate::variant_name(variant), error: Box::new(error), asked }
}
