//! What names things elsewhere: requirements and mirrors.

use super::{ValueError, checked_text, printable};

checked_text!(
    /// A conda match spec as it is written. The solver reads it; here it is only known to be one line.
    MatchSpecText, check_match_spec, String
);

checked_text!(
    /// The URL of a mirror: `https://`, `http://` or `file://`.
    Mirror, check_mirror, String
);

checked_text!(
    /// The URL of a mirror of a conda channel: `https://`, `http://`, or `oci://` for one in a registry.
    ChannelMirror, check_channel_mirror, String
);

impl Mirror {
    /// The URL without the user and password that it may name: what may stand in a lock and in an image.
    pub fn without_credentials(&self) -> String {
        let Ok(mut url) = url::Url::parse(self.as_str()) else { return self.as_str().to_owned() };
        // A URL that has no host has neither.
        let _none = url.set_username("").and_then(|()| url.set_password(None));
        url.as_str().trim_end_matches('/').to_owned()
    }
}

fn check_match_spec(text: &str) -> Result<(), ValueError> {
    if !printable(text) || text.trim() != text {
        return Err(ValueError::new(format!("`{}` is not a requirement", text.escape_default()))
            .hint("write a package and, if need be, its version, like `numpy >=1.26`"));
    }
    Ok(())
}

pub(super) fn check_mirror(text: &str) -> Result<(), ValueError> {
    check_url(text, &["http", "https", "file"])
}

fn check_channel_mirror(text: &str) -> Result<(), ValueError> {
    check_url(text, &["http", "https", "file", "oci"])
}

fn check_url(text: &str, schemes: &[&str]) -> Result<(), ValueError> {
    let error = |rule: String| {
        ValueError::new(format!("`{}` is not the URL of a mirror: {rule}", text.escape_default()))
            .hint("write it like `https://mirror.example/conda-forge`")
    };
    if !printable(text) {
        return Err(error("it is empty or holds control characters".to_owned()));
    }
    let url = url::Url::parse(text).map_err(|reason| error(reason.to_string()))?;
    match url.scheme() {
        scheme if schemes.contains(&scheme) => Ok(()),
        scheme => Err(error(format!("`{scheme}` is no scheme that packages are fetched by"))),
    }
}
