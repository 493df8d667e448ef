//! Where things are had elsewhere: mirrors.

use imgbuild_document::{ValueError, printable, secret_text, shown};

secret_text!(
    /// The URL of a mirror: `https://`, `http://` or `file://`.
    Mirror, check_mirror
);

secret_text!(
    /// The URL of a mirror of a conda channel: `https://`, `http://`, `oci://` for one in a registry, or `file://` for a folder.
    ChannelMirror, check_channel_mirror
);

pub(super) fn check_mirror(text: &str) -> Result<(), ValueError> {
    check_url(text, &["http", "https", "file"])
}

fn check_channel_mirror(text: &str) -> Result<(), ValueError> {
    check_url(text, &["http", "https", "file", "oci"])
}

fn check_url(text: &str, schemes: &[&str]) -> Result<(), ValueError> {
    let error = |rule: String| {
        ValueError::new(format!("`{}` is not the URL of a mirror: {rule}", shown(text)))
            .hint("write it like `https://mirror.example/conda-forge`")
    };
    if !printable(text) || text.contains(char::is_whitespace) {
        return Err(error("it is empty, or holds spaces or control characters".to_owned()));
    }
    let url = url::Url::parse(text).map_err(|reason| error(reason.to_string()))?;
    match url.scheme() {
        "file" if url.to_file_path().is_err() || url.query().is_some() => {
            Err(error("a folder of this machine is `file:///srv/mirror`".to_owned()))
        }
        scheme if schemes.contains(&scheme) => Ok(()),
        scheme => Err(error(format!("`{scheme}` is no scheme that packages are fetched by"))),
    }
}
