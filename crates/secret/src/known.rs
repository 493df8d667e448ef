//! Secrets that are known, by what they are for.

use url::Url;

use crate::text::urls;
use crate::{SecretText, SecretUrl};

/// URLs with secrets. What is below one of them, by its public form, is asked for with its secrets: so a lock that holds none
/// is built with those that the spec brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownSecrets(Vec<(Url, SecretUrl)>);

impl KnownSecrets {
    /// Adds a URL, where it holds a secret.
    pub fn add(&mut self, url: SecretUrl) {
        if url.is_secret() {
            self.0.push((url.public(), url));
        }
    }

    /// Adds the URLs of a text: a URL alone, or what conda and pip have them in, such as `URL::numpy` and `git+URL`.
    pub fn add_text(&mut self, text: &SecretText) {
        let text = text.whole();
        for place in urls(text) {
            let url = &text[place];
            let Some((scheme, rest)) = url.split_once("://") else { continue };
            let scheme = scheme.rsplit('+').next().unwrap_or(scheme);
            let path = rest.find('/').unwrap_or(rest.len());
            // What may stand behind a URL in a match spec.
            let end = rest[path..].find("::").or_else(|| rest[path..].find([']', ',']));
            let rest = &rest[..end.map_or(rest.len(), |end| path + end)];
            if let Ok(url) = format!("{scheme}://{rest}").parse() {
                self.add(url);
            }
        }
    }

    /// Adds all that another one knows.
    pub fn extend(&mut self, other: &Self) {
        for known in &other.0 {
            if !self.0.contains(known) {
                self.0.push(known.clone());
            }
        }
    }

    /// The URL with the secrets that are known for it: those of the nearest URL that it is below. One that brings secrets of
    /// its own stays as it is.
    pub fn whole(&self, url: &Url) -> SecretUrl {
        let given = SecretUrl::from(url);
        let nearest = self.0.iter().filter_map(|(public, known)| Some((rest(public, url)?, known)));
        let nearest = nearest.min_by_key(|(rest, _)| rest.len());
        let Some((rest, known)) = nearest.filter(|_| !given.is_secret()) else { return given };
        let known = known.whole();
        let mut whole = known.clone();
        whole.set_fragment(url.fragment());
        whole.set_path(&format!("{}{rest}", known.path().trim_end_matches('/')));
        whole.into()
    }
}

/// The part of a URL's path that is below another.
fn rest<'u>(above: &Url, url: &'u Url) -> Option<&'u str> {
    let server =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    if server(above) != server(url) {
        return None;
    }
    let rest = url.path().strip_prefix(above.path().trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_is_asked_for_with_the_secrets_above() {
        let mut known = KnownSecrets::default();
        for text in [
            "https://u:p@h.example/a",
            "https://h.example/t/TOKEN/b/",
            "https://v:q@h.example/b/deep",
            "https://q.example/c?k=1",
            "https://m:s@h.example/m::numpy >=1",
            "numpy[channel='https://n:s@h.example/n']",
            "numpy[channel=https://o:s@h.example/o]",
            "git+https://g:s@h.example/r.git",
            "oci://r:s@h.example/r",
            "https://public.example/a",
        ] {
            known.add_text(&SecretText::new(text));
        }
        for (url, whole) in [
            ("https://h.example/a", "https://u:p@h.example/a"),
            ("https://h.example/a/noarch/x.conda", "https://u:p@h.example/a/noarch/x.conda"),
            ("https://h.example/b/noarch/x", "https://h.example/t/TOKEN/b/noarch/x"),
            ("https://h.example/b/deep/x", "https://v:q@h.example/b/deep/x"),
            ("https://q.example/c/x", "https://q.example/c/x?k=1"),
            ("https://h.example/m/x", "https://m:s@h.example/m/x"),
            ("https://h.example/n/x", "https://n:s@h.example/n/x"),
            ("https://h.example/o/x", "https://o:s@h.example/o/x"),
            ("https://h.example/r.git", "https://g:s@h.example/r.git"),
            ("oci://h.example/r/x", "oci://r:s@h.example/r/x"),
            ("https://own:x@h.example/a/x", "https://own:x@h.example/a/x"),
        ] {
            assert_eq!(known.whole(&url.parse().unwrap()).whole().as_str(), whole);
        }
        for nobodys in [
            "https://h.example/ab",
            "https://h.example/",
            "http://h.example/a/x",
            "https://h.example:444/a/x",
            "https://h.example.evil.example/a/x",
            "https://public.example/a/x",
            "file:///a/x",
        ] {
            assert_eq!(known.whole(&nobodys.parse().unwrap()).whole().as_str(), nobodys);
        }
        assert!(!format!("{known:?}").contains("TOKEN"));
    }
}
