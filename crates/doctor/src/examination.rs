//! All looks, most of them side by side.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures::future::{join, join_all};
use imgbuild_net::{Client, Options, Schedule};
use imgbuild_oci::RegistryHost;
use imgbuild_settings::Settings;

use crate::finding::{Area, Finding, Verdict};
use crate::looks::cache::Cache;
use crate::looks::credentials::Kept;
use crate::looks::sandbox::Needs;
use crate::looks::servers::Heard;
use crate::looks::{
    cache, clock, credentials, devices, ids, kernel, memory, mirrors, registries, resources, sandbox,
    servers, settings, spec, temporary,
};
use crate::surroundings::Surroundings;
use crate::thresholds::{MOST_SERVERS, PATIENCE, SERVER_PATIENCE};

/// Looks at everything. No look keeps another from being had: what fails, or does not end, is a finding.
pub async fn examine(mut surroundings: Surroundings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = surroundings.clone();
    let looked = bounded(Area::Settings, "settings", move || settings::look(&own)).await;
    let settings = taken(&mut findings, looked).flatten();
    if let Some(settings) = &settings {
        surroundings.cache_folder.clone_from(&settings.cache.folder);
        surroundings.variables = settings.with_variables(std::mem::take(&mut surroundings.variables));
    }
    let asked = spec_of(&surroundings, &mut findings).await;
    let surroundings = Arc::new(surroundings);
    let needs = asked.as_ref().map(|asked| asked.needs.clone()).unwrap_or_default();
    let (of_machine, of_network) =
        join(machine(&surroundings, settings, needs), network(&surroundings, asked)).await;
    let (newest, found) = of_machine;
    findings.extend(found);
    let stated: Vec<clock::Stated> = of_network.heard.iter().filter_map(|it| it.stated.clone()).collect();
    findings.push(clock::look(now(), newest, &stated));
    findings.extend(of_network.findings());
    findings.sort_by_key(|finding| finding.area);
    findings
}

fn now() -> i64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// A look that may wait for a file system, or fail in a way that nobody thought of: on a thread of its own.
async fn bounded<T: Send + 'static>(
    area: Area,
    what: &str,
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Finding> {
    let unknown = |found: String| Finding::new(area, what, Verdict::Unknown, found);
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(look)).await {
        Ok(Ok(looked)) => Ok(looked),
        Ok(Err(_)) => Err(unknown("the look at it failed".to_owned()).remedy(
            "this is a fault of imgbuild's: `imgbuild --version --verbose` says what a report of it needs",
        )),
        Err(_) => Err(unknown(format!("the look at it did not end within {} s", PATIENCE.as_secs()))
            .remedy("a folder of a file server that is gone answers never: `df` shows which one hangs")),
    }
}

/// What a look gave beside its findings, which go to the others.
fn taken<T>(findings: &mut Vec<Finding>, looked: Result<(T, Vec<Finding>), Finding>) -> Option<T> {
    match looked {
        Ok((value, found)) => {
            findings.extend(found);
            Some(value)
        }
        Err(finding) => {
            findings.push(finding);
            None
        }
    }
}

async fn spec_of(surroundings: &Surroundings, findings: &mut Vec<Finding>) -> Option<spec::Asked> {
    let path = surroundings.spec.clone()?;
    let name = format!("`{}`", path.display());
    let looked = bounded(Area::Settings, &name, move || spec::look(&path)).await;
    taken(findings, looked.map(|(asked, finding)| (asked, vec![finding]))).flatten()
}

/// Everything that is on this machine: when something of the cache was used last, and what was found.
async fn machine(
    surroundings: &Arc<Surroundings>,
    settings: Option<Settings>,
    needs: Needs,
) -> (Option<i64>, Vec<Finding>) {
    let cores = std::thread::available_parallelism().ok().map(usize::from);
    let of = |surroundings: &Arc<Surroundings>| Arc::clone(surroundings);
    let cached = bounded(Area::Disk, "cache", move || cache::look(settings.as_ref()));
    let at = of(surroundings);
    let temporary = bounded(Area::Disk, "temporary files", move || vec![temporary::look(&at)]);
    let at = of(surroundings);
    let memory = bounded(Area::Machine, "memory", move || memory::look(&at.root, cores));
    let limits = bounded(Area::Machine, "limits", resources::look);
    let at = of(surroundings);
    let running = bounded(Area::Sandbox, "user namespaces", move || running(&at, &needs));
    let at = of(surroundings);
    let devices = bounded(Area::Devices, "GPUs", move || devices::look(&at.root));
    let others = join(join(temporary, memory), join(limits, join(running, devices)));
    let (cached, ((temporary, memory), (limits, (running, devices)))) = join(cached, others).await;
    let mut findings = Vec::new();
    let newest = match cached {
        Ok(Cache { findings: found, newest }) => {
            findings.extend(found);
            newest
        }
        Err(finding) => {
            findings.push(finding.needed());
            None
        }
    };
    for looked in [temporary, memory, limits, running, devices] {
        let _findings_only = taken(&mut findings, looked.map(|found| ((), found)));
    }
    (newest.map(seconds), findings)
}

/// The looks that tell each other why something cannot be run.
fn running(surroundings: &Surroundings, needs: &Needs) -> Vec<Finding> {
    let uid = rustix::process::geteuid().as_raw();
    let tried = sandbox::tried();
    let owners = tried.sandbox.as_ref().ok().map(|possible| &possible.owners);
    let copied = surroundings.cache().is_some_and(|folder| sandbox::is_on_overlay(&folder));
    let mut findings = sandbox::findings(&tried, needs, copied);
    findings.extend(ids::look(surroundings, uid, owners));
    let shown = kernel::Shown {
        works: tried.sandbox.is_ok(),
        stacks: tried.sandbox.as_ref().is_ok_and(|possible| possible.stacking.is_ok()),
    };
    findings.extend(kernel::look(&surroundings.root, uid == 0, shown));
    findings
}

/// What was heard of servers, and what else was found.
#[derive(Debug, Default)]
struct Network {
    heard: Vec<Heard>,
    others: Vec<Finding>,
}

async fn network(surroundings: &Arc<Surroundings>, asked: Option<spec::Asked>) -> Network {
    let needs_registry = asked.as_ref().is_some_and(spec::Asked::needs_registry);
    let at = Arc::clone(surroundings);
    let kept =
        bounded(Area::Credentials, "credentials", move || credentials::look(&at, needs_registry)).await;
    let mut network = Network::default();
    let kept = taken(&mut network.others, kept.map(|Kept { findings, registries }| (registries, findings)));
    let of_spec = asked.as_ref().map(|asked| registries::of_spec(&asked.variants));
    let hosts = hosts(of_spec.unwrap_or_default(), kept.unwrap_or_default());
    let options = Options {
        offline: surroundings.offline,
        // Who asks is less patient, and says so.
        connect_timeout: 2 * SERVER_PATIENCE,
        read_timeout: 2 * SERVER_PATIENCE,
        schedule: Schedule { retries: 0, ..Schedule::default() },
        ..Options::default()
    };
    let client = match Client::new(options) {
        Ok(client) => layered(client),
        Err(error) => {
            network.others.push(Finding::of(Area::Network, "connections", &error).needed());
            return network;
        }
    };
    network.others.extend(proxies(surroundings));
    let (at, with, variants) = (Arc::clone(surroundings), client.clone(), asked.map(|asked| asked.variants));
    let found =
        bounded(Area::Network, "mirrors", move || mirrors::look(&at, &with, variants.as_deref())).await;
    let found = found.map(|mirrors::Mirrors { servers, findings }| (servers, findings));
    let mut servers = taken(&mut network.others, found).unwrap_or_default();
    servers.truncate(MOST_SERVERS);
    let mirrors = async {
        if surroundings.offline {
            return servers.iter().map(servers::Server::unasked).collect();
        }
        join_all(servers.iter().map(servers::Server::heard)).await
    };
    let (heard, of_registries) = join(mirrors, registries_heard(surroundings, &client, &hosts)).await;
    network.heard = heard;
    servers::relieve(&servers, &mut network.heard);
    match of_registries {
        Ok(heard) => network.heard.extend(heard),
        Err(finding) => network.others.push(finding),
    }
    network
}

/// The registries that are asked, each with whether builds need it: those of the spec, and those that something is kept for.
fn hosts(needed: Vec<RegistryHost>, kept: Vec<RegistryHost>) -> Vec<(RegistryHost, bool)> {
    let others: Vec<RegistryHost> = kept.into_iter().filter(|host| !needed.contains(host)).collect();
    let needed = needed.into_iter().map(|host| (host, true));
    needed.chain(others.into_iter().map(|host| (host, false))).take(MOST_SERVERS).collect()
}

async fn registries_heard(
    surroundings: &Surroundings,
    client: &Client,
    hosts: &[(RegistryHost, bool)],
) -> Result<Vec<Heard>, Finding> {
    if surroundings.offline {
        return Ok(hosts.iter().map(|(host, _)| registries::unasked(host)).collect());
    }
    let needed = hosts.iter().any(|(_, needed)| *needed);
    let registries = registries::open(surroundings, client, needed)?;
    Ok(join_all(hosts.iter().map(|(host, needed)| registries::heard(&registries, host, *needed))).await)
}

/// A client that knows the credentials for channels, where these can be read: that they cannot is told by another look.
fn layered(client: Client) -> Client {
    let registries = imgbuild_conda::registries();
    match imgbuild_conda::credentials() {
        Ok(credentials) => client.with_layers([credentials, registries]),
        Err(_) => client.with_layers([registries]),
    }
}

/// The proxies that variables name, without what is secret of their URLs.
fn proxies(surroundings: &Surroundings) -> Option<Finding> {
    let mut set: Vec<String> =
        surroundings.proxies().map(|(name, value)| format!("`{name}` is `{value}`")).collect();
    if set.is_empty() {
        return None;
    }
    let none = ["no_proxy", "NO_PROXY"].into_iter();
    set.extend(none.filter_map(|name| Some(format!("`{name}` is `{}`", surroundings.variable(name)?))));
    Some(Finding::new(Area::Network, "proxies", Verdict::Fine, set.join(", ")))
}

impl Network {
    /// All of it, and whether anybody answers at all.
    fn findings(self) -> Vec<Finding> {
        let answered: Vec<bool> = self.heard.iter().filter_map(|it| it.answered).collect();
        let (all, some) = (answered.len(), answered.iter().filter(|it| **it).count());
        let told = |verdict, found: String| Finding::new(Area::Network, "servers", verdict, found).needed();
        let summary = match (all, some) {
            (0, _) => None,
            (_, 0) => Some(
                told(Verdict::Wrong, if all == 1 { "the one that was asked does not answer".to_owned() } else { format!("none of the {all} that were asked answers") })
                    .remedy("without a network, `imgbuild doctor --offline` asks nobody, and `imgbuild build --offline` builds from what the cache has"),
            ),
            _ => Some(told(Verdict::Fine, format!("{some} of the {all} that were asked answer"))),
        };
        let heard = self.heard.into_iter().map(|heard| heard.finding);
        self.others.into_iter().chain(heard).chain(summary).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::shown;

    fn heard(answered: &[Option<bool>]) -> Network {
        let finding = || Finding::new(Area::Network, "x", Verdict::Fine, "y");
        let heard =
            answered.iter().map(|answered| Heard { finding: finding(), stated: None, answered: *answered });
        Network { heard: heard.collect(), others: Vec::new() }
    }

    #[test]
    fn whether_anybody_answers() {
        let summary = |answered: &[Option<bool>]| shown(&heard(answered).findings()[answered.len()..]);
        let all = [
            summary(&[Some(true), Some(false), None]),
            summary(&[Some(false)]),
            summary(&[Some(false), Some(false)]),
        ];
        insta::assert_snapshot!(all.concat(), @"
        fine! servers: 1 of the 2 that were asked answer
        wrong! servers: the one that was asked does not answer
          -> without a network, `imgbuild doctor --offline` asks nobody, and `imgbuild build --offline` builds from what the cache has
        wrong! servers: none of the 2 that were asked answers
          -> without a network, `imgbuild doctor --offline` asks nobody, and `imgbuild build --offline` builds from what the cache has
        ");
        // Folders are no servers.
        assert_eq!(summary(&[None, None]), "");
    }

    #[tokio::test]
    async fn a_look_that_fails_is_a_finding() {
        let failed = bounded::<()>(Area::Disk, "cache", || panic!("nobody thought of it")).await.unwrap_err();
        insta::assert_snapshot!(shown(&[failed]), @"
        unknown cache: the look at it failed
          -> this is a fault of imgbuild's: `imgbuild --version --verbose` says what a report of it needs
        ");
        assert_eq!(bounded(Area::Disk, "cache", || 1).await, Ok(1));
    }

    #[test]
    fn registries_of_the_spec_are_needed_and_asked_once() {
        let host = |text: &str| text.parse::<RegistryHost>().unwrap();
        let all = hosts(vec![host("b.example")], vec![host("a.example"), host("b.example")]);
        assert_eq!(all, [(host("b.example"), true), (host("a.example"), false)]);
    }
}
