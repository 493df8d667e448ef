//! `imgbuild doctor`.

use std::process::ExitCode;

use imgbuild_doctor::{Finding, Surroundings, Verdict, examine, too_few_threads};
use miette::Diagnostic;
use serde_json::{Value, json};

use super::{environment, print, print_json};
use crate::arguments::DoctorArguments;
use crate::failure::Failure;

pub(crate) async fn run(arguments: &DoctorArguments) -> Result<ExitCode, Failure> {
    let mut surroundings = Surroundings::new("/", environment());
    surroundings.spec.clone_from(&arguments.spec);
    surroundings.offline = arguments.offline;
    told(&examine(surroundings).await, arguments.json)
}

/// What is left to say where not even the threads of a build can be made.
pub(crate) fn without_threads(arguments: &DoctorArguments, error: &dyn Diagnostic) -> ExitCode {
    told(&[too_few_threads(error)], arguments.json).unwrap_or_else(|failure| {
        failure.print();
        ExitCode::FAILURE
    })
}

/// Prints the findings, and says how the program ends.
fn told(findings: &[Finding], json: bool) -> Result<ExitCode, Failure> {
    let healthy = !findings.iter().any(Finding::hinders);
    if json {
        print_json(&json!({
            "healthy": healthy,
            "version": env!("CARGO_PKG_VERSION"),
            "findings": findings.iter().map(as_json).collect::<Vec<_>>(),
        }))?;
    } else {
        print(&listed(findings))?;
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_json(finding: &Finding) -> Value {
    json!({
        "area": finding.area.as_str(),
        "what": finding.what,
        "verdict": finding.verdict.as_str(),
        "found": finding.found,
        "remedies": finding.remedies,
        "needed": finding.needed,
        "milliseconds": finding.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
    })
}

fn listed(findings: &[Finding]) -> String {
    let mut text = String::new();
    let mut area = None;
    for finding in findings {
        if area != Some(finding.area) {
            text.push_str(if area.is_none() { "" } else { "\n" });
            text.push_str(&format!("{}\n", finding.area.as_str()));
            area = Some(finding.area);
        }
        text.push_str(&line(finding));
    }
    format!("{text}\n{}\n", conclusion(findings))
}

/// One finding: what people must not overlook stands at its beginning.
fn line(finding: &Finding) -> String {
    let Finding { what, found, remedies, .. } = finding;
    let mark = if finding.hinders() { "!" } else { " " };
    let indented = |text: &str| text.replace('\n', "\n             ");
    let mut text = format!("{mark} {:8} {what}: {}\n", finding.verdict.as_str(), indented(found));
    let has_remedy = finding.verdict != Verdict::Fine;
    for remedy in remedies.iter().filter(|_| has_remedy) {
        text.push_str(&format!("           -> {}\n", indented(remedy)));
    }
    text
}

fn conclusion(findings: &[Finding]) -> String {
    let hindering: Vec<&str> =
        findings.iter().filter(|finding| finding.hinders()).map(|finding| finding.what.as_str()).collect();
    match hindering.as_slice() {
        [] => "all is fine that builds need".to_owned(),
        [only] => format!("one thing is not fine that builds need: {only}"),
        all => format!("{} things are not fine that builds need: {}", all.len(), all.join(", ")),
    }
}
