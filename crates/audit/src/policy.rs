//! Packages under licences that a spec does not allow, as people are told of them.

use std::collections::BTreeMap;

use imgbuild_document::Snippet;
use imgbuild_inventory::Inventory;
use imgbuild_licence::{AllowedLicences, Objection};
use imgbuild_spec::{ExceptedPackage, Licences};

use crate::licences::{LicenceFinding, judge_licences};

/// How much of a licence's name is shown.
const NAME: usize = 60;

/// How many packages are named in an error.
const NAMED: usize = 20;

/// How many licences of one package are named in it.
const SOME: usize = 4;

/// Packages whose licences a spec does not allow.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} under licences that are not allowed:\n{}", counted(*.count, .image.as_deref()), lines.join("\n"))]
#[diagnostic(help(
    "allow the licence, or except the package with a reason: `except = {{ \"{first}\" = \"…\" }}`"
))]
pub struct NotAllowed {
    count: usize,
    image: Option<String>,
    first: String,
    lines: Vec<String>,
    #[related]
    place: [Snippet; 1],
}

/// What a spec's rules say of the packages of an image.
#[derive(Debug)]
pub struct Judgement<'a> {
    /// The packages that they do not allow.
    pub findings: Vec<LicenceFinding>,
    /// The exceptions that name no package.
    pub unused: Vec<&'a ExceptedPackage>,
}

impl<'a> Judgement<'a> {
    /// What rules say of the packages of an image.
    pub fn new(rules: &'a Licences, inventory: &Inventory) -> Self {
        let allowed = AllowedLicences(rules.allow.clone());
        let named = |it: &ExceptedPackage| (it.package.to_string(), it.reason.to_string());
        let exceptions: BTreeMap<String, String> = rules.except.iter().map(named).collect();
        let (findings, unused) = judge_licences(inventory, &allowed, &exceptions);
        let unused = rules.except.iter().filter(|it| unused.contains(&it.package.as_str())).collect();
        Self { findings, unused }
    }

    /// The same without what is not known: what a lock does not say, files may.
    #[must_use]
    pub fn of_what_is_said(mut self) -> Self {
        self.findings.retain(|it| it.objection != Objection::Unsaid);
        self
    }

    /// What is not allowed, as an error; `image` is what the image is called, where several could be meant.
    ///
    /// # Errors
    ///
    /// When a package is not allowed.
    pub fn check(&self, rules: &Licences, image: Option<String>) -> Result<(), Box<NotAllowed>> {
        let Some(first) = self.findings.first() else { return Ok(()) };
        let count = self.findings.len();
        let mut lines: Vec<String> = self.findings.iter().take(NAMED).map(line).collect();
        lines.extend((count > NAMED).then(|| format!("  and {} more", count - NAMED)));
        let place = [rules.origin.snippet("what is allowed", "here")];
        Err(Box::new(NotAllowed { count, image, first: first.package.short(), lines, place }))
    }
}

fn counted(count: usize, image: Option<&str>) -> String {
    let of = image.map(|image| format!(" of `{image}`")).unwrap_or_default();
    if count == 1 { format!("1 package{of} is") } else { format!("{count} packages{of} are") }
}

fn line(finding: &LicenceFinding) -> String {
    let licence = finding.licence.as_deref().map(shortened).unwrap_or_default();
    let why = match &finding.objection {
        Objection::Unsaid => "it does not say which".to_owned(),
        Objection::Unclear => format!("`{licence}`, which could be any of several"),
        Objection::Forbidden(forbidden) if forbidden.join("") == licence => format!("`{licence}`"),
        Objection::Forbidden(forbidden) => format!("`{licence}`: not {}", some(forbidden)),
    };
    format!("  {}: {why}", finding.package)
}

/// How a name begins that would fill lines, in one line.
fn shortened(name: &str) -> String {
    let name = &name.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// The first of many.
fn some(names: &[String]) -> String {
    let named =
        names.iter().take(SOME).map(|it| format!("`{}`", shortened(it))).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SOME);
    if more > 0 { format!("{named} and {more} more") } else { named }
}
