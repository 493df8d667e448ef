//! `imgbuild size`.

use imgbuild_image::{Contents, inventory};
use imgbuild_inventory::{Cost, Graph, Waste, waste};
use serde_json::json;

use super::opening::{Looked, in_background, open};
use super::why::{Asked, is_spec, json_of, named, packages};
use super::{print, print_public_json};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::inspect_arguments::SizeArguments;
use crate::words::{counted, size, table};

/// How many packages stand behind what an image may not need.
const NAMED: usize = 4;

pub(crate) async fn run(arguments: &SizeArguments, global: &Global) -> Result<(), Failure> {
    if is_spec(&arguments.image.image) {
        let all = packages(&arguments.image, global).await?;
        let costs = |asked: &Asked| (asked.name.clone(), Graph::of(&asked.inventory).costs());
        return shown(
            all.iter().map(costs).map(|(name, costs)| (name, costs, Vec::new())).collect(),
            arguments,
        );
    }
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let (costs, waste) = in_background(move || {
        let inventory = inventory(&opened, &store)?;
        let contents = Contents::of(&opened, &store)?;
        let waste = waste(&inventory, &contents.owners(), &contents.merged);
        Ok((Graph::of(&inventory).costs(), waste))
    })
    .await?;
    shown(vec![(None, costs, waste)], arguments)
}

/// What an image costs, and what it may not need; with its name, where there are several.
type Sizes = (Option<String>, Vec<Cost>, Vec<Waste>);

fn shown(all: Vec<Sizes>, arguments: &SizeArguments) -> Result<(), Failure> {
    if arguments.json {
        let value = |(name, costs, waste): Sizes| (name, json!({ "packages": costs, "waste": waste }));
        return print_public_json(json_of(all.into_iter().map(value).collect()));
    }
    let text = |(name, costs, waste): Sizes| (name, text(&costs, &waste, arguments.top));
    print(&named(all.into_iter().map(text).collect()))
}

fn text(costs: &[Cost], waste: &[Waste], top: usize) -> String {
    let row = |cost: &Cost| {
        let with = match cost.brings {
            0 => String::new(),
            count => format!("{} with {count} more", size(cost.installed_with)),
        };
        vec![cost.package.to_string(), cost.installed.map_or("?".to_owned(), size), with]
    };
    let all = costs.iter().filter_map(|cost| cost.installed).fold(0, u64::saturating_add);
    let unknown = costs.iter().filter(|cost| cost.installed.is_none()).count();
    let unknown = if unknown == 0 { String::new() } else { format!(" ({unknown} of them do not say it)") };
    let rows: Vec<Vec<String>> = costs.iter().take(top).map(row).collect();
    let mut text = format!(
        "{} with {} installed{unknown}: alone, and with what only each brings\n{}",
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
