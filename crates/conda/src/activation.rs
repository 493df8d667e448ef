//! What activation scripts do, as far as it can be known without running them.
//!
//! `etc/conda/activate.d/*.sh` are sourced by `conda activate`. Most do nothing but `export NAME=value`. Such exports
//! hold for every process of the image when they stand in its configuration, activated or not. Whatever a script does
//! beyond that needs a shell that activates the environment; the build reports these scripts.

use imgbuild_archive::ImagePath;
use imgbuild_lock::{Activation, EnvironmentVariable};

/// Whether `path`, below the prefix, is an activation script of a POSIX shell.
pub(crate) fn is_activation_script(path: &str) -> bool {
    path.strip_prefix("etc/conda/activate.d/")
        .is_some_and(|name| name.ends_with(".sh") && !name.contains('/'))
}

/// Whether `path`, below the prefix, holds variables of the environment (conda's `env_vars.d`).
pub(crate) fn is_variables_file(path: &str) -> bool {
    path.strip_prefix("etc/conda/env_vars.d/")
        .is_some_and(|name| name.ends_with(".json") && !name.contains('/'))
}

/// What the scripts and variable files of one package do. They are read in the order of their names, as conda does.
pub(crate) fn activation(mut files: Vec<(ImagePath, String)>) -> Activation {
    files.sort();
    let mut activation = Activation::default();
    for (path, text) in files {
        if is_variables_file(path.as_str()) {
            let Ok(variables) = serde_json::from_str::<std::collections::BTreeMap<String, String>>(&text)
            else {
                activation.dynamic.push(path);
                continue;
            };
            // Here nothing is expanded, and in the lock a prefix would be.
            let is_plain = |(name, value): (&String, &String)| {
                is_name(name) && !value.contains('\0') && !value.contains("$CONDA_PREFIX")
            };
            if !variables.iter().all(is_plain) {
                activation.dynamic.push(path);
                continue;
            }
            let variable = |(name, value): (String, String)| EnvironmentVariable { name, value };
            activation.exports.extend(variables.into_iter().map(variable));
        } else {
            let (exports, is_static) = exports(&text);
            activation.exports.extend(exports);
            if !is_static {
                activation.dynamic.push(path);
            }
        }
    }
    activation
}

/// The exports that a script makes whatever the circumstances, and whether that is all it does.
///
/// Only the lines before the first one that is anything but an export are believed: what comes after a condition, a
/// `return` or a command may not be reached, and may depend on what that did.
fn exports(text: &str) -> (Vec<EnvironmentVariable>, bool) {
    let mut exports: Vec<EnvironmentVariable> = Vec::new();
    let blank: &[char] = &[' ', '\t'];
    for line in text.split('\n').map(|line| line.trim_matches(blank)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let assignment = line
            .strip_prefix("export ")
            .map(|rest| rest.strip_suffix(';').unwrap_or(rest).trim_matches(blank));
        let parsed = assignment.and_then(|assignment| assignment.split_once('='));
        let variable = parsed.and_then(|(name, value)| {
            let value = value_of(value)?;
            is_name(name).then(|| EnvironmentVariable { name: name.to_owned(), value })
        });
        match variable {
            Some(variable) => {
                exports.retain(|earlier| earlier.name != variable.name);
                exports.push(variable);
            }
            None => return (exports, false),
        }
    }
    (exports, true)
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// A shell word without anything to expand but `$CONDA_PREFIX`, which stays in the value as it is.
fn value_of(word: &str) -> Option<String> {
    if word.contains(['\0', '\r']) {
        return None;
    }
    let (quote, inner) = match word.as_bytes() {
        [b'\'', .., b'\''] if word.len() >= 2 => (Some('\''), &word[1..word.len() - 1]),
        [b'"', .., b'"'] if word.len() >= 2 => (Some('"'), &word[1..word.len() - 1]),
        _ => (None, word),
    };
    if quote == Some('\'') {
        // Nothing is expanded, so a dollar here is not the prefix; a value with both would be ambiguous in the lock.
        return (!inner.contains(['\'', '$'])).then(|| inner.to_owned());
    }
    let inner = inner.replace("${CONDA_PREFIX}", "$CONDA_PREFIX");
    let rest = inner.replace("$CONDA_PREFIX/", "/");
    let rest = rest.strip_suffix("$CONDA_PREFIX").unwrap_or(&rest);
    let special: &[char] = match quote {
        Some(_) => &['$', '`', '\\', '"'],
        None => &[
            '$', '`', '\\', '"', '\'', ' ', '\t', ';', '&', '|', '<', '>', '(', ')', '*', '?', '[', '~', '#',
            '{',
        ],
    };
    (!rest.contains(special)).then_some(inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<String>, bool) {
        let (exports, is_static) = exports(text);
        (exports.into_iter().map(|it| format!("{}={}", it.name, it.value)).collect(), is_static)
    }

    #[test]
    fn plain_exports_are_static() {
        let text = "#!/bin/sh\n\nexport A=b\nexport B=\"$CONDA_PREFIX/share/x\";\nexport C='d e'\nexport D=${CONDA_PREFIX}\n";
        let expected = ["A=b", "B=$CONDA_PREFIX/share/x", "C=d e", "D=$CONDA_PREFIX"].map(str::to_owned);
        assert_eq!(read(text), (expected.to_vec(), true));
    }

    #[test]
    fn what_depends_on_anything_is_not() {
        for line in [
            "if [ -n \"$X\" ]; then",
            "export A=$B",
            "export A=\"`date`\"",
            "export A=$(date)",
            "export A=b c",
            "export A=b && rm x",
            "export A=$CONDA_PREFIX_OLD",
            "export 1A=b",
            "export A",
            "A=b",
            "unset A",
        ] {
            assert_eq!(
                read(&format!("export FIRST=1\n{line}\nexport LAST=1\n")),
                (vec!["FIRST=1".into()], false),
                "{line}"
            );
        }
    }

    #[test]
    fn variable_files_are_read_and_damaged_ones_reported() {
        let path = |name: &str| ImagePath::new(&format!("etc/conda/{name}")).unwrap();
        let files = vec![
            (path("env_vars.d/b.json"), "{\"Z\": \"1\", \"A\": \"2\"}".to_owned()),
            (path("env_vars.d/a.json"), "{".to_owned()),
        ];
        let activation = activation(files);
        assert_eq!(activation.dynamic, [path("env_vars.d/a.json")]);
        assert_eq!(activation.exports.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["A", "Z"]);
    }

    #[test]
    fn variables_that_no_shell_has_are_reported() {
        let path = ImagePath::new("etc/conda/env_vars.d/a.json").unwrap();
        for text in [
            r#"{"A=B": "1"}"#,
            r#"{"A\n": "1"}"#,
            r#"{"": "1"}"#,
            r#"{"A": "1\u0000"}"#,
            r#"{"A": "$CONDA_PREFIX"}"#,
        ] {
            let found = activation(vec![(path.clone(), text.to_owned())]);
            assert_eq!((found.exports.len(), found.dynamic.len()), (0, 1), "{text}");
        }
    }

    /// What bash exports after it has read a script.
    fn sourced(script: &str) -> BTreeMap<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut bash = Command::new("/bin/bash");
        bash.args(["-c", "eval \"$1\"; exec /usr/bin/env -0", "bash", script]).current_dir(folder.path());
        let output = bash.env_clear().env("PATH", "/nonexistent").env("CONDA_PREFIX", "/p").output().unwrap();
        assert!(output.stderr.is_empty(), "{script:?}: {output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let variables = said.split('\0').filter_map(|line| line.split_once('='));
        let ours = variables.filter(|(name, _)| name.starts_with("V_"));
        ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
        #[test]
        fn bash_exports_what_is_read(
            values in prop::collection::vec(
                "[a-c]{0,3}|['\"]?[a-c'\"$`\\\\;&|(){}*?~# \t,.:!=\r\u{a0}\u{2028}é-]{0,6}['\"]?;?|['\"]?\\$\\{?CONDA_PREFIX\\}?/?[a-c$ ]{0,2}['\"]?",
                1..4,
            ),
        ) {
            let line = |(at, value): (usize, &String)| format!("export V_{at}={value}\n");
            let script: String = values.iter().enumerate().map(line).collect();
            let (found, is_static) = exports(&script);
            if is_static {
                let wanted = sourced(&script);
                let found = found.into_iter().map(|it| (it.name, it.value.replace("$CONDA_PREFIX", "/p")));
                prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), wanted, "{:?}", script);
            }
        }
    }
}
