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
use super::why::{Asked, has_lock, is_spec, json_of, named, of_each};
use super::{host, print, print_json, read_spec};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::judging_arguments::LicencesArguments;
use crate::output::say;
use crate::shown::cleaned;
use crate::words::{shortened, table};

/// How much of a licence's name is shown.
const NAME: usize = 60;

/// The packages of an image, with what its spec allows, where there is one that says it.
struct Listed {
    asked: Asked,
    rules: Option<Licences>,
}

impl Listed {
    fn judgement(&self) -> Option<Judgement<'_>> {
        self.rules.as_ref().map(|rules| Judgement::new(rules, &self.asked.inventory))
    }
}

pub(crate) async fn run(arguments: &LicencesArguments, global: &Global) -> Result<(), Failure> {
    let all = listed(arguments, global).await?;
    let judgements: Vec<Option<Judgement<'_>>> = all.iter().map(Listed::judgement).collect();
    if !global.quiet {
        say(&cleaned(&unused(&judgements)));
    }
    let each = all.iter().map(|it| &it.asked).zip(&judgements);
    if arguments.json {
        let one = |(it, judgement): (&Asked, &Option<Judgement<'_>>)| {
            (it.name.clone(), as_json(&it.inventory, judgement.as_ref().map(|it| it.findings.as_slice())))
        };
        print_json(&json_of(each.map(one).collect()))?;
    } else {
        print(&named(each.map(|(it, _)| (it.name.clone(), text(&it.inventory))).collect()))?;
    }
    for (judgement, Listed { asked, rules }) in judgements.iter().zip(&all) {
        if let (Some(judgement), Some(rules)) = (judgement, rules) {
            judgement.check(rules, asked.name.clone()).map_err(|it| Failure::of(it))?;
        }
    }
    Ok(())
}

/// The packages: of a spec by its lock, where there is one that says all licences, else as the image says them.
async fn listed(arguments: &LicencesArguments, global: &Global) -> Result<Vec<Listed>, Failure> {
    let path = Path::new(&arguments.image.image);
    let mut rules = None;
    if is_spec(&arguments.image.image) {
        let platform = arguments.image.platform;
        if has_lock(path)? {
            let all = of_each(path, platform, |locked, variant, _| {
                let inventory = tells_licences(locked).then(|| spec_inventory(locked, variant));
                Ok((inventory, variant.licences.clone()))
            })?;
            let listed = |(name, (inventory, rules)): (_, (Option<Inventory>, _))| {
                Some(Listed { asked: Asked { name, inventory: inventory? }, rules })
            };
            if let Some(all) = all.into_iter().map(listed).collect() {
                return Ok(all);
            }
        }
        let platform = platform.map_or_else(host, Ok)?;
        let (_, variants) = read_spec(path, Purpose::Build)?;
        rules = variants.into_iter().find(|it| it.platform == platform).and_then(|it| it.licences);
    }
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let inventory = in_background(move || Ok(whole_inventory(&opened, &store)?)).await?;
    Ok(vec![Listed { asked: Asked { name: None, inventory }, rules }])
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
