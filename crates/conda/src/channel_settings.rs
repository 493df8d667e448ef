//! What conda's own settings on this machine say of channels.
//!
//! They say who serves a channel and how it is reached. The lock names the channel itself, so that another machine finds it
//! without them. What would choose other packages is told: see [`ChannelSettings::notes`].

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use net::{Client, Transport, Trust};
use spec::{ChannelPriority, Condarc, Setting, SpecError, SslVerify};
use url::Url;

use crate::condarc::{self, CondarcError, Variables, at_home, expanded, list, scalar, table};
use crate::solve::credentials;

/// Where conda's channels are whose names are no URLs.
pub(crate) const ALIAS: &str = "https://conda.anaconda.org/";
/// Where the channels are that conda means by `defaults`.
const DEFAULTS: &str = "https://repo.anaconda.com/pkgs/";
/// The channels that conda means by `defaults`, on Linux (conda's `default_channels`).
const DEFAULT_NAMES: [&str; 2] = ["main", "r"];
/// The one that is for Windows alone, and that lists for any system have all the same.
const WINDOWS: &str = "msys2";

/// What conda's settings say of channels.
#[derive(Debug, Clone, Default)]
pub struct ChannelSettings {
    /// What stands before the names of channels.
    alias: Option<Url>,
    /// What stands before the names of some channels.
    custom: BTreeMap<String, Url>,
    /// Who serves channels, by their names or URLs.
    mirrored: BTreeMap<String, Vec<Url>>,
    /// Who serves the channels that a name stands for, by their URLs.
    places: BTreeMap<String, Vec<Url>>,
    /// Names that stand for several channels.
    several: BTreeMap<String, Named>,
    /// What `defaults` stands for.
    defaults: Option<Named>,
    priority: Option<(ChannelPriority, String)>,
    transport: Transport,
    /// The file that says that certificates are not checked.
    unchecked: Option<String>,
}

/// Channels that a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    channels: Vec<String>,
    file: String,
}

impl ChannelSettings {
    /// Reads the settings of this machine: the files in the places where conda has them, below `root`, and the variables.
    ///
    /// # Errors
    ///
    /// When a file is there and cannot be read, or says what it cannot.
    pub fn read(variables: &Variables, root: &Path) -> Result<Self, CondarcError> {
        Self::of(&condarc::read(variables, root)?, variables)
    }

    /// The settings of several files, those that count more behind the others.
    fn of(all: &[Condarc], variables: &Variables) -> Result<Self, CondarcError> {
        let expand = |text: &str| expanded(text, variables);
        let url = |setting: &Setting<String>| folder_url(setting, &expand(&setting.value));
        let mut settings = Self::default();
        if let Some(alias) = scalar(all.iter().map(|it| it.channel_alias.as_ref())) {
            settings.alias = Some(url(alias)?);
        }
        for (name, setting) in table(all.iter().map(|it| it.custom_channels.as_ref())) {
            let setting = scalar(setting.into_iter().map(Some));
            if let Some(setting) = setting {
                settings.custom.insert(name.trim_matches('/').to_owned(), url(setting)?);
            }
        }
        for (name, lists) in table(all.iter().map(|it| it.mirrored_channels.as_ref())) {
            let urls = list(lists).into_iter().map(url).collect::<Result<_, _>>()?;
            settings.mirrored.insert(expand(name), urls);
        }
        for (name, lists) in table(all.iter().map(|it| it.custom_multichannels.as_ref())) {
            let named = settings.named(&list(lists), expand);
            settings.several.extend(named.map(|named| (name.to_owned(), named)));
        }
        let defaults = all.iter().filter_map(|it| it.default_channels.as_ref()).collect();
        settings.defaults = settings.named(&list(defaults), expand);
        // Who gives the name a meaning of its own has said what it stands for.
        settings.defaults = settings.several.remove("defaults").or(settings.defaults);
        let priority = scalar(all.iter().map(|it| it.channel_priority.as_ref()));
        settings.priority = priority.map(|setting| (setting.value, setting.origin.to_string()));
        for (of, setting) in table(all.iter().map(|it| it.proxy_servers.as_ref())) {
            let Some(setting) = scalar(setting.into_iter().map(Some)) else { continue };
            let Some(text) = &setting.value else { continue };
            settings
                .transport
                .proxies
                .push((of.trim_end_matches('/').to_owned(), proxy_url(setting, &expand(text))?));
        }
        let verify = scalar(all.iter().map(|it| it.ssl_verify.as_ref()));
        settings.transport.trust = match verify.map(|setting| (setting, &setting.value)) {
            None | Some((_, SslVerify::Known(true))) => Trust::System,
            Some((setting, SslVerify::Known(false))) => {
                settings.unchecked = Some(setting.origin.to_string());
                Trust::Anybody
            }
            Some((setting, SslVerify::File(path))) => {
                let path = at_home(&expand(path), variables);
                Trust::Only(certificates(&path).map_err(|error| {
                    setting.wrong(format!("the certificates in `{}` cannot be read: {error}", path.display()))
                })?)
            }
        };
        Ok(settings)
    }

    /// What a name stands for, in the names that every machine has for it. Where these are served is kept.
    fn named(&mut self, items: &[&Setting<String>], expand: impl Fn(&str) -> String) -> Option<Named> {
        let file = items.last()?.origin.file().to_owned();
        let mut channels = Vec::new();
        for item in items {
            let place = expand(&item.value);
            let (channel, mirror) = usual_name(&place);
            if channel == format!("{DEFAULTS}{WINDOWS}") {
                continue;
            }
            if let Some(mirror) = mirror {
                self.places.insert(format!("{channel}/"), vec![mirror]);
            }
            channels.push(channel);
        }
        Some(Named { channels, file })
    }

    /// A client that reaches servers as the settings say it, made as `client` is. It knows the credentials for channels,
    /// and channels in registries.
    ///
    /// # Errors
    ///
    /// When no client can be made, or the credentials cannot be read.
    pub fn client(&self, client: &Client) -> Result<Client, CondarcError> {
        if self.transport == Transport::default() {
            return Ok(client.clone());
        }
        let client = client.with_transport(&self.transport)?;
        Ok(client.with_layers([credentials()?, crate::registry::registries()]))
    }

    /// How the channels' order counts, where they say it.
    pub fn channel_priority(&self) -> Option<ChannelPriority> {
        self.priority.as_ref().map(|(priority, _)| *priority)
    }

    /// What a person should know: settings that choose other packages than another machine would for these channels, or
    /// that check less. `asks_for_priority` is whether the spec leaves the order of its channels to them.
    pub fn notes<'a>(
        &self,
        channels: impl IntoIterator<Item = &'a str>,
        asks_for_priority: bool,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        for name in channels {
            let Some(Named { channels, file }) = self.stands_for(name) else { continue };
            let usual: Vec<String> = DEFAULT_NAMES.iter().map(|it| format!("{DEFAULTS}{it}")).collect();
            if name != "defaults" || *channels != usual {
                notes.push(format!("the channel `{name}` is {} here, by {file}", joined(channels)));
            }
        }
        if let Some((priority, file)) = self.priority.as_ref().filter(|_| asks_for_priority)
            && *priority != ChannelPriority::default()
        {
            let word = format!("{priority:?}").to_lowercase();
            notes
                .push(format!("channels have the priority `{word}`, by {file}: the spec says nothing of it"));
        }
        notes.extend(
            self.unchecked.iter().map(|file| {
                format!("the certificates of the servers of channels are not checked, by {file}")
            }),
        );
        notes
    }

    fn stands_for(&self, name: &str) -> Option<&Named> {
        if name == "defaults" { self.defaults.as_ref() } else { self.several.get(name) }
    }

    /// The channels that a name stands for, where it is not itself one; without credentials.
    pub(crate) fn channels(&self, name: &str) -> Option<Vec<String>> {
        let usual = || DEFAULT_NAMES.iter().map(|it| format!("{DEFAULTS}{it}")).collect();
        match self.stands_for(name) {
            Some(named) => Some(named.channels.clone()),
            None => (name == "defaults").then(usual),
        }
    }

    /// Who serves a channel, by its URL with a slash at its end; nobody where it serves itself.
    pub(crate) fn mirrors(&self, channel: &Url) -> Vec<Url> {
        let text = channel.as_str();
        let name = text.strip_prefix(ALIAS).map(|name| name.trim_end_matches('/'));
        let is = |key: &str| Some(key) == name || key.trim_end_matches('/') == text.trim_end_matches('/');
        if let Some((_, mirrors)) = self.mirrored.iter().find(|(key, _)| is(key)) {
            return mirrors.clone();
        }
        if let Some(mirrors) = self.places.get(text) {
            return mirrors.clone();
        }
        let Some(name) = name else { return Vec::new() };
        // `corp/team` is below what stands for `corp`, unless it has a place of its own.
        let mut part = Some(name);
        while let Some(found) = part {
            if let Some(place) = self.custom.get(found) {
                return place.join(&format!("{name}/")).into_iter().collect();
            }
            part = found.rsplit_once('/').map(|(before, _)| before);
        }
        let alias = self.alias.iter().filter(|alias| alias.as_str() != ALIAS);
        alias.filter_map(|alias| alias.join(&format!("{name}/")).ok()).collect()
    }

    /// The channels, by name or URL, that somebody else serves, whether or not anybody has named them. The last one stands
    /// for all that are called by a name.
    pub(crate) fn served(&self) -> Vec<(Url, Vec<Url>)> {
        let names = self.mirrored.keys().chain(self.custom.keys()).chain(self.places.keys());
        let mut served: Vec<(Url, Vec<Url>)> = names
            .map(|name| if name.contains("://") { name.clone() } else { format!("{ALIAS}{name}") })
            .filter_map(|url| Url::parse(&format!("{}/", url.trim_end_matches('/'))).ok())
            .map(|url| (url.clone(), self.mirrors(&url)))
            .collect();
        let alias = self.alias.iter().filter(|alias| alias.as_str() != ALIAS);
        served.extend(alias.filter_map(|alias| Some((Url::parse(ALIAS).ok()?, vec![alias.clone()]))));
        served
    }
}

/// `a`, `b` and `c`.
fn joined(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => quoted.concat(),
    }
}

/// The name that every machine has for a channel, and the place where this one has it, where that is another. A mirror of one
/// of conda's default channels is that channel; what a URL has of credentials is no part of a name.
fn usual_name(channel: &str) -> (String, Option<Url>) {
    let channel = channel.trim_end_matches('/');
    let Ok(url) = Url::parse(&format!("{channel}/")) else { return (channel.to_owned(), None) };
    let usual = match url.path().trim_end_matches('/').rsplit_once("/pkgs/") {
        Some((_, name)) if !name.contains('/') => format!("{DEFAULTS}{name}"),
        _ => without_credentials(&url).as_str().trim_end_matches('/').to_owned(),
    };
    let is_elsewhere = url.as_str().trim_end_matches('/') != usual;
    (usual, is_elsewhere.then_some(url))
}

/// A URL without user, password and conda's token (`/t/TOKEN/`).
fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // What cannot have them has none.
    let _without = url.set_username("").and_then(|()| url.set_password(None));
    if let Some((_, rest)) = url.path().strip_prefix("/t/").and_then(|rest| rest.split_once('/')) {
        let path = format!("/{rest}");
        url.set_path(&path);
    }
    url
}

/// The URL of a folder, with a slash at its end.
fn folder_url(setting: &Setting<String>, text: &str) -> Result<Url, SpecError> {
    let url = Url::parse(&format!("{}/", text.trim_end_matches('/')));
    let url = url.map_err(|error| setting.wrong(format!("this is not a URL: {error}")))?;
    match url.scheme() {
        "http" | "https" | "oci" => Ok(url),
        scheme => {
            Err(setting
                .wrong(format!("a server's URL is `https://…`, `http://…` or `oci://…`, not `{scheme}:`")))
        }
    }
}

fn proxy_url(setting: &Setting<Option<String>>, text: &str) -> Result<Url, SpecError> {
    // Who leaves the scheme out means `http`.
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&text)
        .map_err(|error| setting.wrong(format!("this is not the URL of a proxy: {error}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        scheme => {
            Err(setting
                .wrong(format!("proxies are spoken to by `http://` or `https://`, not by `{scheme}://`")))
        }
    }
}

/// The certificates of a file, or of all files of a folder.
fn certificates(path: &Path) -> io::Result<Vec<u8>> {
    if !path.is_dir() {
        return std::fs::read(path);
    }
    let mut all = Vec::new();
    let mut entries = std::fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries.iter().map(std::fs::DirEntry::path).filter(|path| path.is_file()) {
        all.extend(std::fs::read(entry)?);
        all.push(b'\n');
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(texts: &[&str], variables: &[(&str, &str)]) -> ChannelSettings {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let read = |(number, text): (usize, &&str)| {
            Condarc::read(&format!("{number}.yml"), (*text).to_owned()).unwrap()
        };
        ChannelSettings::of(&texts.iter().enumerate().map(read).collect::<Vec<_>>(), &variables).unwrap()
    }

    fn mirrors(settings: &ChannelSettings, channel: &str) -> String {
        let url = Url::parse(&format!("{channel}/")).unwrap();
        settings.mirrors(&url).iter().map(Url::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn who_serves_a_channel() {
        let text = "channel_alias: https://alias.example/conda\n\
                    custom_channels: {conda-forge: \"https://cloud.example/cloud/\", corp: \"https://corp.example\"}\n\
                    mirrored_channels: {bioconda: [\"https://one.example/b\", \"oci://two.example/b\"]}\n";
        let found = settings(&[text], &[]);
        let named = |name: &str| mirrors(&found, &format!("{ALIAS}{name}"));
        assert_eq!(named("conda-forge"), "https://cloud.example/cloud/conda-forge/");
        assert_eq!(named("corp/team"), "https://corp.example/corp/team/");
        assert_eq!(named("bioconda"), "https://one.example/b/ oci://two.example/b/");
        assert_eq!(named("pytorch"), "https://alias.example/conda/pytorch/");
        // A channel that is written as a URL of its own is nobody else's.
        assert_eq!(mirrors(&found, "https://internal.example/channel"), "");
        assert_eq!(
            mirrors(&settings(&["channel_alias: https://conda.anaconda.org\n"], &[]), &format!("{ALIAS}a")),
            ""
        );
        let served: Vec<String> =
            found.served().into_iter().map(|(channel, _)| channel.to_string()).collect();
        assert_eq!(served, ["bioconda/", "conda-forge/", "corp/", ""].map(|name| format!("{ALIAS}{name}")));
    }

    #[test]
    fn later_files_count_more_but_for_what_is_marked() {
        let alias =
            |texts: &[&str]| settings(texts, &[]).alias.map(|url| url.to_string()).unwrap_or_default();
        let (first, second) = ("channel_alias: https://a.example\n", "channel_alias: https://b.example\n");
        assert_eq!(alias(&[first, second]), "https://b.example/");
        assert_eq!(alias(&["channel_alias: https://a.example #!final\n", second]), "https://a.example/");
        let defaults = |texts: &[&str]| {
            settings(texts, &[]).defaults.map(|it| it.channels.join(" ")).unwrap_or_default()
        };
        let (one, two) = ("default_channels: [a, b]\n", "default_channels: [c, a]\n");
        assert_eq!(defaults(&[one, two]), "c a b");
        assert_eq!(defaults(&["default_channels: #!final\n- a\n- b\n", two]), "a b");
        assert_eq!(defaults(&["default_channels:\n- a\n- b #!top\n", two]), "b c a");
        assert_eq!(defaults(&[one, "default_channels:\n- c #!bottom\n- a\n"]), "a b c");
        let custom = |texts: &[&str]| mirrors(&settings(texts, &[]), &format!("{ALIAS}x"));
        let (one, two) = (
            "custom_channels: {x: \"https://a.example\", y: \"https://a.example\"}\n",
            "custom_channels: {x: \"https://b.example\"}\n",
        );
        assert_eq!(custom(&[one, two]), "https://b.example/x/");
        assert_eq!(
            custom(&["custom_channels:\n  x: https://a.example #!final\n", two]),
            "https://a.example/x/"
        );
        assert_eq!(custom(&["custom_channels: #!final\n  y: https://a.example\n", two]), "");
    }

    #[test]
    fn a_place_of_conda_s_default_channels_is_a_mirror_of_them() {
        let text = "default_channels:\n- https://me:s3cret@mirror.example/a/pkgs/main\n- https://mirror.example/a/pkgs/r\n\
                    custom_multichannels: {ours: [\"https://in.example/t/t0/team\"]}\n";
        let found = settings(&[text], &[]);
        assert_eq!(
            found.channels("defaults").unwrap(),
            ["main", "r"].map(|name| format!("{DEFAULTS}{name}"))
        );
        assert_eq!(
            mirrors(&found, &format!("{DEFAULTS}main")),
            "https://me:s3cret@mirror.example/a/pkgs/main/"
        );
        // What gets into a lock has no credentials.
        assert_eq!(found.channels("ours").unwrap(), ["https://in.example/team"]);
        assert_eq!(mirrors(&found, "https://in.example/team"), "https://in.example/t/t0/team/");
        assert_eq!(found.channels("conda-forge"), None);
    }

    #[test]
    fn what_chooses_other_packages_is_told() {
        let notes =
            |text: &str, channel: &str, asks: bool| settings(&[text], &[]).notes([channel], asks).join("\n");
        let mirror = "default_channels:\n- https://mirror.example/anaconda/pkgs/main\n- https://mirror.example/anaconda/pkgs/r/\n- https://mirror.example/anaconda/pkgs/msys2\n";
        assert_eq!(notes(mirror, "defaults", true), "");
        assert_eq!(
            notes("default_channels: [conda-forge]\n", "defaults", true),
            "the channel `defaults` is `conda-forge` here, by 0.yml"
        );
        assert_eq!(notes("default_channels: [conda-forge]\n", "conda-forge", true), "");
        assert_eq!(
            notes("custom_multichannels: {ours: [\"https://in.example/a\", conda-forge]}\n", "ours", true),
            "the channel `ours` is `https://in.example/a` and `conda-forge` here, by 0.yml"
        );
        let loose = "channel_priority: flexible\n";
        assert_eq!(
            notes(loose, "a", true),
            "channels have the priority `flexible`, by 0.yml:1: the spec says nothing of it"
        );
        assert_eq!(notes(loose, "a", false), "");
        assert_eq!(notes("channel_priority: strict\n", "a", true), "");
        assert_eq!(
            notes("ssl_verify: false\n", "a", true),
            "the certificates of the servers of channels are not checked, by 0.yml:1"
        );
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        let wrong = |text: &str| {
            let read = Condarc::read("c.yml", text.to_owned()).unwrap();
            ChannelSettings::of(&[read], &BTreeMap::new()).unwrap_err().to_string()
        };
        assert_eq!(wrong("channel_alias: mirror\n"), "this is not a URL: relative URL without a base");
        assert_eq!(
            wrong("channel_alias: ftp://a.example\n"),
            "a server's URL is `https://…`, `http://…` or `oci://…`, not `ftp:`"
        );
        assert_eq!(
            wrong("proxy_servers: {https: \"socks5://a.example\"}\n"),
            "proxies are spoken to by `http://` or `https://`, not by `socks5://`"
        );
        assert_eq!(
            wrong("ssl_verify: /no/such/file.pem\n"),
            "the certificates in `/no/such/file.pem` cannot be read: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn files_are_found_where_conda_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |path: &str, name: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("channel_alias: https://{name}.example\n")).unwrap();
        };
        let mut variables = BTreeMap::new();
        let mut set =
            |name: &str, path: &str| variables.insert(name.to_owned(), root.join(path).display().to_string());
        set("HOME", "home");
        set("CONDA_ROOT", "conda");
        set("XDG_CONFIG_HOME", "xdg");
        set("CONDA_PREFIX", "prefix");
        set("CONDARC", "named.yaml");
        let found = |variables: &Variables| {
            let alias = ChannelSettings::read(variables, root).unwrap().alias;
            alias.map(|url| url.host_str().unwrap().trim_end_matches(".example").to_owned())
        };
        assert_eq!(found(&variables), None);
        for (path, name) in [
            ("etc/conda/.condarc", "one"),
            ("etc/conda/condarc.d/a.yml", "two"),
            ("etc/conda/condarc.d/b.yaml", "three"),
            ("var/lib/conda/condarc", "four"),
            ("conda/.condarc", "five"),
            ("xdg/conda/condarc", "six"),
            ("home/.config/conda/.condarc", "seven"),
            ("home/.conda/condarc.d/x.yml", "eight"),
            ("home/.condarc", "nine"),
            ("prefix/.condarc", "ten"),
            ("named.yaml", "eleven"),
        ] {
            write(path, name);
            assert_eq!(found(&variables).as_deref(), Some(name));
        }
        write("etc/conda/condarc.d/c.txt", "other");
        variables.insert("CONDA_CHANNEL_ALIAS".to_owned(), "https://twelve.example".to_owned());
        assert_eq!(found(&variables).as_deref(), Some("twelve"));
        std::fs::write(root.join("etc/conda/.condarc"), "channel_alias: https://final.example #!final\n")
            .unwrap();
        assert_eq!(found(&variables).as_deref(), Some("final"));
        variables.insert("IMGBUILD_NO_CONDARC".to_owned(), "1".to_owned());
        assert_eq!(found(&variables), None);
    }
}
