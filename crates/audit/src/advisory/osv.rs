//! Advisories of OSV's form, version 1 (<https://ossf.github.io/osv-schema/>).

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::Deserialize;

use crate::Severity;
use crate::finding::{Cure, Found, Match};
use crate::subject::{Subject, Subjects};
use crate::version::Order;

/// An advisory: what of it is asked.
#[derive(Debug, Deserialize)]
pub(super) struct Advisory {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    /// What it was made of by another database: of one, it is that one's.
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    affected: Vec<Affected>,
    #[serde(default)]
    database_specific: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Score {
    score: String,
}

#[derive(Debug, Deserialize)]
struct Affected {
    #[serde(default)]
    package: Option<Named>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    ecosystem_specific: Option<serde_json::Value>,
    #[serde(default)]
    database_specific: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Range {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

/// One of the fields is there.
#[derive(Debug, Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// What an event is.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Introduced,
    Fixed,
    LastAffected,
}

impl Event {
    fn turn(&self) -> Option<(&str, Turn)> {
        let introduced = self.introduced.as_deref().map(|it| (it, Turn::Introduced));
        let fixed = self.fixed.as_deref().map(|it| (it, Turn::Fixed));
        introduced.or(fixed).or_else(|| Some((self.last_affected.as_deref()?, Turn::LastAffected)))
    }
}

/// What ranges say of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Affected(Cure),
    Unaffected,
    /// One of the versions is none.
    Unclear,
}

impl Advisory {
    /// What it says of an image's packages.
    pub(super) fn judge(&self, subjects: &Subjects, found: &mut Found) {
        if self.withdrawn.is_some() {
            return;
        }
        for affected in &self.affected {
            let Some(package) = &affected.package else { continue };
            let Some((order, subjects)) = subjects.of_osv(&package.ecosystem, &package.name) else {
                continue;
            };
            for subject in subjects {
                match affected.verdict(order, &subject.version) {
                    Verdict::Affected(cure) => found.matches.push(self.matched(affected, subject, cure)),
                    Verdict::Unclear => found.unclear.push((self.id.clone(), subject.id.clone())),
                    Verdict::Unaffected => {}
                }
            }
        }
    }

    fn matched(&self, affected: &Affected, subject: &Subject, cure: Cure) -> Match {
        let mut names: BTreeSet<String> = self.aliases.iter().cloned().collect();
        names.insert(self.id.clone());
        if let [one] = self.upstream.as_slice() {
            names.insert(one.clone());
        }
        let summary = self.summary.clone();
        let severity = self.severity(affected);
        Match {
            package: subject.id.clone(),
            version: subject.version.clone(),
            names,
            severity,
            summary,
            cure,
        }
    }

    /// By the vectors of CVSS 3 and 4, the worse of them; where there is none of these, by the database's own word.
    fn severity(&self, affected: &Affected) -> Severity {
        let vectors = affected.severity.iter().chain(&self.severity);
        let by_vector = vectors.filter_map(|it| Severity::of_vector(&it.score)).max();
        let specific = [&affected.ecosystem_specific, &affected.database_specific, &self.database_specific];
        let words = specific.into_iter().flatten().flat_map(|it| [it.get("severity"), it.get("urgency")]);
        let by_word = words.flatten().filter_map(serde_json::Value::as_str).map(Severity::of_word).max();
        by_vector.or(by_word).unwrap_or(Severity::Unknown)
    }
}

impl Affected {
    /// "Evaluation" of the specification: a version is affected that is listed, or that a range holds.
    fn verdict(&self, order: Order, version: &str) -> Verdict {
        let ranges = self.ranges.iter().filter(|it| it.kind == "ECOSYSTEM");
        let mut verdicts: Vec<Verdict> = ranges.map(|it| it.verdict(order, version)).collect();
        let same = |it: &String| it == version || order.compare(it, version) == Some(Ordering::Equal);
        if self.versions.iter().any(same) && !verdicts.iter().any(|it| matches!(it, Verdict::Affected(_))) {
            return Verdict::Affected(Cure::None);
        }
        // A version that is none cannot be held against those that are listed; and of commits alone no version can be told.
        let is_none = !self.versions.is_empty() && order.compare(version, version).is_none();
        let has_commits_alone = self.versions.is_empty() && verdicts.is_empty() && !self.ranges.is_empty();
        if is_none || has_commits_alone {
            verdicts.push(Verdict::Unclear);
        }
        // What one range says for sure counts for more than what of another cannot be told.
        verdicts.sort_by_key(|it| match it {
            Verdict::Affected(_) => 0,
            Verdict::Unclear => 1,
            Verdict::Unaffected => 2,
        });
        verdicts.into_iter().next().unwrap_or(Verdict::Unaffected)
    }
}

impl Range {
    /// The events in the order of their versions, whatever theirs is in the file: each that is not after the version turns it.
    fn verdict(&self, order: Order, version: &str) -> Verdict {
        let compare = |one: &str, other: &str| match (one, other) {
            // Before all versions.
            ("0", "0") => Some(Ordering::Equal),
            ("0", _) => Some(Ordering::Less),
            (_, "0") => Some(Ordering::Greater),
            _ => order.compare(one, other),
        };
        let mut events: Vec<(&str, Turn)> = self.events.iter().filter_map(Event::turn).collect();
        if events.iter().any(|(limit, _)| compare(limit, version).is_none()) {
            return Verdict::Unclear;
        }
        events.sort_by(|(one, _), (other, _)| compare(one, other).unwrap_or(Ordering::Equal));
        let is_affected = events.iter().fold(false, |is_affected, (limit, turn)| {
            match (turn, compare(limit, version).unwrap_or(Ordering::Greater)) {
                (Turn::Introduced, Ordering::Less | Ordering::Equal) => true,
                (Turn::Fixed, Ordering::Less | Ordering::Equal) | (Turn::LastAffected, Ordering::Less) => {
                    false
                }
                _ => is_affected,
            }
        });
        if is_affected { Verdict::Affected(self.cure(order, version)) } else { Verdict::Unaffected }
    }

    /// The first version behind this one in which it is fixed.
    fn cure(&self, order: Order, version: &str) -> Cure {
        let fixed = self.events.iter().filter_map(|it| it.fixed.as_deref());
        let behind = fixed.filter(|it| order.compare(it, version).is_some_and(Ordering::is_gt));
        let first = behind.reduce(|one, other| match order.compare(one, other) {
            Some(Ordering::Greater) => other,
            _ => one,
        });
        first.map_or(Cure::None, |it| Cure::Version(it.to_owned()))
    }
}
