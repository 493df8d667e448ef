//! Who serves channels.

use std::collections::BTreeMap;

use imgbuild_document::DocumentError;
use imgbuild_environment::{Condarc, Setting};
use url::Url;

use super::condarc::{Variables, expanded, list, scalar, table};

/// Where conda's channels are whose names are no URLs.
pub(super) const ALIAS: &str = "https://conda.anaconda.org/";

/// Who serves channels, each URL with a slash at its end.
#[derive(Debug, Clone, Default)]
pub(super) struct ChannelServers {
    /// What stands before the names of channels.
    pub(super) alias: Option<Url>,
    /// What stands before the names of some channels.
    custom: BTreeMap<String, Url>,
    /// Who serves channels.
    mirrored: BTreeMap<Url, Vec<Url>>,
    /// Where this machine has channels that it calls by another place.
    pub(super) places: BTreeMap<Url, Url>,
}

impl ChannelServers {
    pub(super) fn of(all: &[Condarc], variables: &Variables) -> Result<Self, DocumentError> {
        let expand = |text: &str| expanded(text, variables);
        let url = |setting: &Setting<String>| folder_url(setting, &expand(&setting.value));
        let mut serving = Self::default();
        let alias = scalar(all.iter().map(|it| it.channel_alias.as_ref())).map(url).transpose()?;
        serving.alias = alias.filter(|alias| alias.as_str() != ALIAS);
        for (name, settings) in table(all.iter().map(|it| it.custom_channels.as_ref())) {
            let Some(setting) = scalar(settings.into_iter().map(Some)) else { continue };
            let name = name.trim_matches('/');
            if name.is_empty() || name.contains("://") {
                let name = imgbuild_secret::public(name);
                let message = format!("`custom_channels` has names of channels, and `{name}` is none");
                return Err(setting.wrong(message));
            }
            serving.custom.insert(name.to_owned(), url(setting)?);
        }
        for (name, lists) in table(all.iter().map(|it| it.mirrored_channels.as_ref())) {
            let Some(last) = lists.last() else { continue };
            let name = expand(name);
            let wrong = || last.wrong(format!("`{}` is not a channel", imgbuild_secret::public(&name)));
            let channel = channel_url(&name).ok_or_else(wrong)?;
            let urls = list(lists).into_iter().map(url).collect::<Result<_, _>>()?;
            serving.mirrored.insert(channel, urls);
        }
        Ok(serving)
    }

    /// Who serves a channel, by its URL with a slash at its end; nobody where it serves itself.
    pub(super) fn mirrors(&self, channel: &Url) -> Vec<Url> {
        if let Some(mirrors) = self.mirrored.get(channel) {
            return mirrors.clone();
        }
        if let Some(place) = self.places.get(channel) {
            return vec![place.clone()];
        }
        let Some(name) = channel.as_str().strip_prefix(ALIAS).map(|name| name.trim_matches('/')) else {
            return Vec::new();
        };
        // `corp/team` is below what stands for `corp`, unless it has a place of its own.
        let mut part = Some(name);
        while let Some(found) = part {
            if let Some(place) = self.custom.get(found) {
                return vec![below(place, name)];
            }
            part = found.rsplit_once('/').map(|(before, _)| before);
        }
        self.alias.iter().map(|alias| below(alias, name)).collect()
    }

    /// The channels that somebody else serves, whether or not anybody has named them. The last one stands for all that are
    /// called by a name.
    pub(super) fn served(&self) -> Vec<(Url, Vec<Url>)> {
        let custom = self.custom.keys().filter_map(|name| channel_url(name));
        let channels = self.mirrored.keys().chain(self.places.keys()).cloned().chain(custom);
        let mut served: Vec<_> = channels.map(|url| (url.clone(), self.mirrors(&url))).collect();
        served.extend(self.alias.iter().filter_map(|alias| Some((channel_url("")?, vec![alias.clone()]))));
        served
    }
}

/// The URL of a channel, with a slash at its end, by its name or URL.
pub(super) fn channel_url(name: &str) -> Option<Url> {
    let whole = if name.contains("://") { name.to_owned() } else { format!("{ALIAS}{name}") };
    let mut url = Url::parse(&whole).ok().filter(has_server)?;
    end_with_slash(&mut url);
    Some(url)
}

/// The URL of a folder of a server, or of this machine, with a slash at its end.
pub(super) fn folder_url(setting: &Setting<String>, text: &str) -> Result<Url, DocumentError> {
    let mut url = Url::parse(text).map_err(|error| setting.wrong(format!("this is not a URL: {error}")))?;
    let is_folder = match url.scheme() {
        "http" | "https" | "oci" => has_server(&url),
        "file" => url.to_file_path().is_ok(),
        _ => false,
    };
    if !is_folder {
        let scheme = url.scheme();
        let message = format!(
            "a channel is served by `https://…`, `http://…`, `oci://…` or a folder `file:///…`, not by `{scheme}:`"
        );
        return Err(setting.wrong(message));
    }
    end_with_slash(&mut url);
    Ok(url)
}

fn has_server(url: &Url) -> bool {
    url.host_str().is_some_and(|host| !host.is_empty())
}

fn end_with_slash(url: &mut Url) {
    let path = format!("{}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
}

/// A channel below a folder. Its name is never a URL of its own, whatever it looks like: `//other.example`, `a:b`.
fn below(folder: &Url, name: &str) -> Url {
    let mut url = folder.clone();
    url.set_path(&format!("{}{}", folder.path(), name.trim_start_matches('/')));
    end_with_slash(&mut url);
    url
}
