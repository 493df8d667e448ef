//! Channels, and what a match spec says without a solver.

use imgbuild_document::{Located, Origin, Source};

use crate::name::ChannelName;

/// A conda channel that packages may come from.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name, URL or path.
    pub name: ChannelName,
    /// Where it was written; nothing for the default channel.
    pub origin: Option<Origin>,
}

impl Channel {
    /// A channel that a file names.
    pub fn new(located: Located<ChannelName>, source: &Source) -> Self {
        Self { origin: Some(located.origin(source)), name: located.value }
    }
}

/// The package that a match spec of conda names, in lower case, as far as its text says it: `numpy` of
/// `conda-forge::NumPy[version='>=1']`.
pub fn match_spec_name(text: &str) -> String {
    // What stands in quotes is no channel.
    let channel = text.rsplit_once("::").filter(|(channel, _)| !channel.contains(['\'', '"']));
    let name = channel.map_or(text, |(_, name)| name).trim_start();
    let end = |it: char| it.is_whitespace() || "=<>!~[;,".contains(it);
    name.split(end).next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_a_match_spec() {
        for (text, name) in [
            ("NumPy", "numpy"),
            (" numpy >=1.26", "numpy"),
            ("numpy>=1.26,<2", "numpy"),
            ("numpy=1.26=py311_0", "numpy"),
            ("numpy!=1", "numpy"),
            ("numpy~=1.2", "numpy"),
            ("numpy[version='>=1']", "numpy"),
            ("numpy[channel='a::b']", "numpy"),
            ("conda-forge::numpy 1.*", "numpy"),
            ("conda-forge/linux-64::numpy", "numpy"),
            ("https://me:s3cret@c.example/t/t0/x?key=K::numpy=1", "numpy"),
            ("http://[::1]:80/x::numpy", "numpy"),
            ("_libgcc_mutex", "_libgcc_mutex"),
            ("__glibc >=2.28", "__glibc"),
            ("", ""),
        ] {
            assert_eq!(match_spec_name(text), name, "{text}");
        }
    }
}
