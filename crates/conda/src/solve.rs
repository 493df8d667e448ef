//! Solving an environment with rattler.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use net::{Client, NetError};
use rattler_conda_types::{
    GenericVirtualPackage, MatchSpec, Matches, PackageName, PackageRecord, ParseStrictness, RepoDataRecord,
    Subdir, Version,
};
use rattler_networking::mirror_middleware::Mirror;
use rattler_networking::{
    AuthenticationMiddleware, AuthenticationStorage, AuthenticationStorageError, MirrorMiddleware,
};
use rattler_repodata_gateway::fetch::CacheAction;
use rattler_repodata_gateway::{
    ChannelConfig as GatewayConfig, Gateway, GatewayError, RepoData, SourceConfig,
};
use rattler_solve::{
    ChannelPriority, ExcludeNewer, SolveError, SolverImpl, SolverTask, TimestampPolicy, resolvo::Solver,
};
use reqwest_middleware::Middleware;
use secret::SecretUrl;

use crate::channel::{ChannelError, Served};

/// Why an environment cannot be solved.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A channel cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// What was asked for is no match spec.
    #[error("`{spec}` is not a conda match spec: {error}")]
    MatchSpec {
        /// What was asked for.
        spec: String,
        /// Why.
        error: String,
    },
    /// The channels' indexes cannot be read.
    #[error("cannot read the channels' indexes")]
    Repodata(#[source] Box<GatewayError>),
    /// No set of packages satisfies all requirements.
    #[error("no set of packages satisfies all requirements:\n{explanation}")]
    Unsolvable {
        /// rattler's explanation.
        explanation: String,
    },
    /// The solver failed for another reason.
    #[error("the solver failed: {0}")]
    Solver(String),
    /// The credentials that rattler knows cannot be read.
    #[error("cannot read the credentials for conda channels")]
    Credentials(#[from] AuthenticationStorageError),
    /// A virtual package's version is wrong.
    #[error("`{version}` is not a version that `{name}` can have")]
    VirtualPackage {
        /// The virtual package.
        name: String,
        /// The version.
        version: String,
    },
}

/// What an environment must hold.
#[derive(Debug, Clone)]
pub struct Request {
    /// The channels, the first one first.
    pub channels: Vec<Served>,
    /// The match specs.
    pub specs: Vec<String>,
    /// The platform's folder.
    pub subdir: Subdir,
    /// Names and versions of the virtual packages.
    pub virtual_packages: BTreeMap<String, String>,
    /// Whether a package may come from a later channel when an earlier one has it too.
    pub strict_priority: bool,
    /// Packages from this time on are left out.
    pub exclude_newer: Option<jiff::Timestamp>,
    /// Records that are kept where the channels still offer them and nothing else speaks against it.
    pub locked: Vec<RepoDataRecord>,
}

/// The virtual packages of a platform: from the spec and the base, never from the build machine.
///
/// `__linux` is the oldest kernel with long-term support that still had it when this was written: an image runs under
/// its user's kernel, which nobody knows.
pub fn virtual_packages(subdir: Subdir, glibc: Option<&str>, cuda: Option<&str>) -> BTreeMap<String, String> {
    let archspec = match subdir {
        Subdir::LinuxAarch64 => "aarch64",
        _ => "x86_64",
    };
    let fixed = [("__unix", "0"), ("__linux", "5.10"), ("__archspec", archspec)];
    let given = [("__glibc", glibc), ("__cuda", cuda)];
    let given = given.into_iter().filter_map(|(name, version)| version.map(|version| (name, version)));
    fixed.into_iter().chain(given).map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

fn generic(name: &str, version: &str) -> Result<GenericVirtualPackage, EnvironmentError> {
    let error = || EnvironmentError::VirtualPackage { name: name.to_owned(), version: version.to_owned() };
    // conda's `__archspec` is version 1 with the architecture as its build string.
    let (number, build) = if name == "__archspec" { ("1", version) } else { (version, "0") };
    Ok(GenericVirtualPackage {
        name: PackageName::try_from(name).map_err(|_| error())?,
        version: number.parse::<Version>().map_err(|_| error())?,
        build_string: build.parse().map_err(|_| error())?,
    })
}

/// Reads a match spec as conda reads it.
///
/// # Errors
///
/// When it is none.
pub fn match_spec(text: &str) -> Result<MatchSpec, EnvironmentError> {
    let error = |error: String| EnvironmentError::MatchSpec { spec: text.to_owned(), error };
    MatchSpec::from_str(text, ParseStrictness::Lenient).map_err(|it| error(it.to_string()))
}

/// Reads indexes and solves.
pub struct Solving {
    gateway: Gateway,
    client: Client,
}

/// The credentials that rattler's programs use: `RATTLER_AUTH_FILE`, its credentials file, `.netrc`.
///
/// # Errors
///
/// When they cannot be read.
pub fn credentials() -> Result<Arc<dyn Middleware>, AuthenticationStorageError> {
    let storage = AuthenticationStorage::from_env_and_defaults()?;
    Ok(Arc::new(AuthenticationMiddleware::from_auth_storage(storage)))
}

impl Solving {
    /// A solver that reads the indexes of `channels` with `client` and keeps them in `cache`.
    ///
    /// # Errors
    ///
    /// When rattler's credentials cannot be read.
    pub fn new(client: &Client, channels: &[Served], cache: PathBuf) -> Result<Self, EnvironmentError> {
        let mirrors: HashMap<_, _> = channels
            .iter()
            .filter(|served| !served.mirrors.is_empty())
            .map(|served| (served.url().clone(), served.mirrors.iter().map(mirror).collect()))
            .collect();
        let mirrors: Arc<dyn Middleware> = Arc::new(MirrorMiddleware::from_map(mirrors));
        let layers = [credentials()?, crate::registry::registries()];
        let client = channels.iter().fold(client.clone(), |client, served| client.knowing(&served.secrets()));
        let action =
            if client.is_offline() { CacheAction::ForceCacheOnly } else { CacheAction::CacheOrFetch };
        let gateway = Gateway::builder()
            .with_client(client.middleware([mirrors], layers))
            .with_cache_dir(cache)
            .with_channel_config(GatewayConfig {
                default: SourceConfig { cache_action: action, ..SourceConfig::default() },
                per_channel: HashMap::new(),
            })
            .finish();
        Ok(Self { gateway, client })
    }

    /// Finds the packages of an environment, in topological order.
    ///
    /// # Errors
    ///
    /// When the channels cannot be read, or nothing satisfies all requirements.
    pub async fn solve(&self, request: &Request) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
        let specs = request.specs.iter().map(|spec| match_spec(spec)).collect::<Result<Vec<_>, _>>()?;
        let subdirs = [request.subdir, Subdir::NoArch];
        if !self.client.is_offline() {
            for served in &request.channels {
                for subdir in subdirs {
                    served.check_subdir(&self.client, subdir).await?;
                }
            }
        }
        let channels = request.channels.iter().map(|served| served.channel.clone());
        let query = self.gateway.query(channels, subdirs, specs.iter().cloned()).recursive(true);
        let output = query.execute().await.map_err(|error| EnvironmentError::Repodata(Box::new(error)))?;
        let repodata: Vec<RepoData> = output.into_iter().collect();
        let request = request.clone();
        // The solver computes for seconds; the runtime has other work to do meanwhile.
        let solved = tokio::task::spawn_blocking(move || solve(&repodata, specs, &request)).await;
        solved.map_err(|error| EnvironmentError::Solver(error.to_string()))?
    }
}

impl Solving {
    /// The records of packages by name in one channel; none where the channel has no index for the platform.
    ///
    /// # Errors
    ///
    /// When the channel has an index, and it cannot be read.
    pub(crate) async fn offered(
        &self,
        served: &Served,
        subdir: Subdir,
        names: impl IntoIterator<Item = PackageName>,
    ) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
        if !self.client.is_offline() {
            match served.check_subdir(&self.client, subdir).await {
                Err(ChannelError::NoSubdir { .. }) => return Ok(Vec::new()),
                // Stores of objects say so of what is not there. Who may not read the archives will hear of it.
                Err(ChannelError::Unreachable { error: NetError::Unauthorized { .. }, .. }) => {
                    return Ok(Vec::new());
                }
                checked => checked?,
            }
        }
        let specs: Vec<MatchSpec> = names.into_iter().map(MatchSpec::from).collect();
        let query = self.gateway.query([served.channel.clone()], [subdir], specs).recursive(false);
        let output = query.execute().await.map_err(|error| EnvironmentError::Repodata(Box::new(error)))?;
        Ok(output.into_iter().flat_map(|repodata| repodata.iter().cloned().collect::<Vec<_>>()).collect())
    }
}

impl Solving {
    /// Which projects the channels have as conda packages: of `names`, which are normalised by PyPI's rule, those that a
    /// package is called by, and how conda writes it (`typing-extensions` is `typing_extensions`). Only the indexes' names
    /// are read, and where an environment was solved they are there already.
    ///
    /// # Errors
    ///
    /// When a channel's index cannot be read.
    pub async fn known_names(
        &self,
        channels: &[Served],
        subdir: Subdir,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let channels = channels.iter().map(|served| served.channel.clone());
        let query = self.gateway.names(channels, [subdir, Subdir::NoArch]);
        let known = query.execute().await.map_err(|error| EnvironmentError::Repodata(Box::new(error)))?;
        let mut found = BTreeMap::new();
        for package in known {
            let package = package.as_normalized();
            let name = python::normalized(package);
            // Two packages may be called alike: the one that is spelled as the project is first, else the alphabet's first.
            let rank = |package: &str| (package != name, package.to_owned());
            if names.contains(&name) {
                let best: &mut String = found.entry(name.clone()).or_insert_with(|| package.to_owned());
                if rank(package) < rank(best) {
                    package.clone_into(best);
                }
            }
        }
        Ok(found)
    }
}

/// Whether a requirement on a virtual package is met.
///
/// # Errors
///
/// When the requirement or the version is none.
pub(crate) fn is_met(requirement: &str, name: &str, version: &str) -> Result<bool, EnvironmentError> {
    Ok(match_spec(requirement)?.matches(&generic(name, version)?))
}

/// The locked records that the channels still offer. The solver would take any record that it is given here, from
/// whichever channel and time, so what the spec no longer allows must not reach it.
fn keepable<'a>(
    repodata: &'a [RepoData],
    specs: &[MatchSpec],
    request: &'a Request,
) -> Vec<&'a RepoDataRecord> {
    let names: HashSet<&PackageName> = request.locked.iter().map(|it| &it.package_record.name).collect();
    let of_locked = |record: &&RepoDataRecord| names.contains(&record.package_record.name);
    let channel = |record: &RepoDataRecord| {
        request.channels.iter().position(|served| record.url.as_str().starts_with(served.url().as_str()))
    };
    let mut offered: HashSet<&url::Url> = HashSet::new();
    let mut first: HashMap<&PackageName, Option<usize>> = HashMap::new();
    for record in repodata.iter().flat_map(RepoData::iter).filter(of_locked) {
        offered.insert(&record.url);
        let first = first.entry(&record.package_record.name).or_insert_with(|| channel(record));
        *first = channel(record).min(*first);
    }
    let old_enough = |record: &RepoDataRecord| match (request.exclude_newer, &record.package_record.timestamp)
    {
        (Some(time), Some(timestamp)) => timestamp.jiff_timestamp() < time,
        _ => true,
    };
    // With strict priority a package comes from the first channel that has it, unless its requirement names one.
    let of_first_channel = |record: &RepoDataRecord| {
        let names_channel = |spec: &MatchSpec| spec.channel.is_some() && spec.matches(&record.package_record);
        !request.strict_priority
            || first.get(&record.package_record.name) == Some(&channel(record))
            || specs.iter().any(names_channel)
    };
    let keeps = |record: &&RepoDataRecord| {
        offered.contains(&record.url) && old_enough(record) && of_first_channel(record)
    };
    request.locked.iter().filter(keeps).collect()
}

/// A mirror as rattler knows it. The secrets are the client's matter.
fn mirror(url: &SecretUrl) -> Mirror {
    Mirror { url: url.public(), no_zstd: false, no_bz2: false, max_failures: Some(3) }
}

fn solve(
    repodata: &[RepoData],
    specs: Vec<MatchSpec>,
    request: &Request,
) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
    let virtual_packages = request
        .virtual_packages
        .iter()
        .map(|(name, version)| generic(name, version))
        .collect::<Result<_, _>>()?;
    // A record without a time is older than the time of records.
    let exclude_newer = request
        .exclude_newer
        .map(|time| ExcludeNewer::from_datetime(time).with_timestamp_policy(TimestampPolicy::AllowMissing));
    let locked = keepable(repodata, &specs, request);
    let task = SolverTask {
        specs,
        virtual_packages,
        locked_packages: locked,
        channel_priority: if request.strict_priority {
            ChannelPriority::Strict
        } else {
            ChannelPriority::Disabled
        },
        exclude_newer,
        ..SolverTask::from_iter(repodata)
    };
    let solution = Solver.solve(task).map_err(|error| match error {
        SolveError::Unsolvable(reasons) => EnvironmentError::Unsolvable { explanation: reasons.join("\n") },
        error => EnvironmentError::Solver(error.to_string()),
    })?;
    Ok(PackageRecord::sort_topologically(solution.records))
}
