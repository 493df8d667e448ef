//! `conda-lock.yml`, version 1: what conda-lock writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imgbuild_document::{Literal, Located, Node, Origin, Problem, Source, suggest};
use serde::Deserialize;

use crate::channel_key::channels;
use crate::choice::Choice;
use crate::environment::Environment;
use crate::listed::Entry;
use crate::lock_format::LockFormat;
use crate::locked::{ArchiveUrl, Content, LockedArchive, LockedList, OtherLock, Platforms, problem};
use crate::mistake::EnvironmentMistake;
use crate::subdir::platform;
use crate::versioned;

/// The version that is read: there is no other one yet.
const VERSION: u64 = 1;
/// The categories that `conda-lock install` takes where nothing else is said.
const DEFAULT: [&str; 2] = ["main", "dev"];

/// A lock of conda-lock, before it is known which of its categories are wanted.
#[derive(Debug)]
pub struct CondaLock {
    source: Source,
    document: Document,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Document {
    metadata: Metadata,
    package: Vec<Located<PackageTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Metadata {
    channels: Vec<crate::channel_key::ChannelKey>,
    platforms: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct PackageTable {
    name: Literal,
    version: Option<Literal>,
    manager: String,
    platform: String,
    url: String,
    #[serde(default)]
    hash: Hash,
    category: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename = "imgbuild::Open")]
struct Hash {
    md5: Option<Literal>,
    sha256: Option<Literal>,
}

pub(crate) fn read(source: &Source, root: &Node) -> Result<CondaLock, Vec<Problem>> {
    let hint = |_| "take a newer imgbuild, or lock with an older conda-lock";
    let document = versioned::read(source, root, VERSION..=VERSION, hint)?;
    Ok(CondaLock { source: Source::clone(source), document })
}

impl CondaLock {
    /// The categories that are chosen, or the default ones, of the lock that is at `path` beside the spec. `asked` is where
    /// the file was named.
    pub(crate) fn choose(
        &self,
        choice: &Choice,
        path: &str,
        asked: &Origin,
    ) -> Result<Environment, Vec<Problem>> {
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        let wanted = match &choice.categories {
            None => DEFAULT.map(str::to_owned).to_vec(),
            Some(chosen) => {
                self.check_categories(chosen)?;
                chosen.iter().map(|(category, _)| category.clone()).collect()
            }
        };
        let mut contents = BTreeMap::new();
        for name in &self.document.metadata.platforms {
            if let Some(platform) = platform(name) {
                contents.insert(platform, self.content(name, folder, &wanted));
            }
        }
        let lock = OtherLock {
            format: LockFormat::CondaLock,
            file: self.source.name().to_owned(),
            origin: asked.clone(),
            platforms: Platforms::Of(contents, self.document.metadata.platforms.clone()),
        };
        Ok(Environment::locked(lock, channels(&self.document.metadata.channels, &self.source)?))
    }

    fn check_categories(&self, chosen: &[(String, Origin)]) -> Result<(), Vec<Problem>> {
        let known: BTreeSet<&str> =
            self.document.package.iter().map(|package| package.value.category()).collect();
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let unknown = chosen.iter().filter(|(category, _)| !known.contains(category));
        let problems: Vec<Problem> = unknown
            .map(|(category, origin)| {
                let mistake = EnvironmentMistake::NoCategory {
                    file: self.source.name().to_owned(),
                    category: category.clone(),
                };
                let problem = Problem::new(mistake).at(origin.source(), origin.span(), "asked for here");
                problem.hint(suggest::for_value(category, &known))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn content(&self, platform: &str, folder: &Path, categories: &[String]) -> Result<Content, Problem> {
        let mut content = Content::empty();
        let mut archives = Vec::new();
        // A package of two categories is listed once for each.
        let mut seen = BTreeSet::new();
        for package in &self.document.package {
            let PackageTable { name, version, manager, url, hash, .. } = &package.value;
            let wanted = package.value.platform == platform
                && categories.iter().any(|category| category == package.value.category());
            // Virtual packages are listed for conda-lock's own sake.
            if !wanted || name.0.starts_with("__") || !seen.insert((manager, url)) {
                continue;
            }
            let origin = Origin::new(&self.source, package.span.clone(), package.key.clone());
            let problem = |message: String| problem(&self.source, package.span.clone(), message);
            match manager.as_str() {
                "conda" => {
                    let hashes = crate::md5::hashes(hash.sha256.as_ref(), hash.md5.as_ref());
                    let (sha256, md5) = hashes.map_err(problem)?;
                    let url = ArchiveUrl::read(url).map_err(problem)?;
                    archives.push(LockedArchive { url, sha256, md5, size: None, origin });
                }
                "pip" => {
                    let entry = Entry {
                        name: Some(name.0.as_str()),
                        version: version.as_ref().map(|version| version.0.as_str()),
                        location: url,
                        sha256: hash.sha256.as_ref(),
                        md5: hash.md5.as_ref(),
                        size: None,
                        editable: false,
                    };
                    content.pypi(&entry, folder, origin).map_err(problem)?;
                }
                other => return Err(problem(format!("`{other}` is no package manager that is known here"))),
            }
        }
        content.packages = LockedList::Archives(archives);
        Ok(content)
    }
}

impl PackageTable {
    fn category(&self) -> &str {
        self.category.as_deref().unwrap_or(DEFAULT[0])
    }
}
