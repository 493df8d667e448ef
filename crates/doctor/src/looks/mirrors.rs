//! Which servers builds ask for packages: those that a spec names, or those of the machine's settings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imgbuild_conda::{ChannelLookup, ChannelSettings, ServedChannel};
use imgbuild_debian::{Mirror, MirrorError};
use imgbuild_fetch::{expanded, repository_root, snapshot_mirror};
use imgbuild_net::Client;
use imgbuild_pypi::{Indexes, Settings};
use imgbuild_secret::SecretUrl;
use imgbuild_spec::{Base, Conda, Debian, Suite, Variant};
use miette::Diagnostic;

use crate::finding::{Area, Finding, Verdict, message};
use crate::looks::servers::Server;
use crate::surroundings::Surroundings;

/// The channel of a spec that names none.
const USUAL_CHANNEL: &str = "conda-forge";
/// A file that every channel has: the index of what is for all platforms, in one of these forms.
const CHANNEL_FILES: [&str; 3] =
    ["noarch/repodata.json.zst", "noarch/repodata.json", "noarch/repodata_shards.msgpack.zst"];

/// Who names servers, for whoever wants to correct it.
const APT: &str = "apt's sources in `/etc/apt`, or `[base] mirror` of a spec";
const BASE: &str = "`[base] mirror` of the spec";
const SNAPSHOT: &str = "`[base] snapshot` of the spec";
const SOURCES: &str = "`[base.sources]` of the spec";
const SETTINGS: &str = "the settings of pip or uv";
const PIP: &str = "`[pip]` of the spec";
const CONDARC: &str = "`.condarc`";
const CHANNELS: &str = "`[conda]` of the spec, or `.condarc`";

/// Servers, and what could not be found out of them.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    pub(crate) servers: Vec<Server>,
    pub(crate) findings: Vec<Finding>,
}

/// Looks for all servers. `variants` are those of the spec, where one is named; then what it names is needed.
pub(crate) fn look(surroundings: &Surroundings, client: &Client, variants: Option<&[Variant]>) -> Mirrors {
    let mut looking =
        Looking { surroundings, client, mirrors: Mirrors::default(), needed: variants.is_some() };
    match variants {
        None => {
            looking.debian(None, Suite::default());
            looking.indexes(&Indexes::default());
            looking.channels(None);
        }
        Some(variants) => {
            for variant in variants {
                if let Base::Debian(debian) = &variant.base {
                    looking.debian(Some(debian), debian.suite);
                }
                if let Some(pip) = &variant.pip {
                    looking.indexes(&imgbuild_pypi::indexes(pip, looking.folder()));
                }
                if let Some(conda) = &variant.conda {
                    looking.channels(Some(conda));
                }
            }
        }
    }
    looking.mirrors.distinct()
}

impl Mirrors {
    /// Each once: images of a matrix share most of them.
    fn distinct(mut self) -> Self {
        let mut known = BTreeSet::new();
        self.servers.retain(|server| known.insert(server.paths.first().unwrap_or(&server.at).clone()));
        let mut findings: Vec<Finding> = Vec::new();
        for finding in self.findings {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        Self { findings, ..self }
    }
}

struct Looking<'a> {
    surroundings: &'a Surroundings,
    client: &'a Client,
    mirrors: Mirrors,
    needed: bool,
}

impl Looking<'_> {
    /// The folder that relative paths are below.
    fn folder(&self) -> &Path {
        self.surroundings.spec.as_deref().and_then(Path::parent).unwrap_or(Path::new(""))
    }

    fn wrong(&mut self, what: &str, error: &dyn Diagnostic) {
        let finding = Finding::of(Area::Network, what, error).needed_if(self.needed);
        self.mirrors.findings.push(finding);
    }

    fn server(
        &mut self,
        kind: &'static str,
        at: SecretUrl,
        paths: &[&str],
        named_by: &'static str,
    ) -> &mut Server {
        let server = Server {
            kind,
            paths: paths.iter().filter_map(|path| at.below(path).ok()).collect(),
            has_login: self.client.whole(&at).is_secret(),
            at,
            named_by,
            may_lack: false,
            needed: self.needed,
            group: self.mirrors.servers.len(),
            has_proxies: self.surroundings.proxies().next().is_some(),
            client: self.client.clone(),
        };
        let servers = &mut self.mirrors.servers;
        let place = servers.len();
        servers.push(server);
        &mut servers[place]
    }

    fn debian(&mut self, debian: Option<&Debian>, suite: Suite) {
        let suite = suite.as_str();
        let named_by = match debian {
            Some(debian) if debian.snapshot.is_some() => SNAPSHOT,
            Some(debian) if debian.mirror.is_some() => BASE,
            _ => APT,
        };
        let mirror = match self.mirror(debian, suite) {
            Ok(mirror) => mirror,
            Err(error) => {
                let missing = matches!(error, MirrorError::Unknown { .. });
                self.wrong("Debian", &error);
                if let Some(finding) = self.mirrors.findings.last_mut().filter(|_| missing) {
                    finding.verdict = Verdict::Missing;
                }
                return;
            }
        };
        let security = format!("{suite}-security");
        self.server("Debian", mirror.main, &[&format!("dists/{suite}/InRelease")], named_by);
        self.server("Debian", mirror.security, &[&format!("dists/{security}/InRelease")], named_by);
        for repository in debian.iter().flat_map(|debian| &debian.sources) {
            match repository_root(repository, &self.surroundings.variables) {
                Ok(root) => {
                    let folder = repository.suite.as_str();
                    let flat = format!("{}/InRelease", folder.trim_end_matches('/'));
                    let path =
                        if repository.suite.is_flat() { flat } else { format!("dists/{folder}/InRelease") };
                    let path = path.trim_start_matches("./").to_owned();
                    self.server("repository", root, &[&path], SOURCES);
                }
                Err(error) => self.wrong("repository", &error),
            }
        }
    }

    fn mirror(&self, debian: Option<&Debian>, suite: &str) -> Result<Mirror, MirrorError> {
        let variables = &self.surroundings.variables;
        if let Some(snapshot) = debian.and_then(|debian| debian.snapshot.as_ref()) {
            return snapshot_mirror(snapshot, variables);
        }
        let given = debian.and_then(|debian| debian.mirror.as_ref());
        let given = given.map(|mirror| expanded(mirror.secret(), variables));
        Mirror::choose(given.as_ref(), &self.surroundings.root.join("etc/apt"), suite)
    }

    fn indexes(&mut self, indexes: &Indexes) {
        let what = "indexes of wheels";
        let settings = match Settings::read(&self.surroundings.variables, self.folder(), indexes) {
            Ok(settings) => settings,
            Err(error) => {
                let told = Finding::new(Area::Network, what, Verdict::Wrong, message(&error));
                let told =
                    told.needed_if(self.needed).remedy("correct that file: what it holds is not shown");
                self.mirrors.findings.push(told);
                return;
            }
        };
        let client = self.client.with_layers([settings.layer()]);
        let urls: Vec<SecretUrl> =
            settings.index_urls().iter().filter_map(|text| text.whole().parse().ok()).collect();
        if urls.is_empty() && !indexes.no_index {
            let found = "the settings of pip and uv name none, so that uv asks its own default one: that is not asked here";
            self.mirrors.findings.push(Finding::new(Area::Network, what, Verdict::Unknown, found));
        }
        // Those of the spec come first.
        let of_spec = usize::from(indexes.index_url.is_some()) + indexes.extra_index_urls.len();
        for (place, url) in urls.into_iter().enumerate() {
            let has_login = settings.knows_login(url.whole());
            let named_by = if place < of_spec { PIP } else { SETTINGS };
            // A page of all projects may be there or not; whoever answers is there.
            let server = self.server("index of wheels", url, &[""], named_by);
            (server.has_login, server.may_lack, server.client) = (has_login, true, client.clone());
        }
    }

    fn channels(&mut self, conda: Option<&Conda>) {
        let found = self.served(conda);
        let (served, client) = match found {
            Ok(found) => found,
            Err(error) => return self.wrong("channels", &*error),
        };
        for channel in served {
            let known = client.knowing(&channel.secrets());
            let Ok(places) = channel.locations("") else { continue };
            let group = self.mirrors.servers.len();
            let named_by = if conda.is_some() { CHANNELS } else { CONDARC };
            for place in places.iter() {
                let server = self.server("channel", place.clone(), &CHANNEL_FILES, named_by);
                server.has_login |= place.is_secret();
                (server.group, server.client) = (group, known.clone());
            }
        }
    }

    fn served(
        &self,
        conda: Option<&Conda>,
    ) -> Result<(Vec<ServedChannel>, Client), Box<dyn Diagnostic + Send + Sync>> {
        let variables = &self.surroundings.variables;
        let settings = ChannelSettings::read(variables, &self.surroundings.root)?;
        let client = settings.client(self.client)?.knowing_what(self.client);
        let place = ChannelLookup { root: self.folder(), variables, settings: &settings };
        let served = match conda {
            Some(conda) => {
                let names = conda.channels.iter().map(|channel| &channel.name);
                imgbuild_conda::channels(names, &conda.mirrors, place)?
            }
            None => imgbuild_conda::channels([&USUAL_CHANNEL.parse()?], &BTreeMap::new(), place)?,
        };
        Ok((served, client))
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_net::Options;
    use imgbuild_oci::Platform;
    use imgbuild_spec::Spec;

    use super::*;
    use crate::surroundings::Variables;

    fn looked(files: &[(&str, &str)], variables: &[(&str, &str)], spec: Option<&str>) -> String {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let home = root.path().join("home").display().to_string();
        let own = [("HOME", home.as_str()), ("PIP_CONFIG_FILE", "/dev/null"), ("UV_NO_CONFIG", "1")];
        let all = own.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut surroundings = Surroundings::new(root.path(), all.collect::<Variables>());
        let client = Client::new(Options { offline: true, ..Options::default() }).unwrap();
        let variants = spec.map(|text| {
            let path = root.path().join("spec.toml");
            std::fs::write(&path, text).unwrap();
            let (_, variants) = Spec::load_variants(&path, Platform::LinuxAmd64).unwrap();
            surroundings.spec = Some(path);
            variants.iter().flat_map(Variant::in_each_environment).collect::<Vec<_>>()
        });
        let Mirrors { servers, findings } = look(&surroundings, &client, variants.as_deref());
        let line = |server: &Server| {
            let path = server.paths.first().unwrap_or(&server.at);
            let needed = if server.needed { "!" } else { "" };
            let login = if server.has_login { ", with a credential" } else { "" };
            format!("{}{needed} {path}{login}, by {}\n", server.kind, server.named_by)
        };
        let text: String = servers.iter().map(line).collect();
        let text = text + &crate::looks::shown(&findings);
        assert!(!text.contains("hunter2"), "{text}");
        text.replace(&root.path().display().to_string(), "/ROOT")
    }

    const APT_FILE: (&str, &str) = ("etc/apt/sources.list", "deb http://apt.example/debian trixie main\n");

    #[test]
    fn those_of_the_machines_settings() {
        // The channel of those who name none is asked where rattler has it.
        let nothing = looked(&[], &[], None);
        let others: Vec<&str> =
            nothing.lines().filter(|line| !line.starts_with("channel https://")).collect();
        assert_eq!(others.len() + 1, nothing.lines().count());
        insta::assert_snapshot!(others.join("\n"), @"
        missing Debian: no Debian mirror for `trixie` is known: the apt sources of this machine name none
          -> set `[base] mirror` to the folder of a mirror that holds `dists` and `pool`
        unknown indexes of wheels: the settings of pip and uv name none, so that uv asks its own default one: that is not asked here
        ");
        let condarc = "channel_alias: https://me:hunter2@conda.example/mirror\n";
        let files = [APT_FILE, ("home/.condarc", condarc)];
        let variables = [
            ("PIP_INDEX_URL", "https://me:hunter2@pip.example/simple"),
            ("PIP_EXTRA_INDEX_URL", "https://more.example/simple"),
            ("HTTPS_PROXY", "http://proxy.example"),
        ];
        insta::assert_snapshot!(looked(&files, &variables, None), @"
        Debian http://apt.example/debian/dists/trixie/InRelease, by apt's sources in `/etc/apt`, or `[base] mirror` of a spec
        Debian http://apt.example/debian-security/dists/trixie-security/InRelease, by apt's sources in `/etc/apt`, or `[base] mirror` of a spec
        index of wheels https://pip.example/simple/, with a credential, by the settings of pip or uv
        index of wheels https://more.example/simple/, by the settings of pip or uv
        channel https://conda.example/mirror/conda-forge/noarch/repodata.json.zst, with a credential, by `.condarc`
        ");
    }

    #[test]
    fn those_of_a_spec() {
        let spec = "name = \"x\"\npython = \"3.11\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n[base]\ndebian = \"bookworm\"\nmirror = \"https://${{USER}}:${{PASSWORD}}@deb.example/debian\"\n\
             [base.sources.own]\nurl = \"https://own.example/apt\"\nsuite = \"stable\"\n[base.sources.flat]\nurl = \"https://flat.example\"\nsuite = \"./\"\n\
             [pip]\npackages = [\"idna\"]\nindex-url = \"https://index.example/simple\"\n\
             [conda]\nchannels = [\"forge\", \"https://c.example/t/hunter2/team\"]\n[conda.mirrors]\nforge = [\"https://one.example/f\", \"https://two.example/f\"]\n";
        let variables =
            [("USER", "me"), ("PASSWORD", "hunter2"), ("PIP_EXTRA_INDEX_URL", "https://more.example/simple")];
        insta::assert_snapshot!(looked(&[APT_FILE], &variables, Some(spec)), @"
        Debian! https://deb.example/debian/dists/bookworm/InRelease, with a credential, by `[base] mirror` of the spec
        Debian! https://deb.example/debian-security/dists/bookworm-security/InRelease, with a credential, by `[base] mirror` of the spec
        repository! https://flat.example/InRelease, by `[base.sources]` of the spec
        repository! https://own.example/apt/dists/stable/InRelease, by `[base.sources]` of the spec
        index of wheels! https://index.example/simple/, by `[pip]` of the spec
        index of wheels! https://more.example/simple/, by the settings of pip or uv
        channel! https://one.example/f/noarch/repodata.json.zst, by `[conda]` of the spec, or `.condarc`
        channel! https://two.example/f/noarch/repodata.json.zst, by `[conda]` of the spec, or `.condarc`
        channel! https://c.example/team/noarch/repodata.json.zst, with a credential, by `[conda]` of the spec, or `.condarc`
        ");
        let scratch =
            "name = \"x\"\nbase = { scratch = true }\n[[copy]]\nfrom = \"spec.toml\"\nto = \"/a\"\n";
        assert_eq!(looked(&[APT_FILE], &[], Some(scratch)), "");
    }
}
