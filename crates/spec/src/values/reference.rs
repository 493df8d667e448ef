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

fn check_match_spec(text: &str) -> Result<(), ValueError> {
    if !printable(text) || text.trim() != text {
        return Err(ValueError::new(format!("`{}` is not a requirement", text.escape_default()))
            .hint("write a package and, if need be, its version, like `numpy >=1.26`"));
    }
    Ok(())
}

fn check_mirror(text: &str) -> Result<(), ValueError> {
    let error = |rule: String| {
        ValueError::new(format!("`{}` is not the URL of a mirror: {rule}", text.escape_default()))
            .hint("write it like `https://mirror.example/conda-forge`")
    };
    if !printable(text) {
        return Err(error("it is empty or holds control characters".to_owned()));
    }
    let url = url::Url::parse(text).map_err(|reason| error(reason.to_string()))?;
    match url.scheme() {
        "http" | "https" | "file" => Ok(()),
        scheme => Err(error(format!("`{scheme}` is no scheme that packages are fetched by"))),
    }
}
