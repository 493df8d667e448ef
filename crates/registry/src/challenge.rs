//! What a registry asks for before it answers: `WWW-Authenticate` (RFC 6750, 3).

use std::collections::HashMap;

/// The parameters of a challenge `Bearer realm="…",service="…"`; nothing for one of another scheme.
pub(crate) fn bearer(challenge: &str) -> Option<HashMap<String, String>> {
    let (scheme, mut rest) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut parameters = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        parameters.insert(name.trim_matches([',', ' ']).to_ascii_lowercase(), value.to_owned());
        rest = next;
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let read =
            bearer(r#"Bearer realm="https://r.example/token?a=b",service="r.example", scope=x"#).unwrap();
        assert_eq!(read["realm"], "https://r.example/token?a=b");
        assert_eq!((read["service"].as_str(), read["scope"].as_str()), ("r.example", "x"));
        for other in ["Basic realm=\"x\"", "Bearer", "", "Bearer realm=\"x"] {
            assert!(bearer(other).is_none(), "{other}");
        }
    }
}
