//! What the names of channels stand for.

use std::collections::BTreeMap;

use imgbuild_document::DocumentError;
use imgbuild_environment::{Condarc, Setting};
use url::Url;

use super::condarc::{Variables, expanded, list, table};
use super::serving::{ChannelServers, folder_url};

/// Where the channels are that conda means by `defaults`.
const DEFAULTS: &str = "https://repo.anaconda.com/pkgs/";
/// The channels that conda means by `defaults`, on Linux (conda's `default_channels`).
const DEFAULT_NAMES: [&str; 2] = ["main", "r"];
/// The one that is for Windows alone, and that lists for any system have all the same.
const WINDOWS: &str = "msys2";

/// The names that stand for several channels, or that stand for others here than elsewhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Meaning {
    names: BTreeMap<String, ChannelNames>,
    /// What `defaults` stands for.
    defaults: Option<ChannelNames>,
    /// Where conda looks beside the channels that an environment file names.
    pub(super) everywhere: Option<ChannelNames>,
}

/// Channels, in the names that every machine has for them, and who says that they are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelNames {
    pub(super) channels: Vec<String>,
    pub(super) file: String,
}

impl Meaning {
    /// Reads it. Where a channel is served that this machine calls by its place is added to `serving`.
    pub(super) fn of(
        all: &[Condarc],
        variables: &Variables,
        serving: &mut ChannelServers,
    ) -> Result<Self, DocumentError> {
        let mut names = BTreeMap::new();
        for (name, lists) in table(all.iter().map(|it| it.custom_multichannels.as_ref())) {
            let named = named(&list(lists), variables, serving)?;
            names.extend(named.map(|named| (name.to_owned(), named)));
        }
        let defaults = all.iter().filter_map(|it| it.default_channels.as_ref()).collect();
        let defaults = named(&list(defaults), variables, serving)?;
        // These are told and not used, so what is wrong with them stops nobody.
        let everywhere = list(all.iter().filter_map(|it| it.channels.as_ref()).collect());
        let everywhere = everywhere.last().map(|last| ChannelNames {
            channels: everywhere.iter().map(|item| plain(&expanded(&item.value, variables))).collect(),
            file: last.origin.file().to_owned(),
        });
        // Who gives the name a meaning of its own has said what it stands for.
        let defaults = names.remove("defaults").or(defaults);
        Ok(Self { names, defaults, everywhere })
    }

    /// The channels that a name stands for, where it is not itself one; without credentials.
    pub(super) fn channels(&self, name: &str) -> Option<Vec<String>> {
        let named = self.stands_for(name).map(|named| named.channels.clone());
        named.or_else(|| (name == "defaults").then(usual_defaults))
    }

    /// What a name stands for here, where that is not what it stands for everywhere.
    pub(super) fn unusual(&self, name: &str) -> Option<&ChannelNames> {
        self.stands_for(name).filter(|named| name != "defaults" || named.channels != usual_defaults())
    }

    fn stands_for(&self, name: &str) -> Option<&ChannelNames> {
        if name == "defaults" { self.defaults.as_ref() } else { self.names.get(name) }
    }
}

fn usual_defaults() -> Vec<String> {
    DEFAULT_NAMES.iter().map(|name| format!("{DEFAULTS}{name}")).collect()
}

/// What a list of channels stands for; nothing where it is empty.
fn named(
    items: &[&Setting<String>],
    variables: &Variables,
    serving: &mut ChannelServers,
) -> Result<Option<ChannelNames>, DocumentError> {
    let Some(last) = items.last() else { return Ok(None) };
    let mut channels = Vec::new();
    for item in items {
        let (channel, mirror) = usual_name(item, &expanded(&item.value, variables))?;
        if channel == format!("{DEFAULTS}{WINDOWS}") {
            continue;
        }
        if let (Some(mirror), Ok(url)) = (mirror, Url::parse(&format!("{channel}/"))) {
            serving.places.insert(url, mirror);
        }
        channels.push(channel);
    }
    Ok(Some(ChannelNames { channels, file: last.origin.file().to_owned() }))
}

/// The name that every machine has for a channel, and the place where this one has it, where that is another. A mirror of one
/// of conda's default channels is that channel; what a URL has of credentials is no part of a name.
fn usual_name(item: &Setting<String>, channel: &str) -> Result<(String, Option<Url>), DocumentError> {
    // A folder of this machine is nobody's mirror.
    if !channel.contains("://") || channel.starts_with("file://") {
        return Ok((channel.trim_end_matches('/').to_owned(), None));
    }
    let url = folder_url(item, channel)?;
    let usual = match url.path().trim_end_matches('/').rsplit_once("/pkgs/") {
        Some((_, name)) if !name.contains('/') => format!("{DEFAULTS}{name}"),
        _ => plain(url.as_str()),
    };
    let is_elsewhere = url.as_str().trim_end_matches('/') != usual;
    Ok((usual, is_elsewhere.then_some(url)))
}

/// A channel by its name, or by its URL without what it has of secrets.
pub(super) fn plain(channel: &str) -> String {
    imgbuild_secret::public(channel).trim_end_matches('/').to_owned()
}
