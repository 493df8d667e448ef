//! `imgbuild audit`.

use imgbuild_audit::{Cure, Finding, Report, audit};
use imgbuild_inventory::{Inventory, PackageId};
use serde_json::{Value, json};

use super::opening::in_background;
use super::why::{Asked, is_spec, json_of, named, packages};
use super::{print, print_json};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::judging_arguments::AuditArguments;
use crate::words::{shortened, table};

/// How much of a vulnerability's summary is shown.
const SUMMARY: usize = 80;

/// An image that is not to be used as it is.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum AuditFailure {
    /// Vulnerabilities; they were printed.
    #[error("`{image}` has {} of severity {severity} or worse", counted(*count))]
    Vulnerable {
        image: String,
        count: usize,
        severity: imgbuild_audit::Severity,
        #[help]
        help: Option<String>,
    },
}

/// What is to be done where other versions cure some of those that are too many, or all: they are told in a list that people read, and a spec's
/// lock takes them.
fn upgrading(cured: &[bool], is_listed: bool, is_spec: bool) -> Option<String> {
    if !cured.contains(&true) {
        return None;
    }
    let them = if cured.contains(&false) { "some of them" } else { "them" };
    let told = if is_listed {
        format!("the versions that cure {them} stand above")
    } else {
        format!("`fixed` says which versions cure {them}")
    };
    Some(if is_spec { format!("{told}; `imgbuild lock --upgrade PACKAGE` takes them") } else { told })
}

/// Of each that is so severe, whether a version without it is known. Others of its package may have none.
fn cured(report: &Report, severity: imgbuild_audit::Severity) -> Vec<bool> {
    report.at_least(severity).map(|it| matches!(it.cure, Cure::Version(_))).collect()
}

fn counted(count: usize) -> String {
    if count == 1 { "1 vulnerability".to_owned() } else { format!("{count} vulnerabilities") }
}

pub(crate) async fn run(arguments: &AuditArguments, global: &Global) -> Result<(), Failure> {
    let asked = packages(&arguments.image, global).await?;
    let places = arguments.advisories.clone();
    let judged = in_background(move || {
        let one = |it: Asked| Ok((it.name, audit(&it.inventory, &places)?, it.inventory));
        asked.into_iter().map(one).collect::<Result<Vec<_>, Failure>>()
    });
    let judged = judged.await?;
    if arguments.json {
        let values = judged.iter().map(|(name, report, of)| (name.clone(), as_json(report, of)));
        print_json(&json_of(values.collect()))?;
    } else {
        let texts = judged.iter().map(|(name, report, of)| (name.clone(), text(report, of)));
        print(&named(texts.collect()))?;
    }
    let Some(severity) = arguments.limit() else { return Ok(()) };
    let cured: Vec<bool> = judged.iter().flat_map(|(_, report, _)| cured(report, severity)).collect();
    match cured.len() {
        0 => Ok(()),
        count => {
            let image = arguments.image.image.clone();
            let help = upgrading(&cured, !arguments.json, is_spec(&image));
            Err(AuditFailure::Vulnerable { image, count, severity, help }.into())
        }
    }
}

fn text(report: &Report, inventory: &Inventory) -> String {
    let row = |it: &Finding| {
        let cure = match &it.cure {
            Cure::Version(version) => format!("fixed in {version}"),
            Cure::None => "no fix is known".to_owned(),
        };
        vec![it.severity.to_string(), it.id.clone(), format!("{} {}", it.package, it.version), cure]
    };
    let mut text = String::new();
    for finding in &report.findings {
        text.push_str(&format!("{}\n", row(finding).join("  ")));
        let summary = finding.summary.iter().map(|it| format!("    {}\n", shortened(it, SUMMARY)));
        text.extend(summary);
    }
    let cures = report.cures();
    if !cures.is_empty() {
        text.push_str("\nwhat cures them\n");
        let rows: Vec<Vec<String>> = cures.iter().map(|(id, cure)| cure_row(id, cure, inventory)).collect();
        text.push_str(&table(&rows));
    }
    for (id, package) in &report.unclear {
        text.push_str(&format!(
            "unclear: whether {package} has {id}: the advisory's versions cannot be compared\n"
        ));
    }
    let Report { findings, judged, nameless, advisories, .. } = report;
    let found = if findings.is_empty() { "no vulnerability".to_owned() } else { counted(findings.len()) };
    text.push_str(&format!("{found} of {judged} packages, by {advisories} advisories"));
    if !nameless.is_empty() {
        text.push_str(&format!("; no database is about {} more", nameless.len()));
    }
    text.push('\n');
    text
}

fn cure_row(id: &PackageId, cure: &Cure, inventory: &Inventory) -> Vec<String> {
    let now = inventory.get(id).map(|it| it.version.clone()).unwrap_or_default();
    let cure = match cure {
        Cure::Version(version) => format!("{now} -> {version}"),
        Cure::None => format!("{now}, of which no version without them is known"),
    };
    vec![id.to_string(), cure]
}

fn as_json(report: &Report, inventory: &Inventory) -> Value {
    let cure = |cure: &Cure| match cure {
        Cure::Version(version) => Some(version.clone()),
        Cure::None => None,
    };
    let finding = |it: &Finding| {
        json!({
            "id": it.id,
            "aliases": it.aliases,
            "severity": it.severity.as_str(),
            "package": it.package,
            "version": it.version,
            "fixed": cure(&it.cure),
            "summary": it.summary,
        })
    };
    let upgrade = |(id, needed): (&PackageId, Cure)| json!({ "package": id, "version": inventory.get(id).map(|it| &it.version), "cured-by": cure(&needed) });
    let unclear = report.unclear.iter().map(|(id, package)| json!({ "id": id, "package": package }));
    json!({
        "vulnerabilities": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "upgrades": report.cures().into_iter().map(upgrade).collect::<Vec<_>>(),
        "unclear": unclear.collect::<Vec<_>>(),
        "packages": report.judged,
        "nameless": report.nameless,
        "advisories": report.advisories,
    })
}
