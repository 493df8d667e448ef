//! `imgbuild size`.

use std::path::Path;

use imgbuild_image::{Contents, inventory};
use imgbuild_inventory::{Cost, Graph, Waste, waste};
use serde_json::json;

use super::opening::{Looked, in_background, open};
use super::why::packages;
use super::{print, print_json};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::inspect_arguments::SizeArguments;
use crate::words::{counted, size, table};

/// How many packages stand behind what an image may not need.
const NAMED: usize = 4;

pub(crate) async fn run(arguments: &SizeArguments, global: &Global) -> Result<(), Failure> {
    let is_spec = Path::new(&arguments.image.image).extension().is_some_and(|it| it == "toml");
    let (costs, waste) = if is_spec {
        let inventory = packages(&arguments.image, global).await?;
        (Graph::of(&inventory).costs(), Vec::new())
    } else {
        let Looked { opened, store } = open(&arguments.image, global).await?;
        in_background(move || {
            let inventory = inventory(&opened, &store)?;
            let contents = Contents::of(&opened, &store)?;
            let waste = waste(&inventory, &contents.owners(), &contents.merged);
            Ok((Graph::of(&inventory).costs(), waste))
        })
        .await?
    };
    if arguments.json {
        return print_json(&json!({ "packages": costs, "waste": waste }));
    }
    print(&text(&costs, &waste, arguments.top))
}

fn text(costs: &[Cost], waste: &[Waste], top: usize) -> String {
    let row = |cost: &Cost| {
        let with = match cost.brings.len() {
            0 => String::new(),
            count => format!("{} with {count} more", size(cost.installed_with)),
        };
        vec![cost.package.to_string(), size(cost.installed), with]
    };
    let all: u64 = costs.iter().map(|cost| cost.installed).sum();
    let rows: Vec<Vec<String>> = costs.iter().take(top).map(row).collect();
    let mut text = format!(
        "{} with {} installed: alone, and with what only each brings\n{}",
        counted(costs.len(), "package"),
        size(all),
        table(&rows)
    );
    if !waste.is_empty() {
        text.push_str("\nwhat may not be needed\n");
    }
    for Waste { what, bytes, count, of, remedy } in waste {
        let named: Vec<String> = of.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if of.len() > NAMED { format!(" and {} more", of.len() - NAMED) } else { String::new() };
        let of = if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) };
        text.push_str(&format!("  {} {what} ({count}){of}\n    → {remedy}\n", size(*bytes)));
    }
    text
}
