//! Channels: from the names that people write to the URLs that serve them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imgbuild_environment::ChannelName;
use imgbuild_net::{Client, Locations, MirrorList, NetError};
use imgbuild_secret::{KnownSecrets, SecretText, SecretUrl, expanded};
use imgbuild_spec::ChannelMirror;
use rattler_conda_types::{Channel, ChannelConfig, ParseChannelError, Subdir};
use url::Url;

use crate::channel_settings::ChannelSettings;

/// The indexes that a channel may have, those that most have first.
const INDEXES: [&str; 4] =
    ["repodata.json.zst", "repodata.json", "repodata_shards.msgpack.zst", "repodata.json.bz2"];

/// A channel that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
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
    /// The channel cannot be asked.
    #[error("cannot reach the channel `{channel}`")]
    Unreachable {
        /// The channel.
        channel: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: NetError,
    },
    /// A channel that is a folder of this machine is not there.
    #[error("the channel `{channel}` is the folder `{}`, which is not there", folder.display())]
    NoFolder {
        /// The channel.
        channel: String,
        /// The folder.
        folder: PathBuf,
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
pub struct ServedChannel {
    /// As it was written, without secrets.
    pub name: String,
    /// The channel, by its public URL. Records are locked with that, whoever serves them.
    pub channel: Channel,
    /// The channel's URL, with the secrets that it may hold.
    url: SecretUrl,
    /// Its mirrors, in order; none where it serves itself.
    pub mirrors: Vec<SecretUrl>,
}

/// Where channels are looked for.
#[derive(Debug, Clone, Copy)]
pub struct ChannelLookup<'a> {
    /// The folder that relative paths are below.
    pub root: &'a Path,
    /// What `${NAME}` in a URL stands for.
    pub variables: &'a BTreeMap<String, String>,
    /// conda's own settings, which count where the spec says nothing.
    pub settings: &'a ChannelSettings,
}

/// Resolves the names of channels. `defaults` becomes what conda means by it. A mirror is one of its channel however that is
/// written: by its name, or by its URL.
///
/// # Errors
///
/// When a name or a mirror's URL is wrong.
pub fn channels<'a>(
    names: impl IntoIterator<Item = &'a ChannelName>,
    mirrors: &BTreeMap<ChannelName, Vec<ChannelMirror>>,
    place: ChannelLookup<'_>,
) -> Result<Vec<ServedChannel>, ChannelError> {
    let resolving = Resolving::new(place);
    let mirrors = resolving.mirrors(mirrors)?;
    let mut served: Vec<ServedChannel> = Vec::new();
    for name in names {
        for (channel, url) in resolving.channels(name)? {
            let public = channel.base_url.url().as_str();
            let own = mirrors.get(public).map(|mirrored| mirrored.mirrors.clone());
            let usual = || place.settings.mirrors(channel.base_url.url().as_ref());
            let mirrors = own.unwrap_or_else(|| usual().into_iter().map(SecretUrl::from).collect());
            // A name that stands for several may stand for one that is named as well.
            if !served.iter().any(|known| known.url().as_str() == public) {
                served.push(ServedChannel { name: name.to_string(), channel, url, mirrors });
            }
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
    place: ChannelLookup<'_>,
) -> Result<Vec<ServedChannel>, ChannelError> {
    let mut served = channels(names, mirrors, place)?;
    for (url, mirrored) in Resolving::new(place).mirrors(mirrors)? {
        if !served.iter().any(|served| served.url().as_str() == url) {
            served.push(ServedChannel { name: url, ..mirrored });
        }
    }
    for (url, mirrors) in place.settings.served() {
        if !served.iter().any(|served| *served.url() == url) {
            let mirrors = mirrors.into_iter().map(SecretUrl::from).collect();
            served.push(ServedChannel { mirrors, ..ServedChannel::unnamed(url, &[]) });
        }
    }
    Ok(served)
}

/// What is needed to resolve the names of channels.
struct Resolving<'a> {
    config: ChannelConfig,
    variables: &'a BTreeMap<String, String>,
    settings: &'a ChannelSettings,
}

impl<'a> Resolving<'a> {
    fn new(place: ChannelLookup<'a>) -> Self {
        // The folder of a spec that is named without one is the current folder, and has an empty path.
        let root = if place.root.as_os_str().is_empty() { Path::new(".") } else { place.root };
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
        let ChannelLookup { variables, settings, .. } = place;
        Self { config: ChannelConfig::default_with_root_dir(root), variables, settings }
    }

    /// The channels that a name stands for, each with the URL that may hold secrets.
    fn channels(&self, name: &ChannelName) -> Result<Vec<(Channel, SecretUrl)>, ChannelError> {
        match self.settings.channels(name.secret().whole()) {
            Some(names) => names.iter().map(|name| self.channel(&SecretText::new(name.as_str()))).collect(),
            None => Ok(vec![self.channel(name.secret())?]),
        }
    }

    fn channel(&self, name: &SecretText) -> Result<(Channel, SecretUrl), ChannelError> {
        let whole = expanded(name.whole(), self.variables);
        let parse = |text: &str| {
            Channel::from_str(text, &self.config)
                .map_err(|error| ChannelError::Parse { name: name.to_string(), error })
        };
        // A channel knows no query, which may be a token.
        let url: Option<SecretUrl> = whole.parse().ok().filter(|url: &SecretUrl| url.whole().has_host());
        let channel = parse(url.as_ref().map_or(whole.clone(), |url| url.public().to_string()).as_str())?;
        let own = SecretUrl::from(channel.base_url.url().as_ref());
        let Some(url) = url else {
            // An alias has a token in a name: `t/TOKEN/name`.
            let channel = if own.is_secret() { parse(own.public().as_str())? } else { channel };
            return Ok((channel, own));
        };
        let mut known = KnownSecrets::default();
        known.add(url);
        Ok((channel, known.whole(own.whole())))
    }

    /// The mirrors of each channel, by its public URL.
    fn mirrors(
        &self,
        mirrors: &BTreeMap<ChannelName, Vec<ChannelMirror>>,
    ) -> Result<BTreeMap<String, ServedChannel>, ChannelError> {
        let mut resolved = BTreeMap::new();
        for (name, mirrors) in mirrors {
            let urls = mirrors.iter().map(|mirror| self.mirror(mirror)).collect::<Result<Vec<_>, _>>()?;
            for (channel, url) in self.channels(name)? {
                let public = channel.base_url.url().to_string();
                let mirrors = if name.secret().whole() == "defaults" {
                    // A mirror of `defaults` holds both channels, each under its own name.
                    let last = public.trim_end_matches('/').rsplit('/').next().unwrap_or(&public);
                    urls.iter().filter_map(|mirror| mirror.below(&format!("{last}/")).ok()).collect()
                } else {
                    urls.clone()
                };
                resolved.insert(public.clone(), ServedChannel { name: public, channel, url, mirrors });
            }
        }
        Ok(resolved)
    }

    fn mirror(&self, mirror: &ChannelMirror) -> Result<SecretUrl, ChannelError> {
        let error = |error| ChannelError::Mirror { mirror: mirror.to_string(), error };
        let mut url = Url::parse(&expanded(mirror.secret().whole(), self.variables)).map_err(error)?;
        url.set_path(&format!("{}/", url.path().trim_end_matches('/')));
        Ok(url.into())
    }
}

impl ServedChannel {
    /// A channel by its URL, with a slash at its end, which nobody has named. It may be below what somebody serves.
    pub(crate) fn unnamed(url: Url, channels: &[Self]) -> Self {
        let channel = Channel::from_url(url.clone());
        let below = |(served, path): (&Self, &str)| {
            served.mirrors.iter().filter_map(|mirror| mirror.below(path).ok()).collect()
        };
        let mirrors = serving(channels, url.as_str()).map(below).unwrap_or_default();
        Self { name: url.to_string(), channel, url: url.into(), mirrors }
    }

    /// The secrets of the channel and of its mirrors.
    pub fn secrets(&self) -> KnownSecrets {
        let mut known = KnownSecrets::default();
        self.mirrors.iter().chain([&self.url]).for_each(|url| known.add(url.clone()));
        known
    }

    /// The channel's own public URL, with a slash at its end.
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
            None => MirrorList::new(self.url.clone(), []),
        };
        list.locations(path)
    }

    /// Checks a channel that is a folder of this machine, or is mirrored by one alone: nobody has to be asked for it.
    ///
    /// # Errors
    ///
    /// When it is not there, or has no index for a platform.
    pub fn check_folder(&self, subdir: Subdir) -> Result<(), ChannelError> {
        let server = match self.mirrors.as_slice() {
            [] => self.url(),
            [mirror] => mirror.whole(),
            _ => return Ok(()),
        };
        let folder = if server.scheme() == "file" { server.to_file_path().ok() } else { None };
        let Some(folder) = folder else { return Ok(()) };
        let channel = || self.name.clone();
        if !folder.is_dir() {
            return Err(ChannelError::NoFolder { channel: channel(), folder });
        }
        for subdir in [subdir, Subdir::NoArch] {
            if !INDEXES.iter().any(|index| folder.join(subdir.as_str()).join(index).is_file()) {
                return Err(ChannelError::NoSubdir { channel: channel(), subdir });
            }
        }
        Ok(())
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
pub(crate) fn serving<'a, 'u>(
    channels: &'a [ServedChannel],
    url: &'u str,
) -> Option<(&'a ServedChannel, &'u str)> {
    let longest = channels.iter().filter(|served| url.starts_with(served.url().as_str()));
    let served = longest.max_by_key(|served| served.url().as_str().len())?;
    Some((served, &url[served.url().as_str().len()..]))
}

/// Where a package is to be had whose URL is below one of these channels; nothing where it is below none.
pub(crate) fn locations(channels: &[ServedChannel], url: &str) -> Option<Locations> {
    let (served, path) = serving(channels, url)?;
    served.locations(path).ok()
}
