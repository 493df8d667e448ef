//! What uv says where it found nothing: sentences for people, of which single facts are read. What is not understood is left
//! to the people.

use std::collections::BTreeSet;

use pep440_rs::VersionSpecifiers;

use crate::choosing::dependency::Dependency;
use crate::wheel::filename::normalized;

/// What uv says.
#[derive(Debug, Clone)]
pub(crate) struct Explanation {
    text: String,
    required: Vec<RequiredProject>,
    to_build: BTreeSet<String>,
}

/// What a package requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequiredProject {
    /// The project that is required.
    pub(crate) name: String,
    /// Its versions.
    pub(crate) versions: VersionSpecifiers,
    /// Who requires it.
    pub(crate) by: String,
    /// Whether nothing else could be chosen: all its versions require it, or the one that is asked for.
    pub(crate) always: bool,
}

impl Explanation {
    /// Reads it.
    pub(crate) fn read(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut found: Vec<RequiredProject> = Vec::new();
        for (at, by) in words.iter().enumerate() {
            let (before, after) = words.split_at(at);
            let what = match after {
                [_, "depend" | "depends", "on", "one", "of:", ..] => continue,
                // The interpreter; projects are said in small letters.
                [_, "depend" | "depends", "on", what, ..] if what.starts_with("Python") => continue,
                [_, "depend" | "depends", "on", what, ..] => what,
                _ => continue,
            };
            let (Some(what), Some(requires)) = (dependency(what), dependency(by)) else { continue };
            let always = before.ends_with(&["all", "versions", "of"]) || is_required(&words, by);
            let versions = what.versions.unwrap_or_default();
            let new = RequiredProject { name: what.name, versions, by: requires.name, always };
            if !found.contains(&new) {
                found.push(new);
            }
        }
        let to_build = text.split("Wheels are required for `").skip(1);
        let to_build = to_build.filter_map(|rest| Some(normalized(rest.split_once('`')?.0))).collect();
        Self { text: text.to_owned(), required: found, to_build }
    }

    /// The whole of it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What packages require of others, in the order in which it is said.
    pub(crate) fn required(&self) -> &[RequiredProject] {
        &self.required
    }

    /// The projects of which it would have to build one.
    pub(crate) fn to_build(&self) -> &BTreeSet<String> {
        &self.to_build
    }

    /// Whether it speaks of a project's versions with these limits among them.
    pub(crate) fn speaks_of(&self, name: &str, versions: &VersionSpecifiers) -> bool {
        self.text.split_whitespace().filter_map(dependency).any(|it| {
            let said = it.versions.unwrap_or_default();
            it.name == name && versions.iter().all(|limit| said.iter().any(|it| it == limit))
        })
    }
}

/// Whether a user requires exactly this.
fn is_required(words: &[&str], what: &str) -> bool {
    let mut required = words.windows(3).filter(|it| it.starts_with(&["you", "require"]));
    required.any(|it| it[2].trim_end_matches([',', '.']) == what)
}

/// A word that names a project, with its versions where it has some.
fn dependency(word: &str) -> Option<Dependency> {
    word.trim_end_matches([',', '.', ':']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let line = |it: &RequiredProject| format!("{} -> {}{} {}", it.by, it.name, it.versions, it.always);
        Explanation::read(text).required().iter().map(line).collect()
    }

    #[test]
    fn what_packages_require_is_read() {
        for (text, wanted) in [
            (
                "Because all versions of a-b depend on C.D>=2,<3 and you require a-b, we can",
                &["a-b -> c-d>=2, <3 true"][..],
            ),
            ("Because a==1.0 depends on b and a==2.0 depends on b>1,", &["a -> b false", "a -> b>1 false"]),
            ("a==1.0 depends on b and you require a==1.0, we", &["a -> b true"]),
            ("Because x==4.0 depends on Python>=3.13 and you require x==4.0, we", &[]),
            ("a==1 depends on one of:\n    b<1\n    b>2", &[]),
            ("any of:\n  a[x]==1\n  a[x]==2\n depend on b[y]==1+local.", &["a -> b==1+local false"]),
            ("this does not depend", &[]),
            ("depends on", &[]),
            ("", &[]),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
        let said = Explanation::read("Wheels are required for `A.b` because Wheels are required for `c");
        assert_eq!(said.to_build().iter().collect::<Vec<_>>(), ["a-b"]);
    }

    #[test]
    fn limits_are_found_among_versions() {
        let said = Explanation::read("all versions of a depend on b>=2,<3, and c<2, we can conclude");
        let versions = |text: &str| text.parse::<VersionSpecifiers>().unwrap();
        assert!(said.speaks_of("b", &versions("<3")) && said.speaks_of("c", &versions("<2")));
        assert!(!said.speaks_of("b", &versions("<2")) && !said.speaks_of("d", &versions("<3")));
    }
}
