//! Solving an environment with rattler.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use imgbuild_net::{Client, NetError};
use imgbuild_secret::SecretUrl;
use rattler_conda_types::match_spec::condition::MatchSpecCondition;
use rattler_conda_types::package::DistArchiveType;
use rattler_conda_types::{MatchSpec, PackageName, RepoDataRecord, Subdir};
use rattler_networking::MirrorMiddleware;
use rattler_networking::mirror_middleware::Mirror;
use rattler_repodata_gateway::fetch::CacheAction;
use rattler_repodata_gateway::sparse::PackageFormatSelection;
use rattler_repodata_gateway::{
    ChannelConfig as GatewayConfig, Gateway, RepoData, RepoDataQuery, SourceConfig,
};
use reqwest_middleware::Middleware;

use crate::channel::{ChannelError, ServedChannel};
use crate::credentials::credentials;
use crate::environment_error::{EnvironmentError, Mistyped};
use crate::newer_index::{NewerRevisions, WheelsAlone};
use crate::question::Question;
use crate::request::{Request, match_spec};
use crate::{cuda, requirement};

/// Whether the solver may read what a channel says of a package.
fn check_record(record: &RepoDataRecord) -> Result<(), EnvironmentError> {
    let Some(error) = requirement::fault(record) else { return Ok(()) };
    let channel = record.channel.clone().unwrap_or_default();
    Err(EnvironmentError::Requirement { channel, archive: record.identifier.to_file_name(), error })
}

/// pip, on the condition that Python is there: conda adds it to what Python depends on (`add_pip_as_python_dependency`).
fn pip_beside_python() -> MatchSpec {
    let spec = |name: &str| MatchSpec::from(PackageName::new_unchecked(name));
    let condition = MatchSpecCondition::MatchSpec(Box::new(spec("python")));
    MatchSpec { condition: Some(condition), ..spec("pip") }
}

/// Reads indexes and solves.
pub struct Solving {
    gateway: Gateway,
    client: Client,
    newer: NewerRevisions,
}

impl Solving {
    /// A solver that reads the indexes of `channels` with `client` and keeps them in `cache`.
    ///
    /// # Errors
    ///
    /// When rattler's credentials cannot be read.
    pub fn new(
        client: &Client,
        channels: &[ServedChannel],
        cache: PathBuf,
    ) -> Result<Self, EnvironmentError> {
        // Without a network only folders of this machine can be asked.
        let is_here = |url: &&SecretUrl| url.whole().scheme() == "file";
        let usable = |served: &ServedChannel| -> Vec<SecretUrl> {
            let here: Vec<SecretUrl> = served.mirrors.iter().filter(is_here).cloned().collect();
            if client.is_offline() && !here.is_empty() { here } else { served.mirrors.clone() }
        };
        let mirrors: HashMap<_, _> = channels
            .iter()
            .filter(|served| !served.mirrors.is_empty())
            .map(|served| (served.url().clone(), usable(served).iter().map(mirror).collect()))
            .collect();
        let mirrors: Arc<dyn Middleware> = Arc::new(MirrorMiddleware::from_map(mirrors));
        let layers = [credentials()?, crate::registry::registries()];
        let knowing =
            channels.iter().fold(client.clone(), |client, served| client.knowing(&served.secrets()));
        let reading = |cache_action| SourceConfig { cache_action, ..SourceConfig::default() };
        let action =
            if client.is_offline() { CacheAction::ForceCacheOnly } else { CacheAction::CacheOrFetch };
        // What a folder of this machine serves is there without a network. Each channel says it for itself: the longest URL
        // counts that one begins with.
        let action_of = |served: &ServedChannel| {
            if served.mirrors.iter().any(|url| is_here(&url)) { CacheAction::CacheOrFetch } else { action }
        };
        let per_channel =
            channels.iter().map(|served| (served.url().clone(), reading(action_of(served)))).collect();
        let folders = channels.iter().flat_map(|served| &served.mirrors).filter(is_here);
        let folders = folders.filter_map(|url| url.whole().to_file_path().ok()).collect();
        let gateway = Gateway::builder()
            .with_client(knowing.middleware([mirrors], layers, folders))
            .with_cache_dir(cache)
            .with_channel_config(GatewayConfig { default: reading(action), per_channel })
            .finish();
        Ok(Self { gateway, client: knowing, newer: NewerRevisions::default() })
    }

    /// What of the channels' indexes that were read is not seen, because it is newer than this program.
    pub fn notes(&self) -> Vec<String> {
        self.newer.notes()
    }

    /// Finds the packages of an environment, in topological order.
    ///
    /// # Errors
    ///
    /// When the channels cannot be read, or nothing satisfies all requirements.
    pub async fn solve(&self, request: &Request) -> Result<Vec<RepoDataRecord>, EnvironmentError> {
        let mut specs = request.specs.iter().map(|spec| match_spec(spec)).collect::<Result<Vec<_>, _>>()?;
        let subdirs = [request.subdir, Subdir::NoArch];
        if !self.client.is_offline() {
            for served in &request.channels {
                for subdir in subdirs {
                    served.check_subdir(&self.client, subdir).await?;
                }
            }
        }
        let channels = request.channels.iter().map(|served| served.channel.clone());
        // The gateway leaves out what does not fit; of frameworks it is told which builds there are.
        let asked = |spec: &MatchSpec| match spec.name.as_exact().filter(|name| cuda::is_framework(name)) {
            Some(name) if request.cuda.is_some() => MatchSpec::from(name.clone()),
            _ => spec.clone(),
        };
        let pip = request.pip.then(pip_beside_python);
        let asked: Vec<MatchSpec> = specs.iter().chain(&pip).map(asked).collect();
        let query = self.gateway.query(channels.clone(), subdirs, asked.clone()).recursive(true);
        let query = query.with_reporter(self.newer.clone());
        let output = query.execute().await.map_err(|error| EnvironmentError::Repodata(Box::new(error)))?;
        let repodata: Vec<RepoData> = output.into_iter().collect();
        // Where no channel has pip, nobody can want it from there.
        let has_pip = |it: &RepoDataRecord| it.package_record.name.as_normalized() == "pip";
        specs.extend(pip.filter(|_| repodata.iter().flat_map(RepoData::iter).any(has_pip)));
        repodata.iter().flat_map(|repodata| repodata.iter()).try_for_each(check_record)?;
        let solving = request.clone();
        // The solver computes for seconds; the runtime has other work to do meanwhile.
        let solved = tokio::task::spawn_blocking(move || {
            Question { repodata: &repodata, specs: &specs, request: &solving }.answer()
        })
        .await;
        match solved.map_err(|error| EnvironmentError::Solver(error.to_string()))? {
            Err(EnvironmentError::Unsolvable { explanation, unmet, unbuilt, absent, .. }) => {
                let mistyped = Mistyped::new(self.mistyped(request).await);
                let query = self.gateway.query(channels, subdirs, asked).recursive(true);
                let wheels =
                    wheels_alone(query.package_format_selection(PackageFormatSelection::All)).await?;
                Err(EnvironmentError::Unsolvable { explanation, unmet, unbuilt, absent, wheels, mistyped })
            }
            solved => solved,
        }
    }
}

impl Solving {
    /// The names that are asked for and that no channel has, with the nearest that one has. Where the names cannot be had, there
    /// is nothing to say.
    async fn mistyped(&self, request: &Request) -> Vec<(String, String)> {
        let channels = request.channels.iter().map(|served| served.channel.clone());
        let known = self.gateway.names(channels, [request.subdir, Subdir::NoArch]).execute().await;
        let known: BTreeSet<String> =
            known.unwrap_or_default().iter().map(|name| name.as_normalized().to_owned()).collect();
        let asked = request.specs.iter().map(|text| imgbuild_environment::match_spec_name(text));
        let nearest = |name: String| {
            let near = imgbuild_document::suggest::nearest(&name, &known)?.to_owned();
            Some((name, near))
        };
        asked.filter(|name| !known.contains(name)).filter_map(nearest).collect()
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
        served: &ServedChannel,
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
        let records = output.into_iter().flat_map(|repodata| repodata.iter().cloned().collect::<Vec<_>>());
        let records: Vec<RepoDataRecord> = records.collect();
        records.iter().try_for_each(check_record)?;
        Ok(records)
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
        channels: &[ServedChannel],
        subdir: Subdir,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let channels = channels.iter().map(|served| served.channel.clone());
        let query = self.gateway.names(channels, [subdir, Subdir::NoArch]);
        let known = query.execute().await.map_err(|error| EnvironmentError::Repodata(Box::new(error)))?;
        let mut found = BTreeMap::new();
        for package in known {
            let package = package.as_normalized();
            let name = imgbuild_python::normalized(package);
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

/// What of all that is required is in the channels as a wheel alone.
async fn wheels_alone(query: RepoDataQuery) -> Result<WheelsAlone, EnvironmentError> {
    let output = query.execute().await.map_err(|error| EnvironmentError::Repodata(Box::new(error)))?;
    let repodata: Vec<RepoData> = output.into_iter().collect();
    let (wheels, others): (Vec<&RepoDataRecord>, Vec<_>) = repodata
        .iter()
        .flat_map(RepoData::iter)
        .partition(|it| matches!(it.identifier.archive_type, DistArchiveType::Wheel(_)));
    let names = |records: Vec<&RepoDataRecord>| -> BTreeSet<String> {
        records.iter().map(|it| it.package_record.name.as_normalized().to_owned()).collect()
    };
    Ok(WheelsAlone(names(wheels).difference(&names(others)).cloned().collect()))
}

/// A mirror as rattler knows it. The secrets are the client's matter.
fn mirror(url: &SecretUrl) -> Mirror {
    Mirror { url: url.public(), no_zstd: false, no_bz2: false, max_failures: Some(3) }
}
