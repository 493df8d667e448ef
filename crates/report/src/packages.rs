//! The packages of an image, in a table that a script makes searchable and sortable.

use imgbuild_inventory::{Graph, Package};
use maud::{Markup, html};

use crate::overview::class;
use crate::page::scrolled;
use crate::subject::Subject;
use crate::text::{address, counted, known_size, shown, size};

/// A field to search a table with; only a script shows it.
pub(crate) fn search(table: &str, what: &str) -> Markup {
    html! {
        p.bar hidden data-search=(table) {
            label { "Search " (what) " " input type="search" autocomplete="off" spellcheck="false"; }
            " " output aria-live="polite" {}
        }
    }
}

/// The packages of an image.
pub(crate) fn packages(subject: &Subject, id: &str) -> Markup {
    let several = subject.inspection.environments.len() > 1;
    let graph = Graph::of(&subject.inventory);
    let costs = graph.costs();
    let with = |package: &Package| {
        costs.iter().find(|cost| cost.package == package.id).filter(|cost| cost.brings > 0)
    };
    let table_id = format!("{id}-packages-table");
    let table = html! {
        table id=(table_id) data-sort="" {
            thead { tr {
                th scope="col" { "package" }
                th scope="col" { "version" }
                th scope="col" { "kind" }
                @if several { th scope="col" { "environment" } }
                th.number scope="col" { "installed" }
                th.number scope="col" { "with what only it brings" }
                th scope="col" { "asked for" }
                th scope="col" { "licence" }
                th scope="col" { "package URL" }
            } }
            tbody {
                @for (number, package) in subject.inventory.packages().enumerate() {
                    tr id={ (id) "-package-" (number + 1) } {
                        th scope="row" { (name(package)) }
                        td { (shown(&package.release())) }
                        td { span class={ "swatch " (class(Some(&package.id))) } {} " " (package.id.kind) }
                        @if several {
                            td { (package.id.environment.as_ref().map(|it| shown(&it.to_string())).unwrap_or_default()) }
                        }
                        td.number data-n=(package.installed_size.unwrap_or(0)) { (known_size(package.installed_size)) }
                        @match with(package) {
                            Some(cost) => td.number data-n=(cost.installed_with) {
                                (size(cost.installed_with)) " (" (counted(cost.brings, "package", "packages")) ")"
                            },
                            None => td.number data-n=(package.installed_size.unwrap_or(0)) {},
                        }
                        td { (asked(package)) }
                        td.wide { (shown(subject.licence(package).unwrap_or("not said"))) }
                        td.purl { code { (shown(&package.purl(subject.inventory.system.as_ref()))) } }
                    }
                }
            }
        }
    };
    html! {
        section id={ (id) "-packages" } {
            h2 { "Packages" }
            p { (counted(subject.inventory.len(), "package", "packages")) " that the image's lock or its files tell of." }
            (search(&table_id, "packages"))
            (scrolled(&format!("packages of {}, {id}", shown(&subject.name)), &table))
        }
    }
}

fn name(package: &Package) -> Markup {
    let about = package.summary.as_deref().map(shown);
    html! {
        @match package.homepage.as_deref().and_then(address) {
            Some(url) => a href=(url) rel="noopener noreferrer" title=[about] { (shown(&package.id.name)) },
            None => span title=[about] { (shown(&package.id.name)) },
        }
    }
}

fn asked(package: &Package) -> String {
    match package.requested.as_slice() {
        [] if package.of_every_base => "every base has it".to_owned(),
        words => shown(&words.join(", ")),
    }
}
