//! Which servers requests go through, and whose certificates count, where other settings than the machine's say it.

use std::fmt;

use reqwest::{Certificate, ClientBuilder, NoProxy, Proxy};
use url::Url;

use crate::NetError;
use crate::certificates::{Identity, Trust, usual_bundle};

/// How servers are reached. The default is what the machine's variables and its certificates say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Transport {
    /// Proxies, by what they are for: `http`, `https`, `all`, or such a word with a host, as in `https://conda.example`. What
    /// has none goes the way that the variables say. Hosts of `NO_PROXY` go through none.
    pub proxies: Vec<(String, Url)>,
    /// Whose certificates count.
    pub trust: Trust,
    /// What this machine shows to servers that ask who it is.
    pub identity: Option<Identity>,
}

impl fmt::Debug for Transport {
    /// Without the proxies' URLs, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxies: Vec<&str> = self.proxies.iter().map(|(of, _)| of.as_str()).collect();
        let mut shown = f.debug_struct("Transport");
        shown.field("proxies", &proxies).field("trust", &self.trust);
        shown.field("identity", &self.identity).finish()
    }
}

impl Transport {
    /// Gives it to a client that is being made.
    pub(crate) fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, NetError> {
        let trust = match &self.trust {
            Trust::System => of_bundle()?,
            Trust::Also(pem) => of_bundle()?.with(pem),
            trust => trust.clone(),
        };
        let builder = match trust {
            Trust::System => builder,
            Trust::Only(pem) => {
                builder.tls_certs_only(Certificate::from_pem_bundle(&pem).map_err(NetError::Client)?)
            }
            Trust::Also(pem) => {
                builder.tls_certs_merge(Certificate::from_pem_bundle(&pem).map_err(NetError::Client)?)
            }
            Trust::Anybody => {
                builder.tls_danger_accept_invalid_certs(true).tls_danger_accept_invalid_hostnames(true)
            }
        };
        let builder = match &self.identity {
            None => builder,
            Some(Identity(pem)) => {
                builder.identity(reqwest::Identity::from_pem(pem).map_err(NetError::Client)?)
            }
        };
        if self.proxies.is_empty() {
            return Ok(builder);
        }
        let proxies = self.proxies.clone();
        let own = Proxy::custom(move |url| proxy(&proxies, url).cloned()).no_proxy(NoProxy::from_env());
        // Who names a proxy no longer has those of the variables, which count where it says nothing.
        Ok(of_variables().into_iter().fold(builder.proxy(own), ClientBuilder::proxy))
    }
}

/// Whom this machine's variables say to trust.
fn of_bundle() -> Result<Trust, NetError> {
    let Some((variable, path)) = usual_bundle(|name| std::env::var(name).ok()) else {
        return Ok(Trust::System);
    };
    Trust::read(&path).map_err(|error| NetError::Certificates { variable, path, error })
}

/// The proxy for a URL: one for its scheme and host before one for the scheme, and that before one for all.
fn proxy<'a>(proxies: &'a [(String, Url)], url: &Url) -> Option<&'a Url> {
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    let places = [format!("{scheme}://{host}"), scheme.to_owned(), format!("all://{host}"), "all".to_owned()];
    places.iter().find_map(|place| proxies.iter().find(|(of, _)| of == place)).map(|(_, proxy)| proxy)
}

/// The proxies that the variables name.
fn of_variables() -> Vec<Proxy> {
    let set = |names: [&str; 2]| {
        names.into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    let http = set(["http_proxy", "HTTP_PROXY"]).and_then(|url| Proxy::http(url).ok());
    let https = set(["https_proxy", "HTTPS_PROXY"]).and_then(|url| Proxy::https(url).ok());
    let all = set(["all_proxy", "ALL_PROXY"]).and_then(|url| Proxy::all(url).ok());
    let with_exceptions = |proxy: Proxy| proxy.no_proxy(NoProxy::from_env());
    [http, https, all].into_iter().flatten().map(with_exceptions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_a_url() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let of = |(place, proxy): (&str, &str)| (place.to_owned(), url(&format!("http://{proxy}")));
        let proxies = [
            ("https", "of-https.example"),
            ("all", "of-all.example"),
            ("https://a.example", "of-https-a.example"),
            ("all://b.example", "of-all-b.example"),
        ]
        .map(of);
        for (asked, expected) in [
            ("https://a.example/x", "of-https-a.example"),
            ("https://b.example/x", "of-https.example"),
            ("http://b.example/x", "of-all-b.example"),
            ("http://c.example/x", "of-all.example"),
        ] {
            assert_eq!(proxy(&proxies, &url(asked)).unwrap().host_str().unwrap(), expected, "{asked}");
        }
        assert_eq!(proxy(&proxies[..1], &url("http://a.example")), None);
    }

    #[test]
    fn no_password_is_shown() {
        let proxies = vec![("https".to_owned(), "http://me:s3cret@proxy.example".parse().unwrap())];
        let (trust, identity) = (Trust::Only(b"pem".to_vec()), Some(Identity(b"s3cret".to_vec())));
        let shown = format!("{:?}", Transport { proxies, trust, identity });
        assert_eq!(shown, "Transport { proxies: [\"https\"], trust: some, identity: Some(Identity) }");
    }
}
