//! URLs without their secrets.

use std::fmt;

use url::Url;

/// Shows a URL without what may be secret in it: user and password, conda's `/t/<token>/`, and the values of the query,
/// which sign the request at many object stores. The fragment is left out.
#[derive(Debug, Clone, Copy)]
pub struct RedactedUrl<'a>(pub &'a Url);

const HIDDEN: &str = "***";

impl fmt::Display for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        write!(f, "{}:", url.scheme())?;
        if url.has_authority() {
            f.write_str("//")?;
            if !url.username().is_empty() || url.password().is_some() {
                write!(f, "{HIDDEN}@")?;
            }
            f.write_str(url.host_str().unwrap_or_default())?;
            if let Some(port) = url.port() {
                write!(f, ":{port}")?;
            }
        }
        write_path(url.path(), f)?;
        if let Some(query) = url.query() {
            for (place, pair) in query.split('&').enumerate() {
                f.write_str(if place == 0 { "?" } else { "&" })?;
                match pair.split_once('=') {
                    Some((name, _)) => write!(f, "{name}={HIDDEN}")?,
                    None => f.write_str(HIDDEN)?,
                }
            }
        }
        Ok(())
    }
}

fn write_path(path: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut after_t = false;
    for (place, part) in path.split('/').enumerate() {
        if place > 0 {
            f.write_str("/")?;
        }
        f.write_str(if after_t && !part.is_empty() { HIDDEN } else { part })?;
        after_t = part == "t";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden() {
        for (url, shown) in [
            ("https://repo.example/conda/noarch/x.conda", "https://repo.example/conda/noarch/x.conda"),
            ("https://me:pass@repo.example:8080/x", "https://***@repo.example:8080/x"),
            ("https://token@repo.example/x", "https://***@repo.example/x"),
            ("https://:pass@repo.example/x", "https://***@repo.example/x"),
            ("https://repo.example/t/ab-12/chan/x", "https://repo.example/t/***/chan/x"),
            ("https://repo.example/t/ab-12", "https://repo.example/t/***"),
            (
                "https://s3.example/x?X-Amz-Signature=abc&plain&y=",
                "https://s3.example/x?X-Amz-Signature=***&***&y=***",
            ),
            ("https://repo.example/x#sha256=1", "https://repo.example/x"),
            ("https://[::1]:8/x", "https://[::1]:8/x"),
            ("file:///srv/channel/x", "file:///srv/channel/x"),
            ("data:secret", "data:secret"),
        ] {
            assert_eq!(RedactedUrl(&url.parse().unwrap()).to_string(), shown);
        }
    }
}
