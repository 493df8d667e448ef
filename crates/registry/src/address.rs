//! Where a registry may send its clients.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

use crate::repository::is_loopback;

/// Whether a URL leads to an inner network, or to this machine, from a registry that is outside of it: an answer must make no
/// request for its sender where only we can make one. An address is looked at, a name is not resolved: `localhost` is one.
/// The addresses of one link alone, where clouds have the credentials of their machines, no registry may name at all.
pub(crate) fn leads_inside(url: &Url, registry: &Url) -> bool {
    is_of_a_link(url) || is_inner(url) && !is_inner(registry)
}

/// 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291, 2.5.6).
fn is_of_a_link(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        _ => return false,
    };
    match address.to_canonical() {
        IpAddr::V4(it) => it.is_link_local(),
        IpAddr::V6(it) => it.is_unicast_link_local(),
    }
}

fn is_inner(url: &Url) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(name)) => return name == "localhost" || name.ends_with(".localhost"),
        None => return true,
    };
    match address.to_canonical() {
        IpAddr::V4(it) => {
            it.is_private()
                || it.is_loopback()
                || it.is_link_local()
                || it.is_unspecified()
                || is_shared(it.octets())
        }
        IpAddr::V6(it) => it.is_loopback() || it.is_unspecified() || is_unique_local(it),
    }
}

/// The addresses between a provider and its customers: 100.64.0.0/10 (RFC 6598).
fn is_shared([first, second, ..]: [u8; 4]) -> bool {
    first == 100 && second & 0b1100_0000 == 64
}

/// fc00::/7 (RFC 4193) and fe80::/10 (RFC 4291, 2.5.6).
fn is_unique_local(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
}

/// Why an answer's `Location` is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misled {
    /// There is none.
    #[error("it has no `Location`")]
    Nowhere,
    /// It is no URL.
    #[error("where it leads is no URL")]
    NoUrl,
    /// It is another host.
    #[error("it leads to another host, `{0}`")]
    OtherHost(String),
    /// It is spoken to in another way, such as without TLS.
    #[error("it leads from {0} to {1}")]
    Scheme(String, String),
    /// It is another host, without TLS.
    #[error("it leads without TLS to another host, `{0}`")]
    Plain(String),
    /// It is an inner network.
    #[error("it leads into an inner network, to `{0}`")]
    Inside(String),
}

impl Misled {
    /// What to do about it, where that is known.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::OtherHost(_) | Self::Scheme(..) | Self::Plain(_)).then_some(
            "the registry or a proxy before it may be set up wrongly: it has to name itself as its clients do (`Host`, `X-Forwarded-Proto`)",
        )
    }
}

/// Where an answer leads that must stay at its registry: the place of an upload, the next page of a list.
///
/// # Errors
///
/// When it leads elsewhere.
pub(crate) fn within(location: Option<&str>, asked: &Url) -> Result<Url, Misled> {
    let url = asked.join(location.ok_or(Misled::Nowhere)?).map_err(|_| Misled::NoUrl)?;
    match () {
        () if url.scheme() != asked.scheme() => Err(scheme(asked, &url)),
        () if url.host() != asked.host() || url.port_or_known_default() != asked.port_or_known_default() => {
            Err(Misled::OtherHost(shown_host(&url)))
        }
        () => Ok(url),
    }
}

/// Where a blob is when a registry says that it is elsewhere: at a host for content, as most have one. What comes from there is
/// checked by its digest; no credential goes there.
///
/// # Errors
///
/// When it leads into an inner network, or gives up TLS.
pub(crate) fn elsewhere(location: Option<&str>, asked: &Url) -> Result<Url, Misled> {
    let url = asked.join(location.ok_or(Misled::Nowhere)?).map_err(|_| Misled::NoUrl)?;
    match (asked.scheme(), url.scheme()) {
        ("https", "https") | ("http", "http" | "https") => {}
        _ => return Err(scheme(asked, &url)),
    }
    if leads_inside(&url, asked) {
        return Err(Misled::Inside(shown_host(&url)));
    }
    Ok(url)
}

/// Where a challenge says that a token is to be had. Credentials go there: never without TLS, except where the registry itself has
/// none, and from outside never to an address of an inner network.
///
/// # Errors
///
/// When it leads elsewhere.
pub(crate) fn realm(text: &str, registry: &Url) -> Result<Url, Misled> {
    let url = Url::parse(text).map_err(|_| Misled::NoUrl)?;
    let is_here = url.host_str() == registry.host_str() || url.host_str().is_some_and(is_loopback);
    match (registry.scheme(), url.scheme()) {
        (_, "https") => {}
        ("http", "http") if is_here => {}
        ("http", "http") => return Err(Misled::Plain(shown_host(&url))),
        _ => return Err(scheme(registry, &url)),
    }
    if leads_inside(&url, registry) {
        return Err(Misled::Inside(shown_host(&url)));
    }
    Ok(url)
}

fn scheme(asked: &Url, url: &Url) -> Misled {
    Misled::Scheme(asked.scheme().to_owned(), url.scheme().to_owned())
}

fn shown_host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn inner_networks_are_known() {
        for (address, inner) in [
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("192.168.1.1", true),
            ("127.0.0.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("0.0.0.0", true),
            ("2130706433", true),
            ("[::1]", true),
            ("[::ffff:10.0.0.1]", true),
            ("[fd00::1]", true),
            ("[fe80::1]", true),
            ("localhost", true),
            ("a.localhost", true),
            ("172.32.0.1", false),
            ("100.128.0.1", false),
            ("8.8.8.8", false),
            ("[2001:db8::1]", false),
            ("registry.example", false),
        ] {
            let to = url(&format!("https://{address}/"));
            assert_eq!(leads_inside(&to, &url("https://registry.example/")), inner, "{address}");
            // Who is inside may say where inside, but for what is of one link alone.
            let of_a_link = ["169.254.169.254", "[fe80::1]"].contains(&address);
            assert_eq!(leads_inside(&to, &url("https://10.0.0.1/")), of_a_link, "{address}");
        }
    }

    #[test]
    fn an_upload_stays_at_its_registry() {
        let asked = url("https://r.example/v2/a/blobs/uploads/");
        let place =
            |location| within(location, &asked).map(|url| url.to_string()).map_err(|it| it.to_string());
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(
            place(Some("/v2/a/blobs/uploads/1?x=y")),
            ok("https://r.example/v2/a/blobs/uploads/1?x=y")
        );
        assert_eq!(place(Some("https://r.example:443/u")), ok("https://r.example/u"));
        for (location, said) in [
            (None, "it has no `Location`"),
            (Some("https://"), "where it leads is no URL"),
            (Some("http://r.example/u"), "it leads from https to http"),
            (Some("https://evil.example/u"), "it leads to another host, `evil.example`"),
            (Some("//r.example:8443/u"), "it leads to another host, `r.example:8443`"),
            (Some("https://r.example@10.0.0.1/u"), "it leads to another host, `10.0.0.1`"),
        ] {
            assert_eq!(place(location), Err(said.to_owned()));
        }
    }

    #[test]
    fn a_blob_may_be_elsewhere_but_not_inside() {
        let asked = url("https://r.example/v2/a/blobs/x");
        let place = |location| elsewhere(Some(location), &asked).map_err(|it| it.to_string());
        assert_eq!(place("https://cdn.example/x"), Ok(url("https://cdn.example/x")));
        for (location, said) in [
            ("http://cdn.example/x", "it leads from https to http"),
            ("file:///etc/passwd", "it leads from https to file"),
            ("https://169.254.169.254/x", "it leads into an inner network, to `169.254.169.254`"),
            ("https://[::1]:5000/x", "it leads into an inner network, to `[::1]:5000`"),
        ] {
            assert_eq!(place(location), Err(said.to_owned()));
        }
        let local = url("http://127.0.0.1:5000/v2/a/blobs/x");
        assert!(elsewhere(Some("http://127.0.0.1:6000/x"), &local).is_ok());
    }
}
