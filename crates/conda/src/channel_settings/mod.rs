//! What conda's own settings on this machine say of channels.
//!
//! They say who serves a channel and how it is reached. The lock names the channel itself, so that another machine finds it
//! without them. What would choose other packages is told: see [`ChannelSettings::notes`].

mod condarc;
mod meaning;
mod reaching;
mod serving;
#[cfg(test)]
mod tests;

use std::path::Path;

use imgbuild_environment::{ChannelPriority, Condarc};
use imgbuild_net::{Client, Transport};
use url::Url;

pub use condarc::CondarcError;

use condarc::{Variables, scalar};
use meaning::{ChannelNames, Meaning, plain};
use reaching::ServerAccess;
use serving::ChannelServers;

use crate::credentials::credentials;

/// What conda's settings say of channels.
#[derive(Debug, Clone, Default)]
pub struct ChannelSettings {
    serving: ChannelServers,
    meaning: Meaning,
    reaching: ServerAccess,
    /// How the channels' order counts, and who says it.
    priority: Option<(ChannelPriority, String)>,
}

/// What a spec leaves to the settings of the machine that it is locked on.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeftOpen {
    /// How the order of its channels counts.
    pub priority: bool,
    /// Which channels there are beside those that are named: conda would take those of its settings as well.
    pub channels: bool,
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
        let mut serving = ChannelServers::of(all, variables)?;
        let meaning = Meaning::of(all, variables, &mut serving)?;
        let priority = scalar(all.iter().map(|it| it.channel_priority.as_ref()));
        let priority = priority.map(|setting| (setting.value, setting.origin.to_string()));
        Ok(Self { serving, meaning, reaching: ServerAccess::of(all, variables)?, priority })
    }

    /// A client that reaches servers as the settings say it, made as `client` is. It knows the credentials for channels,
    /// and channels in registries.
    ///
    /// # Errors
    ///
    /// When no client can be made, or the credentials cannot be read.
    pub fn client(&self, client: &Client) -> Result<Client, CondarcError> {
        let transport = &self.reaching.transport;
        if *transport == Transport::default() {
            return Ok(client.clone());
        }
        let client = client.with_transport(transport)?;
        Ok(client.with_layers([credentials()?, crate::registry::registries()]))
    }

    /// How the channels' order counts, where they say it.
    pub fn channel_priority(&self) -> Option<ChannelPriority> {
        self.priority.as_ref().map(|(priority, _)| *priority)
    }

    /// What a person should know: settings that choose other packages than another machine would for these channels, that
    /// conda would choose others by, or that check less.
    pub fn notes<'a>(
        &self,
        channels: impl IntoIterator<Item = &'a str> + Clone,
        open: LeftOpen,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        for name in channels.clone() {
            let Some(ChannelNames { channels, file }) = self.meaning.unusual(name) else { continue };
            notes.push(format!("the channel `{name}` is {} here, by {file}", joined(channels)));
        }
        if let Some(ChannelNames { channels: all, file }) =
            self.meaning.everywhere.as_ref().filter(|_| open.channels)
        {
            let is_named = |channel: &&String| channels.clone().into_iter().any(|it| plain(it) == **channel);
            let others: Vec<String> = all.iter().filter(|channel| !is_named(channel)).cloned().collect();
            if !others.is_empty() {
                let others = joined(&others);
                notes.push(format!(
                    "conda would look in {others} as well, by {file}: here only the channels count that the spec and its files name"
                ));
            }
        }
        if let Some((priority, file)) = self.priority.as_ref().filter(|_| open.priority)
            && *priority != ChannelPriority::default()
        {
            let word = priority.as_str();
            notes
                .push(format!("channels have the priority `{word}`, by {file}: the spec says nothing of it"));
        }
        let unchecked = self.reaching.unchecked.iter();
        notes.extend(
            unchecked.map(|file| {
                format!("the certificates of the servers of channels are not checked, by {file}")
            }),
        );
        notes
    }

    /// The channels that a name stands for, where it is not itself one; without credentials.
    pub(crate) fn channels(&self, name: &str) -> Option<Vec<String>> {
        self.meaning.channels(name)
    }

    /// Who serves a channel, by its URL with a slash at its end; nobody where it serves itself.
    pub(crate) fn mirrors(&self, channel: &Url) -> Vec<Url> {
        self.serving.mirrors(channel)
    }

    /// The channels, by name or URL, that somebody else serves, whether or not anybody has named them. The last one stands
    /// for all that are called by a name.
    pub(crate) fn served(&self) -> Vec<(Url, Vec<Url>)> {
        self.serving.served()
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
