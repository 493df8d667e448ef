//! What is left out of packages, by the rules that dpkg has for it (`dpkg(1)`, `--path-exclude`).

use globset::{GlobBuilder, GlobMatcher};
use imgbuild_layer::{EntryHead, EntryKind};
use imgbuild_lock::PathRule;

/// Manual pages and what else is only read by people. Everything of the list is left out of Debian's own minimal images.
const DOCUMENTATION: [&str; 5] = [
    "/usr/share/doc/*",
    "/usr/share/groff/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/man/*",
];

/// Translations of programs' messages. Locales themselves, such as `C.UTF-8`, stand elsewhere.
const LOCALES: &str = "/usr/share/locale/*";

/// The names of locales, which are no translation.
const LOCALE_NAMES: &str = "/usr/share/locale/locale.alias";

/// Licences ask to be passed on with what they are for.
const COPYRIGHT: &str = "/usr/share/doc/*/copyright";

/// What is to be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut<'a> {
    /// Documentation.
    pub documentation: bool,
    /// Translations.
    pub locales: bool,
    /// Globs over paths.
    pub exclude: Vec<&'a str>,
    /// Globs over paths that stay all the same.
    pub include: Vec<&'a str>,
}

impl LeftOut<'_> {
    /// The rules for dpkg: none where nothing is left out.
    pub fn rules(&self) -> Vec<PathRule> {
        let mut rules: Vec<PathRule> = Vec::new();
        let exclude = |glob: &str| PathRule::Exclude(glob.to_owned());
        let include = |glob: &str| PathRule::Include(glob.to_owned());
        if self.documentation {
            rules.extend(DOCUMENTATION.into_iter().map(exclude));
        }
        if self.locales {
            rules.extend([exclude(LOCALES), include(LOCALE_NAMES)]);
        }
        rules.extend(self.exclude.iter().copied().map(exclude));
        if rules.is_empty() {
            return rules;
        }
        for glob in self.include.iter().copied().chain([COPYRIGHT]) {
            // dpkg makes no folder that it leaves out, and fails at the first file in it.
            rules.extend(
                folders_above(glob)
                    .filter(|folder| excluded(&rules, folder))
                    .map(include)
                    .collect::<Vec<_>>(),
            );
            rules.push(include(glob));
        }
        rules
    }
}

/// The folders above what a glob matches, as far as it has no wildcard.
fn folders_above(glob: &str) -> impl Iterator<Item = &str> {
    let literal = glob.split(['*', '?', '[']).next().unwrap_or_default();
    literal.match_indices('/').map(|(end, _)| &literal[..end]).filter(|folder| !folder.is_empty())
}

/// Whether a folder of this path is left out.
fn excluded(rules: &[PathRule], folder: &str) -> bool {
    PathFilter::new(rules).is_ok_and(|filter| filter.says(folder))
}

/// Rules that can be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct PathFilter {
    rules: Vec<(PathRule, GlobMatcher)>,
}

impl PathFilter {
    pub(crate) fn new(rules: &[PathRule]) -> Result<Self, globset::Error> {
        let compile = |rule: &PathRule| {
            // As `fnmatch(3)` without flags: nothing is special about a slash, nor about a dot.
            let glob =
                GlobBuilder::new(rule.glob()).literal_separator(false).backslash_escape(false).build()?;
            Ok((rule.clone(), glob.compile_matcher()))
        };
        Ok(Self { rules: rules.iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// Whether the last rule that matches is one to exclude.
    fn says(&self, listed: &str) -> bool {
        let last = self.rules.iter().rev().find(|(_, glob)| glob.is_match(listed));
        matches!(last, Some((PathRule::Exclude(_), _)))
    }

    /// Whether the entry that an archive calls `listed` is left out: the last rule that matches says so.
    ///
    /// A folder or link that is left out stays where a rule may bring back something below it. That is known only as
    /// far as a glob has no wildcard, so more folders stay than need to: dpkg does the same.
    pub(crate) fn leaves_out(&self, listed: &str, head: &EntryHead) -> bool {
        if !self.says(listed) {
            return false;
        }
        let may_hold = |(rule, _): &(PathRule, GlobMatcher)| match rule {
            PathRule::Include(glob) => {
                let literal = glob.split(['*', '?', '[']).next().unwrap_or_default();
                listed.starts_with(literal.trim_end_matches('/'))
            }
            PathRule::Exclude(_) => false,
        };
        let is_way = matches!(head.kind, EntryKind::Directory | EntryKind::Symlink { .. });
        !(is_way && self.rules.iter().any(may_hold))
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_archive::{ImagePath, Owner};

    use super::*;

    fn left_out(rules: &[PathRule], path: &str, kind: EntryKind) -> bool {
        let head = EntryHead {
            path: ImagePath::from_absolute(path).unwrap(),
            kind,
            mode: 0o644,
            owner: Owner::ROOT,
            mtime: 0,
        };
        PathFilter::new(rules).unwrap().leaves_out(path, &head)
    }

    #[test]
    fn the_last_rule_counts_and_copyright_stays() {
        let given = LeftOut {
            documentation: true,
            locales: true,
            exclude: vec!["/usr/share/*", "/opt/?[a-c]"],
            include: vec!["/usr/share/zoneinfo/*"],
        };
        let rules = given.rules();
        let file = |path| left_out(&rules, path, EntryKind::File { size: 0 });
        let folder = |path| left_out(&rules, path, EntryKind::Directory);
        assert!(file("/usr/share/doc/a/README") && file("/usr/share/man/de/man1/a.1.gz"));
        assert!(file("/usr/share/icons/.hidden/x") && file("/opt/xb") && !file("/opt/xd"));
        assert!(!file("/usr/share/doc/a/copyright") && !file("/usr/share/doc/a/b/copyright"));
        assert!(!file("/usr/share/zoneinfo/UTC") && !file("/usr/bin/a"));
        assert!(!folder("/usr/share/doc/a/examples"), "it might hold a copyright file");
        assert!(folder("/usr/share/man/man1"));
        // dpkg would fail in a folder that it did not make.
        let given = LeftOut { include: vec!["/usr/share/man/man1/less*"], ..given };
        let shown: Vec<_> = given.rules().iter().rev().take(4).map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        path-include=/usr/share/doc/*/copyright
        path-include=/usr/share/doc
        path-include=/usr/share/man/man1/less*
        path-include=/usr/share/man/man1
        ");
        assert_eq!(LeftOut { include: vec!["/a"], ..LeftOut::default() }.rules(), []);
    }
}
