//! Channels: from the names that people write to the URLs that serve them.

use std::collections::BTreeMap;
use std::path::Path;

use net::{Client, Locations, MirrorList, NetError};
use rattler_conda_types::{Channel, ChannelConfig, ParseChannelError, Subdir};
use spec::{ChannelMirror, ChannelName};
use url::Url;

/// The channels that conda means by `defaults`, on Linux (conda's `default_channels`).
const DEFAULTS: [&str; 2] = ["https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r"];

/// The indexes that a channel may have, those that most have first.
const INDEXES: [&str; 4] =
    ["repodata.json.zst", "repodata.json", "repodata_shards.msgpack.zst", "repodata.json.bz2"];

/// A channel that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// What was written names no channel.
    #[error("`{name}` is not a channel: {error}")]
    Parse {
        /// What was written.
        name: String,
        /// Why.
        error: ParseChannelError,
    },
    /// A mirror's URL is wrong.
    #[error("`{mirror}` is not the URL of a mirror: {error}")]
    Mirror {
        /// What was written.
        mirror: String,
        /// Why.
        error: url::ParseError,
    },
    /// A mirror that no server serves.
    #[error(
        "the mirror `{mirror}` of a channel is neither `http://`, `https://` nor `oci://`\n\nhint: name a folder as the channel itself"
    )]
    MirrorScheme {
        /// What was written.
        mirror: String,
    },
    /// The channel cannot be asked.
    #[error("cannot reach the channel `{channel}`")]
    Unreachable {
        /// The channel.
        channel: String,
        /// Why.
        #[source]
        error: NetError,
    },
    /// The channel has nothing for a platform that was asked for.
    #[error("the channel `{channel}` has no index for `{subdir}`")]
    NoSubdir {
        /// The channel.
        channel: String,
        /// The platform's folder.
        subdir: Subdir,
    },
}

/// A channel and who serves it.
#[derive(Debug, Clone)]
pub struct Served {
    /// As it was written.
    pub name: String,
    /// The channel. Records are locked with its URL, whoever serves them.
    pub channel: Channel,
    /// Its mirrors, in order; none where it serves itself.
    pub mirrors: Vec<Url>,
}

/// Resolves the names of channels. `defaults` becomes what conda means by it. Relative paths are below `root`. A mirror is
/// one of its channel however that is written: by its name, or by its URL.
///
/// # Errors
///
/// When a name or a mirror's URL is wrong.
pub fn channels<'a>(
    names: impl IntoIterator<Item = &'a ChannelName>,
    mirrors: &BTreeMap<ChannelName, Vec<ChannelMirror>>,
    root: &Path,
) -> Result<Vec<Served>, ChannelError> {
    let config = configuration(root);
    let mirrors = resolve_mirrors(mirrors, &config)?;
    let mut served = Vec::new();
    for name in names {
        for channel in resolve(name, &config)? {
            let url = channel.base_url.url().as_str();
            let mirrors = mirrors.get(url).map(|(_, mirrors)| mirrors.clone()).unwrap_or_default();
            served.push(Served { name: name.to_string(), channel, mirrors });
        }
    }
    Ok(served)
}

/// Who serves packages: the channels, and those that only have mirrors. A lock names packages of channels that nobody
/// else names.
///
/// # Errors
///
/// As for [`channels`].
pub fn serving_channels<'a>(
    names: impl IntoIterator<Item = &'a ChannelName>,
    mirrors: &BTreeMap<ChannelName, Vec<ChannelMirror>>,
    root: &Path,
) -> Result<Vec<Served>, ChannelError> {
    let mut served = channels(names, mirrors, root)?;
    for (url, (channel, mirrors)) in resolve_mirrors(mirrors, &configuration(root))? {
        if !served.iter().any(|served| served.url().as_str() == url) {
            served.push(Served { name: url, channel, mirrors });
        }
    }
    Ok(served)
}

fn configuration(root: &Path) -> ChannelConfig {
    // The folder of a spec that is named without one is the current folder, and has an empty path.
    let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    ChannelConfig::default_with_root_dir(std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf()))
}

/// The channels that a name stands for.
fn resolve(name: &ChannelName, config: &ChannelConfig) -> Result<Vec<Channel>, ChannelError> {
    match name.as_str() {
        "defaults" => DEFAULTS.iter().map(|url| parse(url, config)).collect(),
        name => Ok(vec![parse(name, config)?]),
    }
}

/// The mirrors of each channel, by its URL.
fn resolve_mirrors(
    mirrors: &BTreeMap<ChannelName, Vec<ChannelMirror>>,
    config: &ChannelConfig,
) -> Result<BTreeMap<String, (Channel, Vec<Url>)>, ChannelError> {
    let mut resolved = BTreeMap::new();
    for (name, mirrors) in mirrors {
        let urls = mirrors.iter().map(mirror_url).collect::<Result<Vec<_>, _>>()?;
        for channel in resolve(name, config)? {
            let url = channel.base_url.url().to_string();
            let mirrors = if name.as_str() == "defaults" {
                // A mirror of `defaults` holds both channels, each under its own name.
                let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or(&url);
                urls.iter().filter_map(|mirror| mirror.join(&format!("{last}/")).ok()).collect()
            } else {
                urls.clone()
            };
            resolved.insert(url, (channel, mirrors));
        }
    }
    Ok(resolved)
}

fn parse(name: &str, config: &ChannelConfig) -> Result<Channel, ChannelError> {
    Channel::from_str(name, config).map_err(|error| ChannelError::Parse { name: name.to_owned(), error })
}

fn mirror_url(mirror: &ChannelMirror) -> Result<Url, ChannelError> {
    let error = |error| ChannelError::Mirror { mirror: mirror.to_string(), error };
    let url = Url::parse(&format!("{}/", mirror.as_str().trim_end_matches('/'))).map_err(error)?;
    // rattler's mirrors are layers of an HTTP client.
    match url.scheme() {
        "http" | "https" | "oci" => Ok(url),
        _ => Err(ChannelError::MirrorScheme { mirror: mirror.to_string() }),
    }
}

impl Served {
    /// A channel by its URL, which nobody has named.
    pub(crate) fn unnamed(url: Url) -> Self {
        Self { name: url.to_string(), channel: Channel::from_url(url), mirrors: Vec::new() }
    }

    /// The channel's own URL, with a slash at its end.
    pub fn url(&self) -> &Url {
        self.channel.base_url.url().as_ref()
    }

    /// Where a file of the channel is to be had: from its mirrors where it has any, else from itself.
    ///
    /// # Errors
    ///
    /// When the path does not stay below the channel.
    pub fn locations(&self, path: &str) -> Result<Locations, NetError> {
        let mut mirrors = self.mirrors.iter().cloned();
        let list = match mirrors.next() {
            Some(first) => MirrorList::new(first, mirrors),
            None => MirrorList::new(self.url().clone(), []),
        };
        list.locations(path)
    }

    /// Checks that the channel has an index for a platform: a missing one would read as an empty channel.
    ///
    /// # Errors
    ///
    /// When there is none, or nobody answers.
    pub async fn check_subdir(&self, client: &Client, subdir: Subdir) -> Result<(), ChannelError> {
        let unreachable = |error| ChannelError::Unreachable { channel: self.name.clone(), error };
        let mut failure = None;
        for index in INDEXES {
            let from = self.locations(&format!("{subdir}/{index}")).map_err(unreachable)?;
            match client.get_range(from, 0..1).await {
                Ok(_) => return Ok(()),
                Err(NetError::NotFound { .. }) => {}
                // Where one mirror is dead, another may have the next index.
                Err(error) if self.mirrors.len() > 1 => failure = failure.or(Some(error)),
                Err(error) => return Err(unreachable(error)),
            }
        }
        let missing = || ChannelError::NoSubdir { channel: self.name.clone(), subdir };
        Err(failure.map_or_else(missing, unreachable))
    }
}

/// The channel that serves the package at `url`, and the package's path below it.
pub(crate) fn serving<'a, 'u>(channels: &'a [Served], url: &'u str) -> Option<(&'a Served, &'u str)> {
    let longest = channels.iter().filter(|served| url.starts_with(served.url().as_str()));
    let served = longest.max_by_key(|served| served.url().as_str().len())?;
    Some((served, &url[served.url().as_str().len()..]))
}

/// Where a package is to be had whose URL is below one of these channels; nothing where it is below none.
pub fn locations(channels: &[Served], url: &str) -> Option<Locations> {
    let (served, path) = serving(channels, url)?;
    served.locations(path).ok()
}
