//! The packages that a suite has: `Packages`, fetched, verified and kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::archive::fetch::Fetch;
use crate::archive::index_error::IndexError;
use crate::archive::index_request::IndexRequest;
use crate::archive::suite::{Priority, Suite};
use crate::package::stanza::{field, paragraphs};
use crate::{MAIN_ARCHIVE, Relation, SECURITY_ARCHIVE, Version};

/// A package of the index, as far as choosing needs it.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) version: Version,
    /// Its whole stanza.
    pub(crate) record: String,
    pub(crate) archive: String,
    pub(crate) priority: Priority,
}

/// All packages of a suite with its updates and security fixes.
#[derive(Debug, Default)]
pub struct Index {
    texts: Vec<Text>,
    names: BTreeMap<String, Vec<Place>>,
    provided: BTreeMap<String, Vec<Place>>,
    essential: Vec<String>,
}

/// A `Packages` file.
#[derive(Debug)]
struct Text {
    archive: String,
    priority: Priority,
    text: String,
}

/// A stanza: which text, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    text: usize,
    start: usize,
    end: usize,
}

impl Index {
    /// Fetches and verifies the indexes of a suite.
    ///
    /// # Errors
    ///
    /// When one cannot be had or trusted.
    pub async fn fetch(request: &IndexRequest<'_>, fetch: &impl Fetch) -> Result<Self, IndexError> {
        let mut index = Self::default();
        for suite in suites(request) {
            let fetched = suite.fetch(request, fetch).await?;
            for text in fetched.texts {
                index.add(suite.archive, fetched.priority, text, &suite.name)?;
            }
        }
        index.retain_architecture(request.platform.architecture());
        Ok(index)
    }

    /// A flat repository has the packages of all architectures in one index.
    fn retain_architecture(&mut self, architecture: &str) {
        let texts = &self.texts;
        let fits = |place: &Place| {
            let found = field(&texts[place.text].text[place.start..place.end], "Architecture");
            found.is_none_or(|it| it == "all" || it == architecture)
        };
        for places in self.names.values_mut().chain(self.provided.values_mut()) {
            places.retain(&fits);
        }
        self.names.retain(|_, places| !places.is_empty());
    }

    /// Keeps of one package only what `fits`.
    pub(crate) fn retain(&mut self, name: &str, fits: impl Fn(&Candidate) -> bool) {
        let places = self.names.get(name).cloned().unwrap_or_default();
        let (kept, removed): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|place| self.candidate(*place).is_some_and(|it| fits(&it)));
        self.names.insert(name.to_owned(), kept);
        for places in self.provided.values_mut() {
            places.retain(|place| !removed.contains(place));
        }
    }

    /// Adds the packages of a `Packages` file.
    pub(crate) fn add(
        &mut self,
        archive: &str,
        priority: Priority,
        text: String,
        suite: &str,
    ) -> Result<(), IndexError> {
        let number = self.texts.len();
        let base = text.as_ptr() as usize;
        for paragraph in paragraphs(&text) {
            let start = paragraph.as_ptr() as usize - base;
            let place = Place { text: number, start, end: start + paragraph.len() };
            let Some(name) = field(paragraph, "Package") else {
                let what = format!("a stanza has no name: `{}`", paragraph.lines().next().unwrap_or(""));
                return Err(IndexError::Unreadable { suite: suite.to_owned(), what });
            };
            self.names.entry(name.to_owned()).or_default().push(place);
            let mut is_essential = false;
            for line in paragraph.lines() {
                if line == "Essential: yes" {
                    is_essential = true;
                } else if let Some(provides) = line.strip_prefix("Provides:") {
                    let provided = Relation::read_list(provides).map_err(|error| IndexError::Unreadable {
                        suite: suite.to_owned(),
                        what: format!("what the package `{name}` provides: {error}"),
                    })?;
                    for relation in provided.into_iter().flatten() {
                        self.provided.entry(relation.name).or_default().push(place);
                    }
                }
            }
            if is_essential {
                self.essential.push(name.to_owned());
            }
        }
        self.essential.sort();
        self.essential.dedup();
        self.texts.push(Text { archive: archive.to_owned(), priority, text });
        Ok(())
    }

    fn candidate(&self, place: Place) -> Option<Candidate> {
        let Text { archive, priority, text } = &self.texts[place.text];
        let record = &text[place.start..place.end];
        Some(Candidate {
            name: field(record, "Package")?.to_owned(),
            version: field(record, "Version")?.parse().ok()?,
            record: record.to_owned(),
            archive: archive.clone(),
            priority: *priority,
        })
    }

    /// The versions of a package in the order in which apt takes them: first by the priority of where they come from,
    /// then the highest version, then the archive that was added first.
    pub(crate) fn versions(&self, name: &str) -> Vec<Candidate> {
        let places = self.names.get(name).into_iter().flatten();
        let mut candidates: Vec<_> = places.filter_map(|place| self.candidate(*place)).collect();
        candidates.sort_by_cached_key(|it| Reverse((it.priority, it.version.clone())));
        candidates
    }

    /// The packages that provide `name`, in the order of the index.
    pub(crate) fn providers(&self, name: &str) -> Vec<Candidate> {
        self.provided.get(name).into_iter().flatten().filter_map(|place| self.candidate(*place)).collect()
    }

    /// The packages that every system has.
    pub(crate) fn essential(&self) -> &[String] {
        &self.essential
    }

    /// Every package's name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}

/// All suites that packages are taken from, Debian's own first.
fn suites<'a>(request: &IndexRequest<'a>) -> Vec<Suite<'a>> {
    let debian = |archive, end: &str| Suite {
        archive,
        root: request.mirror.archive(archive),
        name: format!("{}{end}", request.suite),
        components: request.components,
        keyring: request.keyring,
        // The updates and the security fixes have only the components in which there are any.
        may_lack_components: !end.is_empty(),
    };
    let own =
        [debian(MAIN_ARCHIVE, ""), debian(MAIN_ARCHIVE, "-updates"), debian(SECURITY_ARCHIVE, "-security")];
    let further = request.repositories.iter().map(|it| Suite {
        archive: it.repository.name.as_str(),
        root: &it.root,
        name: it.repository.suite.to_string(),
        components: &it.repository.components,
        keyring: &it.keyring,
        may_lack_components: false,
    });
    own.into_iter().chain(further).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_provided_must_be_readable() {
        let text = "Package: a\nVersion: 1\nProvides: b (1\n".to_owned();
        let error = Index::default().add(MAIN_ARCHIVE, Priority::Usual, text, "bookworm").unwrap_err();
        insta::assert_snapshot!(error, @"the index of the suite `bookworm` cannot be read: what the package `a` provides: `b (1` is not a relation between packages");
    }
}
