//! `imgbuild licenses`.

use std::collections::BTreeMap;
use std::path::Path;

use imgbuild_audit::{Judgement, LicenceFinding};
use imgbuild_build::tells_licences;
use imgbuild_image::whole_inventory;
use imgbuild_inventory::Inventory;
use imgbuild_locking::{Purpose, spec_inventory};
use imgbuild_spec::Licences;
use serde_json::{Value, json};

use super::opening::{Looked, in_background, open};
use super::why::{Asked, is_spec, json_of, named, of_each};
use super::{host, print, print_json, read_spec};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::judging_arguments::LicencesArguments;
use crate::output::say;
use crate::shown::cleaned;
use crate::words::{shortened, table};

/// How much of a licence's name is shown.
const NAME: usize = 60;

pub(crate) async fn run(arguments: &LicencesArguments, global: &Global) -> Result<(), Failure> {
    let rules = rules(arguments)?;
    let all = listed(arguments, global).await?;
    let judge = |it: &Asked| rules.as_ref().map(|rules| Judgement::new(rules, &it.inventory));
    let judgements: Vec<Option<Judgement<'_>>> = all.iter().map(judge).collect();
    if !global.quiet {
        say(&cleaned(&unused(&judgements)));
    }
    let each = all.iter().zip(&judgements);
    if arguments.json {
        let one = |(it, judgement): (&Asked, &Option<Judgement<'_>>)| {
            (it.name.clone(), as_json(&it.inventory, judgement.as_ref().map(|it| it.findings.as_slice())))
        };
        print_json(&json_of(each.map(one).collect()))?;
    } else {
        print(&named(each.map(|(it, _)| (it.name.clone(), text(&it.inventory))).collect()))?;
    }
    for (judgement, asked) in judgements.iter().zip(&all) {
        if let (Some(judgement), Some(rules)) = (judgement, &rules) {
            judgement.check(rules, asked.name.clone()).map_err(|it| Failure::of(it))?;
        }
    }
    Ok(())
}

/// The packages: of a spec by its lock, where that says all licences, else as the image says them.
async fn listed(arguments: &LicencesArguments, global: &Global) -> Result<Vec<Asked>, Failure> {
    if is_spec(&arguments.image.image) {
        let path = Path::new(&arguments.image.image);
        let all = of_each(path, arguments.image.platform, |locked, variant, _| {
            Ok(tells_licences(locked).then(|| spec_inventory(locked, variant)))
        })?;
        let asked = |(name, inventory): (_, Option<Inventory>)| Some(Asked { name, inventory: inventory? });
        if let Some(all) = all.into_iter().map(asked).collect() {
            return Ok(all);
        }
    }
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let inventory = in_background(move || Ok(whole_inventory(&opened, &store)?)).await?;
    Ok(vec![Asked { name: None, inventory }])
}

/// What the spec allows, where it is one and says it. Of its variants all say the same but for the words that the matrix replaces.
fn rules(arguments: &LicencesArguments) -> Result<Option<Licences>, Failure> {
    if !is_spec(&arguments.image.image) {
        return Ok(None);
    }
    let platform = match arguments.image.platform {
        Some(platform) => platform,
        None => host()?,
    };
    let (_, variants) = read_spec(Path::new(&arguments.image.image), Purpose::Build)?;
    let variant = variants.into_iter().find(|it| it.platform == platform);
    Ok(variant.and_then(|it| it.licences))
}

/// The exceptions that none of the images needs.
fn unused(judgements: &[Option<Judgement<'_>>]) -> String {
    let mut all = judgements.iter().flatten();
    let Some(first) = all.next() else { return String::new() };
    let mut unused = first.unused.clone();
    for judgement in all {
        unused.retain(|it| judgement.unused.iter().any(|other| other.package == it.package));
    }
    let note = |it: &imgbuild_spec::ExceptedPackage| {
        let (file, line) = (it.origin.file(), it.origin.line());
        format!("note: no package is `{}`, which {file}:{line} excepts\n", it.package)
    };
    unused.into_iter().map(note).collect()
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
