//! What was probably meant by what is nearly a requirement: by the habits of conda, npm, poetry, Ruby and other fingers.

use crate::specifier;

/// A hint with the requirement that a text was most likely meant to be; nothing where nobody knows.
pub(crate) fn meant(text: &str) -> Option<String> {
    let quoted = |text: &'_ str| {
        text.starts_with(['"', '\'', '`', '“', '‘']) && text.ends_with(['"', '\'', '`', '”', '’'])
    };
    let text = text.trim();
    let text =
        if quoted(text) { text.trim_matches(['"', '\'', '`', '“', '”', '‘', '’']) } else { text };
    let (wanted, marker) = match text.split_once(';') {
        Some((wanted, marker)) => (wanted.trim_end(), format!(" ; {}", marker.trim())),
        None => (text, String::new()),
    };
    let known = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    let end = wanted.find(|it| !known(it)).unwrap_or(wanted.len());
    let (name, rest) = wanted.split_at(end);
    let rest = rest.trim_start();
    let (extras, rest) = match rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((extras, rest)) => (format!("[{extras}]"), rest),
        None => (String::new(), rest),
    };
    let (versions, build) = comparisons(rest)?;
    let meant = format!("{name}{extras}{}{marker}", versions.join(","));
    // What is no better is no help.
    specifier::read(&meant).ok().filter(|_| meant != text)?;
    Some(match build {
        Some(build) => format!(
            "did you mean `{meant}`? `{build}` is a build of conda's, and such a requirement belongs into `[conda] packages`"
        ),
        None => format!("did you mean `{meant}`?"),
    })
}

/// The comparisons that are written in some way, as they are written here, and conda's build string.
fn comparisons(text: &str) -> Option<(Vec<String>, Option<String>)> {
    const OPERATORS: &str = "=<>!~^@:";
    let mut found: Vec<String> = Vec::new();
    let mut build = None;
    let mut rest = text.trim_matches(|it: char| it == ',' || it.is_whitespace());
    let mut is_conda = false;
    while !rest.is_empty() {
        let start = rest.find(|it: char| !OPERATORS.contains(it))?;
        let (operator, after) = rest.split_at(start);
        let after = after.trim_start();
        let end = after.find(|it: char| it == ',' || it.is_whitespace() || OPERATORS.contains(it));
        let (version, after) = after.split_at(end.unwrap_or(after.len()));
        rest = after.trim_start_matches(|it: char| it == ',' || it.is_whitespace());
        let version = version.trim_matches(['"', '\'', '(', ')', '“', '”']).trim_end_matches('.');
        // `name=version=build` and `name version build` are conda's.
        if is_conda && matches!(operator, "=" | "") && !version.starts_with(|it: char| it.is_ascii_digit()) {
            build = Some(version.to_owned());
            if let Some(fuzzy) = found.last_mut().filter(|_| operator == "=")
                && !fuzzy.ends_with(".*")
            {
                fuzzy.push_str(".*");
            }
            is_conda = false;
            continue;
        }
        is_conda = matches!(operator, "=" | "" | "==");
        found.extend(comparison(operator, version)?);
    }
    Some((found, build))
}

fn comparison(operator: &str, version: &str) -> Option<Vec<String>> {
    let digit = |it: char| it.is_ascii_digit();
    if matches!(version, "*" | "latest" | "any") {
        return Some(Vec::new());
    }
    if !version.trim_start_matches(['v', 'V']).starts_with(digit) {
        return None;
    }
    let version = version.strip_suffix(".x").map_or_else(|| version.to_owned(), |short| format!("{short}.*"));
    let exact = || version.trim_end_matches(".*").to_owned();
    Some(match operator {
        "" | "=" | "==" | "@" | ":" => vec![format!("=={version}")],
        "=>" | ">=" | ">>=" => vec![format!(">={}", exact())],
        "=<" | "<=" | "<<=" => vec![format!("<={}", exact())],
        ">" | ">>" => vec![format!(">{}", exact())],
        "<" | "<<" => vec![format!("<{}", exact())],
        "!=" | "=!" | "<>" | "!" | "!==" => vec![format!("!={version}")],
        "~" | "~=" | "~>" | "=~" => vec![format!("~={}", exact())],
        "^" => {
            let first: u64 = version.split('.').next()?.parse().ok()?;
            vec![format!(">={}", exact()), format!("<{}", first.checked_add(1)?)]
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingers_of_other_tools_are_understood() {
        for (written, hint) in [
            ("numpy=1.26", "`numpy==1.26`"),
            ("numpy = 1.26", "`numpy==1.26`"),
            ("numpy 1.26", "`numpy==1.26`"),
            ("numpy@1.26", "`numpy==1.26`"),
            ("numpy: 1.26", "`numpy==1.26`"),
            ("numpy=>1.26", "`numpy>=1.26`"),
            ("numpy=<1.26", "`numpy<=1.26`"),
            ("numpy~1.26", "`numpy~=1.26`"),
            ("numpy~>1.26", "`numpy~=1.26`"),
            ("numpy^1.26", "`numpy>=1.26,<2`"),
            ("numpy<>1.26", "`numpy!=1.26`"),
            ("numpy==1.26.*.", "`numpy==1.26.*`"),
            ("numpy==1.26.x", "`numpy==1.26.*`"),
            ("numpy>=1.26.*", "`numpy>=1.26`"),
            ("numpy==*", "`numpy`"),
            ("numpy=*", "`numpy`"),
            ("numpy>=1.26 <2", "`numpy>=1.26,<2`"),
            ("numpy[a]=1.26 ; python_version < '3.12'", "`numpy[a]==1.26 ; python_version < '3.12'`"),
            ("\"numpy=1.26\"", "`numpy==1.26`"),
            ("numpy==“1.26”", "`numpy==1.26`"),
            ("numpy>=", ""),
            ("numpy what", ""),
            ("numpy==99999999999999999999999999^", ""),
            ("^1", ""),
            ("", ""),
        ] {
            let expected = (!hint.is_empty()).then(|| format!("did you mean {hint}?"));
            assert_eq!(meant(written), expected, "{written}");
        }
        for (written, meaning, build) in [
            ("numpy=1.26=py39_0", "numpy==1.26.*", "py39_0"),
            ("numpy=1.26.4=py311h64a7726_0", "numpy==1.26.4.*", "py311h64a7726_0"),
            ("numpy 1.26.4 py311h64a7726_0", "numpy==1.26.4", "py311h64a7726_0"),
            ("numpy=1.26=py*", "numpy==1.26.*", "py*"),
        ] {
            let hint = meant(written).unwrap();
            assert!(hint.starts_with(&format!("did you mean `{meaning}`? `{build}` is a build")), "{hint}");
        }
    }
}
