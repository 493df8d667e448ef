//! What an image is called.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, ImageName, NameError, Tag};

/// The host of docker's registry, which is meant where no other is named.
const DOCKER: &str = "docker.io";
/// The part of it where the images are whose name is a single word.
const LIBRARY: &str = "library";

/// What a user calls an image: `base-pytorch:3.11-cuda12.4`, or `localhost:5000/team/base:1@sha256:…`.
///
/// The grammar is that of the `distribution/reference` library, which docker, containerd and podman share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: Option<RegistryHost>,
    name: ImageName,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// The image of a name and a tag. The name's first part is a registry's host when it holds a dot or is `localhost`.
    pub fn new(name: &ImageName, tag: &Tag) -> Self {
        let parts =
            parted(name.as_str()).and_then(|(host, rest)| Some((host.parse().ok()?, rest.parse().ok()?)));
        // A name may begin with what no host is called, such as `a_b.c`.
        let (registry, name) = match parts {
            Some((host, rest)) => (Some(host), rest),
            None => (None, name.clone()),
        };
        Self { registry, name, tag: Some(tag.clone()), digest: None }
    }

    /// The registry, where one is named.
    pub fn registry(&self) -> Option<&RegistryHost> {
        self.registry.as_ref()
    }

    /// The name in the registry, as it was written.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// The tag, where one is named.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest of the manifest or index, where one is named: it decides, whatever the tag is.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same image by another tag.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self { tag: Some(tag), digest: None, ..self.clone() }
    }

    /// The whole reference, as containerd names images: with docker's registry in front where none is named.
    pub fn full(&self) -> String {
        match &self.registry {
            Some(_) => self.to_string(),
            None if parted(self.name.as_str()).is_some() => self.to_string(),
            None if self.name.as_str().contains('/') => format!("{DOCKER}/{self}"),
            None => format!("{DOCKER}/{LIBRARY}/{self}"),
        }
    }
}

/// The registry and the rest of a name, where its first part is a registry's host.
fn parted(text: &str) -> Option<(&str, &str)> {
    let is_host = |first: &str| {
        first.contains(['.', ':'])
            || first == "localhost"
            || first.contains(|it: char| it.is_ascii_uppercase())
    };
    text.split_once('/').filter(|(first, _)| is_host(first))
}

impl FromStr for Reference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |rule| NameError { text: text.to_owned(), what: "reference of an image", rule };
        if text.contains("://") {
            return Err(wrong("it is HOST/NAME:TAG, without what stands before a URL's host"));
        }
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|_| wrong("what follows `@` is `sha256:` and 64 digits"));
                (rest, Some(digest?))
            }
        };
        let (registry, rest) = match parted(rest) {
            None => (None, rest),
            Some((host, behind)) => match host.parse::<RegistryHost>() {
                Ok(host) => (Some(host), behind),
                // See `new`.
                Err(_) if host.parse::<ImageName>().is_ok() => (None, rest),
                Err(error) => return Err(error),
            },
        };
        let (name, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((name, tag)) => (name, Some(tag.parse()?)),
        };
        Ok(Self { registry, name: name.parse()?, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        write!(f, "{}", self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// The host of a registry, with its port where one is named: `localhost:5000`, `[::1]:5000`, `registry.example`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost {
    host: String,
    port: Option<u16>,
}

impl RegistryHost {
    /// Docker's registry, which is meant where no other is named.
    pub fn docker() -> Self {
        Self { host: DOCKER.to_owned(), port: None }
    }

    /// The name or the address, an address of version 6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where one is named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for RegistryHost {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = |rule| NameError { text: text.to_owned(), what: "host of a registry", rule };
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let is_address = |inner: &str| inner.parse::<std::net::Ipv6Addr>().is_ok();
        let is_good = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => is_address(inner),
            None => host.split('.').all(is_label),
        };
        if !is_good {
            return Err(wrong("it is a name of letters, digits, `-` and dots, or an address"));
        }
        let number = |text: &str| {
            // `+1` and `01` are parsed as numbers too.
            let port = text.parse::<u16>().ok().filter(|port| *port > 0 && port.to_string() == text);
            port.ok_or_else(|| wrong("the port is a number from 1 to 65535"))
        };
        Ok(Self { host: host.to_owned(), port: port.map(number).transpose()? })
    }
}

/// `[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?`
fn is_label(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    let ends = bytes.first().is_some_and(is_word) && bytes.last().is_some_and(is_word);
    ends && bytes.iter().all(|byte| is_word(byte) || *byte == b'-')
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_registry_are_dockers() {
        for (name, full) in [
            ("base", "docker.io/library/base:1"),
            ("team/base", "docker.io/team/base:1"),
            ("registry.example/base", "registry.example/base:1"),
            ("localhost/base", "localhost/base:1"),
            ("a_b.c/base", "a_b.c/base:1"),
        ] {
            let reference = Reference::new(&name.parse().unwrap(), &"1".parse().unwrap());
            assert_eq!(reference.full(), full);
            assert_eq!(reference.to_string(), format!("{name}:1"));
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
    }

    #[test]
    fn references_are_read_as_docker_reads_them() {
        let digest = Digest::of("x");
        let of = |text: &str| {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            let text = |it: &dyn fmt::Display| it.to_string();
            (
                reference.registry.as_ref().map(|it| text(it)),
                reference.name.to_string(),
                reference.tag.as_ref().map(|it| text(it)),
                reference.digest,
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("base"), (None, "base".to_owned(), None, None));
        assert_eq!(of("localhost:1"), (None, "localhost".to_owned(), some("1"), None));
        assert_eq!(of("localhost:5000/x"), (some("localhost:5000"), "x".to_owned(), None, None));
        assert_eq!(of("Host/x"), (some("Host"), "x".to_owned(), None, None));
        assert_eq!(of("[::1]:5000/a/b:c"), (some("[::1]:5000"), "a/b".to_owned(), some("c"), None));
        assert_eq!(
            of(&format!("localhost:5000/team/x:1.0@{digest}")),
            (some("localhost:5000"), "team/x".to_owned(), some("1.0"), Some(digest))
        );
        assert_eq!(of(&format!("x@{digest}")), (None, "x".to_owned(), None, Some(digest)));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            ":1",
            "Base",
            "a:",
            "a:b:c",
            "a b",
            "a/",
            "/a",
            "host:0/x",
            "host:70000/x",
            "host:+5/x",
            "host:05/x",
            "host:/x",
            "-h.example/x",
            "h..example/x",
            "[::g]/x",
            "[::1/x",
            "x@sha256:1",
            "x@",
            "x@md5:0",
            "http://a.example/b",
            "user@a.example/b",
            "a.example/",
            "a.example/B",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
