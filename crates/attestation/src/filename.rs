//! Whether two names of files mean one distribution. An attestation may name it as its author wrote it ("Binary distribution format",
//! "Source distribution format").

use std::collections::BTreeSet;
use std::str::FromStr;

use imgbuild_python::normalized;
use pep440_rs::Version;

/// What the name of a file says.
#[derive(PartialEq, Eq)]
struct Name<'a> {
    project: String,
    version: Version,
    /// The number of the build, which is empty where there is none.
    build: &'a str,
    /// The tags of a wheel: Pythons, ABIs, platforms.
    tags: Vec<BTreeSet<&'a str>>,
}

/// Whether both mean one distribution.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one == other || matches!((read(one), read(other)), (Some(one), Some(other)) if one == other)
}

fn read(name: &str) -> Option<Name<'_>> {
    if let Some(stem) = name.strip_suffix(".whl") {
        let parts: Vec<&str> = stem.split('-').collect();
        let (project, version, build, tags) = match parts.as_slice() {
            [project, version, tags @ ..] if tags.len() == 3 => (project, version, "", tags),
            [project, version, build, tags @ ..] if tags.len() == 3 => (project, version, *build, tags),
            _ => return None,
        };
        let tags = tags.iter().map(|tags| tags.split('.').collect()).collect();
        return Some(Name {
            project: normalized(project),
            version: Version::from_str(version).ok()?,
            build,
            tags,
        });
    }
    let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".zip"))?;
    let (project, version) = stem.rsplit_once('-')?;
    let (project, version) = (normalized(project), Version::from_str(version).ok()?);
    Some(Name { project, version, build: if name.ends_with(".zip") { "zip" } else { "" }, tags: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn names_of_one_distribution_are_the_same() {
        let wheel = "spt3g-1.0-cp310-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.whl";
        for other in [wheel, "SPT3G-1.0.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"] {
            assert!(is_same(wheel, other), "{other}");
        }
        assert!(is_same("a_b-1.0.tar.gz", "A.B-1.0.0.tar.gz"));
        let others = [
            "spt3g-1.1-cp310-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "spt3g-1.0-1-cp310-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "spt3g-1.0-cp310-cp310-manylinux2014_x86_64.whl",
            "spt3g-1.0-cp311-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "spt3g-1.0.tar.gz",
            "spt3g.whl",
            "",
        ];
        assert!(others.iter().all(|other| !is_same(wheel, other)));
        assert!(!is_same("a-1.tar.gz", "a-1.zip"));
    }
}
