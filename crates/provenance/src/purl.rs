//! Names of packages across ecosystems (package-url, ECMA-427).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is written as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// `pkg:KIND/NAME@VERSION?QUALIFIERS`. `kind` may have a namespace behind it; qualifiers that are empty are left out.
pub(crate) fn purl(kind: &str, name: &str, version: &str, qualifiers: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let mut qualifiers: Vec<_> = qualifiers.iter().filter(|(_, value)| !value.is_empty()).collect();
    qualifiers.sort();
    let qualifiers: Vec<String> =
        qualifiers.into_iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    let query = if qualifiers.is_empty() { String::new() } else { format!("?{}", qualifiers.join("&")) };
    format!("pkg:{kind}/{}@{}{query}", encoded(name), encoded(version))
}
