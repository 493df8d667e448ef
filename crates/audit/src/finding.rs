//! What an audit finds.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_inventory::PackageId;

use crate::Severity;
use crate::version::Order;

/// What becomes of a vulnerability where a package is upgraded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cure {
    /// It is gone from this version on.
    Version(String),
    /// No version without it is known.
    None,
}

/// A vulnerability of one of an image's packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The package.
    pub package: PackageId,
    /// Its version, by the name that the advisory knows it under.
    pub version: String,
    /// The vulnerability: its CVE, or what the database calls it.
    pub id: String,
    /// What else it is called.
    pub aliases: Vec<String>,
    /// How bad it is, by whoever says the worst.
    pub severity: Severity,
    /// What it is, in a line.
    pub summary: Option<String>,
    /// What cures it.
    pub cure: Cure,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The vulnerabilities, the worst first.
    pub findings: Vec<Finding>,
    /// Vulnerabilities of which it cannot be told whether a package has them, as `ID` and the package.
    pub unclear: Vec<(String, PackageId)>,
    /// How many packages were held against advisories.
    pub judged: usize,
    /// Those that no database is about.
    pub nameless: Vec<PackageId>,
    /// How many advisories were read.
    pub advisories: usize,
}

impl Report {
    /// Those that are as bad as this or worse. Of one whose severity nobody says it is not known to be harmless: it counts as low.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |it| it.severity.max(Severity::Low) >= severity)
    }

    /// The version that a package must have to be rid of all that is known of it; nothing where no version is known to be.
    pub fn cures(&self) -> BTreeMap<&PackageId, Cure> {
        let mut cures: BTreeMap<&PackageId, Cure> = BTreeMap::new();
        for finding in &self.findings {
            let order = order(&finding.package);
            let needed = match (cures.remove(&finding.package), &finding.cure) {
                (None, cure) => cure.clone(),
                (Some(Cure::None), _) | (_, Cure::None) => Cure::None,
                (Some(Cure::Version(one)), Cure::Version(other)) => Cure::Version(later(order, &one, other)),
            };
            cures.insert(&finding.package, needed);
        }
        cures
    }
}

/// The order of the versions that advisories of a package have.
fn order(package: &PackageId) -> Order {
    match package.kind {
        imgbuild_inventory::Kind::Debian => Order::Debian,
        imgbuild_inventory::Kind::Apk => Order::Apk,
        _ => Order::Python,
    }
}

fn later(order: Order, one: &str, other: &str) -> String {
    let is_less = order.compare(one, other).is_some_and(std::cmp::Ordering::is_lt);
    if is_less { other.to_owned() } else { one.to_owned() }
}

/// What one database says of one package.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    pub(crate) package: PackageId,
    pub(crate) version: String,
    pub(crate) names: BTreeSet<String>,
    pub(crate) severity: Severity,
    pub(crate) summary: Option<String>,
    pub(crate) cure: Cure,
}

/// What is found while files are read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) matches: Vec<Match>,
    pub(crate) unclear: Vec<(String, PackageId)>,
    pub(crate) advisories: usize,
}

/// Findings of what several databases say: those of one package that share a name are one.
pub(crate) fn folded(matches: Vec<Match>) -> Vec<Finding> {
    let mut groups: Vec<Match> = Vec::new();
    for mut found in matches {
        // Whatever shares a name with it becomes part of it, so that two groups that it joins are one.
        let (joined, others): (Vec<Match>, Vec<Match>) = groups
            .into_iter()
            .partition(|it| it.package == found.package && !it.names.is_disjoint(&found.names));
        for it in joined {
            found = join(it, found);
        }
        groups = others;
        groups.push(found);
    }
    let mut findings: Vec<Finding> = groups.into_iter().map(finding).collect();
    findings.sort_by(|one, other| {
        let key = |it: &Finding| (std::cmp::Reverse(it.severity), it.package.clone(), it.id.clone());
        key(one).cmp(&key(other))
    });
    findings
}

fn join(one: Match, other: Match) -> Match {
    let order = order(&one.package);
    let cure = match (one.cure, other.cure) {
        (Cure::Version(one), Cure::Version(other)) => Cure::Version(later(order, &one, &other)),
        // One database knows the fix, another does not yet.
        (Cure::Version(version), Cure::None) | (Cure::None, Cure::Version(version)) => Cure::Version(version),
        (Cure::None, Cure::None) => Cure::None,
    };
    Match {
        names: one.names.into_iter().chain(other.names).collect(),
        severity: one.severity.max(other.severity),
        summary: one.summary.or(other.summary),
        cure,
        package: one.package,
        version: one.version,
    }
}

fn finding(found: Match) -> Finding {
    let rank = |it: &String| {
        let begins = ["CVE-", "GHSA-", "PYSEC-", "DSA-", "DLA-", "USN-"];
        (begins.iter().position(|begin| it.starts_with(begin)).unwrap_or(begins.len()), it.clone())
    };
    let mut names: Vec<String> = found.names.into_iter().collect();
    names.sort_by_key(rank);
    let mut names = names.into_iter();
    Finding {
        package: found.package,
        version: found.version,
        id: names.next().unwrap_or_default(),
        aliases: names.collect(),
        severity: found.severity,
        summary: found.summary,
        cure: found.cure,
    }
}
