//! The channels that a lock names.

use std::ops::Range;

use imgbuild_document::{Located, Origin, Problem, Source, ValueError};
use serde::Deserialize;

use crate::channel::Channel;
use crate::locked;
use crate::name::ChannelName;

/// A channel of a lock. The first versions of conda-lock wrote the URL alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChannelKey {
    Short(Located<String>),
    Table(ChannelTable),
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
pub(crate) struct ChannelTable {
    url: Located<String>,
}

/// The channels of a lock.
pub(crate) fn channels(channels: &[ChannelKey], source: &Source) -> Result<Vec<Channel>, Vec<Problem>> {
    let channel = |channel: &ChannelKey| {
        let (ChannelKey::Short(url) | ChannelKey::Table(ChannelTable { url })) = channel;
        let Range { start, end } = url.span;
        let name: ChannelName = url
            .value
            .parse()
            .map_err(|error: ValueError| vec![locked::problem(source, start..end, error.to_string())])?;
        Ok(Channel { name, origin: Some(Origin::new(source, start..end, url.key.clone())) })
    };
    channels.iter().map(channel).collect()
}
