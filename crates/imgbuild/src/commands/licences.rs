//! `imgbuild licenses`.

use std::collections::BTreeMap;
use std::path::Path;

use imgbuild_audit::{LicenceFinding, judge_licences};
use imgbuild_document::{Origin, Snippet};
use imgbuild_image::whole_inventory;
use imgbuild_inventory::Inventory;
use imgbuild_licence::{AllowedLicences, Objection};
use imgbuild_locking::Purpose;
use imgbuild_spec::Licences;
use serde_json::{Value, json};

use super::opening::{Looked, in_background, open};
use super::{host, print, print_json, read_spec};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::judging_arguments::LicencesArguments;
use crate::output::say;
use crate::shown::cleaned;
use crate::words::{shortened, table};

/// How much of a licence's name is shown.
const NAME: usize = 60;

/// How many packages are named in an error.
const NAMED: usize = 20;

/// How many licences of one package are named in it.
const SOME: usize = 4;

/// Packages whose licences a spec does not allow.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{} under licences that are not allowed:\n{}", counted(*.count), lines.join("\n"))]
#[diagnostic(help(
    "allow the licence, or except the package with a reason: `except = {{ \"{first}\" = \"…\" }}`"
))]
struct NotAllowed {
    count: usize,
    first: String,
    lines: Vec<String>,
    #[related]
    place: [Snippet; 1],
}

fn counted(count: usize) -> String {
    if count == 1 { "1 package is".to_owned() } else { format!("{count} packages are") }
}

pub(crate) async fn run(arguments: &LicencesArguments, global: &Global) -> Result<(), Failure> {
    let rules = rules(arguments)?;
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let inventory = in_background(move || Ok(whole_inventory(&opened, &store)?)).await?;
    let judged = rules.as_ref().map(|rules| judged(rules, &inventory));
    let problems = judged.map(|(problems, unused)| {
        if !global.quiet {
            let notes = unused.iter().map(|(name, origin)| {
                format!("note: no package is `{name}`, which {}:{} excepts\n", origin.file(), origin.line())
            });
            say(&cleaned(&notes.collect::<String>()));
        }
        problems
    });
    if arguments.json {
        print_json(&as_json(&inventory, problems.as_deref()))?;
    } else {
        print(&text(&inventory))?;
    }
    match (problems, &rules) {
        (Some(findings), Some(rules)) if !findings.is_empty() => Err(failure(&findings, rules).into()),
        _ => Ok(()),
    }
}

/// What the spec allows, where it is one and says it. Of its variants all say the same but for the words that the matrix replaces.
fn rules(arguments: &LicencesArguments) -> Result<Option<Licences>, Failure> {
    let path = Path::new(&arguments.image.image);
    if path.extension().is_none_or(|it| it != "toml") || !path.is_file() {
        return Ok(None);
    }
    let platform = match arguments.image.platform {
        Some(platform) => platform,
        None => host()?,
    };
    let (_, variants) = read_spec(path, Purpose::Build)?;
    let variant = variants.into_iter().find(|it| it.platform == platform);
    Ok(variant.and_then(|it| it.licences))
}

type Unused<'a> = Vec<(&'a str, &'a Origin)>;

fn judged<'a>(rules: &'a Licences, inventory: &Inventory) -> (Vec<LicenceFinding>, Unused<'a>) {
    let allowed = AllowedLicences(rules.allow.clone());
    let named = |it: &imgbuild_spec::ExceptedPackage| (it.package.to_string(), it.reason.to_string());
    let exceptions: BTreeMap<String, String> = rules.except.iter().map(named).collect();
    let (findings, unused) = judge_licences(inventory, &allowed, &exceptions);
    let unused = rules.except.iter().filter(|it| unused.contains(&it.package.as_str()));
    (findings, unused.map(|it| (it.package.as_str(), &it.origin)).collect())
}

/// The first of many.
fn some(names: &[String]) -> String {
    let named = names.iter().take(SOME).map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SOME);
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn failure(findings: &[LicenceFinding], rules: &Licences) -> NotAllowed {
    let line = |it: &LicenceFinding| {
        let licence = it.licence.as_deref().map(|it| shortened(it, NAME)).unwrap_or_default();
        let why = match &it.objection {
            Objection::Unsaid => "it does not say which".to_owned(),
            Objection::Unclear => format!("`{licence}`, which could be any of several"),
            Objection::Forbidden(forbidden) if forbidden.join("") == licence => format!("`{licence}`"),
            Objection::Forbidden(forbidden) => format!("`{licence}`: not {}", some(forbidden)),
        };
        format!("  {}: {why}", it.package)
    };
    let mut lines: Vec<String> = findings.iter().take(NAMED).map(line).collect();
    lines.extend((findings.len() > NAMED).then(|| format!("  and {} more", findings.len() - NAMED)));
    NotAllowed {
        count: findings.len(),
        first: findings.first().map(|it| it.package.short()).unwrap_or_default(),
        lines,
        place: [rules.origin.snippet("what is allowed", "here")],
    }
}

fn text(inventory: &Inventory) -> String {
    let mut by_licence: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in inventory.packages() {
        let licence = package.read_licence();
        let name = licence.map_or_else(|| "(nothing is said)".to_owned(), |it| shortened(&it.name(), NAME));
        by_licence.entry(name).or_default().push(package.id.to_string());
    }
    let mut text = String::new();
    for (licence, packages) in &by_licence {
        text.push_str(&format!("{licence} ({})\n", packages.len()));
        text.extend(packages.iter().map(|it| format!("  {it}\n")));
    }
    text.push_str(&table(&[vec![
        format!("{} packages", inventory.len()),
        format!("{} licences and combinations of them", by_licence.len()),
    ]]));
    text
}

fn as_json(inventory: &Inventory, findings: Option<&[LicenceFinding]>) -> Value {
    let package = |it: &imgbuild_inventory::Package| {
        let licence = it.read_licence();
        let objection = findings.and_then(|all| all.iter().find(|found| found.package == it.id));
        json!({
            "package": it.id,
            "version": it.version,
            "said": it.licence,
            "expression": licence.as_ref().and_then(|it| it.expression()),
            "allowed": findings.map(|_| objection.is_none()),
        })
    };
    json!({ "packages": inventory.packages().map(package).collect::<Vec<_>>() })
}
