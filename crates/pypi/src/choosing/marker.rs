//! The conditions of PEP 751 that ask for extras and groups of dependencies.

use crate::wheel::filename::normalized;

/// A condition in which `'x' in extras` and `'x' in dependency_groups` are replaced by what they come to where these extras and
/// these groups are wanted. What remains is a marker as requirements have it.
pub(crate) fn without_groups(marker: &str, extras: &[String], groups: &[String]) -> String {
    let mut text = String::new();
    let mut rest = marker;
    while let Some(start) = rest.find(['\'', '"']) {
        let (before, quoted) = rest.split_at(start);
        text.push_str(before);
        let quote = &quoted[..1];
        let Some((value, after)) = quoted[1..].split_once(quote) else {
            rest = quoted;
            break;
        };
        match membership(after) {
            Some((negated, list, after)) => {
                let wanted = if list == "extras" { extras } else { groups };
                let is_in = wanted.iter().any(|name| *name == normalized(value));
                // Every image's Python is a Python 3.
                text.push_str(if is_in == negated {
                    "python_version < '3'"
                } else {
                    "python_version >= '3'"
                });
                rest = after;
            }
            None => {
                text.extend([quote, value, quote]);
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

/// ` in extras`, ` not in dependency_groups`: whether it is negated, the list, and what follows.
fn membership(text: &str) -> Option<(bool, &str, &str)> {
    let text = text.trim_start();
    let (negated, text) = match text.strip_prefix("not") {
        Some(rest) if rest.starts_with(char::is_whitespace) => (true, rest.trim_start()),
        _ => (false, text),
    };
    let text = text.strip_prefix("in").filter(|rest| rest.starts_with(char::is_whitespace))?.trim_start();
    let lists = ["extras", "dependency_groups"];
    lists.into_iter().find_map(|list| text.strip_prefix(list).map(|after| (negated, list, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_and_groups_are_decided() {
        let (extras, groups) = (["fast-gpu".to_owned()], ["main".to_owned()]);
        for (marker, expected) in [
            ("'main' in dependency_groups", "python_version >= '3'"),
            ("\"dev\" in dependency_groups", "python_version < '3'"),
            ("'main' in extras or os_name == 'posix'", "python_version < '3' or os_name == 'posix'"),
            ("('x' not  in extras)", "(python_version >= '3')"),
            ("'Fast_GPU' in extras", "python_version >= '3'"),
            ("'linux' in sys_platform", "'linux' in sys_platform"),
            ("'unfinished", "'unfinished"),
        ] {
            assert_eq!(without_groups(marker, &extras, &groups), expected);
        }
    }
}
