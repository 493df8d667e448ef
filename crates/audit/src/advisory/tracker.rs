//! Debian's security tracker, as it publishes all that it knows (`https://security-tracker.debian.org/tracker/data/json`).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Severity;
use crate::finding::{Cure, Found, Match};
use crate::subject::{Subject, Subjects};
use crate::version::Order;

/// Vulnerabilities by source packages and their names.
pub(super) type Tracker = BTreeMap<String, BTreeMap<String, Issue>>;

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    #[serde(default)]
    description: Option<String>,
    /// By the code names of releases.
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Debug, Deserialize)]
struct Release {
    /// `open`, `resolved` or `undetermined`.
    status: String,
    /// `0` where the release never had it.
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
}

/// What the tracker says of an image's packages.
pub(super) fn judge(tracker: &Tracker, subjects: &Subjects, found: &mut Found) {
    let release = subjects.release.as_ref().filter(|it| it.id == "debian");
    let Some(release) = release.and_then(|it| it.codename.as_deref()) else { return };
    for (name, subjects) in &subjects.system {
        for (id, issue) in tracker.get(name).into_iter().flatten() {
            let Some(state) = issue.releases.get(release) else { continue };
            for subject in subjects {
                judge_one(id, issue, state, subject, found);
            }
        }
    }
}

fn judge_one(id: &str, issue: &Issue, state: &Release, subject: &Subject, found: &mut Found) {
    let cure = match (state.status.as_str(), state.fixed_version.as_deref()) {
        ("resolved", Some("0")) => return,
        ("resolved", Some(fixed)) => match Order::Debian.compare(&subject.version, fixed) {
            Some(Ordering::Less) => Cure::Version(fixed.to_owned()),
            Some(_) => return,
            None => return found.unclear.push((id.to_owned(), subject.id.clone())),
        },
        ("open", _) => Cure::None,
        _ => return found.unclear.push((id.to_owned(), subject.id.clone())),
    };
    found.matches.push(Match {
        package: subject.id.clone(),
        version: subject.version.clone(),
        names: [id.to_owned()].into(),
        severity: state.urgency.as_deref().map_or(Severity::Unknown, Severity::of_word),
        summary: issue.description.as_deref().map(first_line),
        cure,
    });
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}
