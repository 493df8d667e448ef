//! `imgbuild check`.

use std::sync::Arc;

use imgbuild_build::{cuda_contracts, planned_layers};
use imgbuild_image::{LayerSummary, variant_name};
use imgbuild_locking::{CudaContract, Purpose, notes, validate};
use imgbuild_spec::Variant;
use serde_json::{Value, json};

use super::{context, print, print_json, read_spec};
use crate::arguments::{CheckArguments, Global};
use crate::failure::Failure;
use crate::words::{shortened, size, table};

pub(crate) fn run(arguments: &CheckArguments, _: &Global) -> Result<(), Failure> {
    let (spec, variants) = read_spec(&arguments.spec, Purpose::Build)?;
    let context = context(&arguments.spec, true, Arc::new(imgbuild_fetch::Silent))?;
    validate(&spec, &variants, &context)?;
    let notes = notes(&spec, &variants, &context);
    let plans = planned_layers(&spec, &arguments.spec, &variants, &context)?;
    let plan = |index: usize| plans.as_ref().map(|plans| plans[index].as_slice());
    let contracts = cuda_contracts(&arguments.spec, &variants)?;
    let contract = |index: usize| contracts.get(index).and_then(Option::as_ref);
    if arguments.json {
        let as_json = |(index, variant): (usize, &Variant)| as_json(variant, plan(index), contract(index));
        let variants: Vec<Value> = variants.iter().enumerate().map(as_json).collect();
        return print_json(&json!({ "variants": variants, "locked": plans.is_some(), "notes": notes }));
    }
    let mut text = String::new();
    for (index, variant) in variants.iter().enumerate() {
        let tags: Vec<&str> = variant.tags.iter().map(imgbuild_oci::Tag::as_str).collect();
        text.push_str(&variant_name(variant));
        if tags.len() > 1 {
            text.push_str(&format!(", tags {}", tags.join(", ")));
        }
        text.push('\n');
        text.extend(
            contract(index).iter().flat_map(|it| it.to_string().lines().map(indented).collect::<Vec<_>>()),
        );
        text.push_str(&plan(index).map(layers).unwrap_or_default());
    }
    if plans.is_none() {
        text.push_str(
            "\nthere is no lock that fits this spec, so no layers are planned: run `imgbuild lock`\n",
        );
    }
    if !notes.is_empty() {
        text.push('\n');
        text.extend(notes.iter().map(|note| format!("note: {note}\n")));
    }
    print(&text)
}

fn indented(line: &str) -> String {
    format!("  {line}\n")
}

fn layers(layers: &[LayerSummary]) -> String {
    let row = |layer: &LayerSummary| {
        let state = match (layer.present, layer.remote) {
            (true, _) => "in the cache",
            (false, true) => "in its registry",
            (false, false) => "to be made",
        };
        vec![shortened(&layer.title, 60), size(layer.weight), state.to_owned()]
    };
    table(&layers.iter().map(row).collect::<Vec<_>>())
}

fn as_json(variant: &Variant, plan: Option<&[LayerSummary]>, contract: Option<&CudaContract>) -> Value {
    let layer = |layer: &LayerSummary| json!({ "title": layer.title, "installedSize": layer.weight, "present": layer.present });
    let mut value = json!({
        "name": variant.name.as_str(),
        "tags": variant.tags.iter().map(imgbuild_oci::Tag::as_str).collect::<Vec<_>>(),
        "platform": variant.platform,
        "keys": variant.keys,
        "layers": plan.map(|layers| layers.iter().map(layer).collect::<Vec<_>>()),
    });
    if let Some(contract) = contract {
        value["cuda"] = contract_as_json(contract);
    }
    value
}

fn contract_as_json(contract: &CudaContract) -> Value {
    json!({
        "version": contract.version,
        "built": contract.built,
        "driver": { "oldest": contract.driver, "supports": contract.driver_supports, "compat": contract.compat },
        "requires": contract.requirement,
        "arch": contract.arch,
        "glibc": { "image": contract.glibc, "packages": contract.glibc_needed },
    })
}
