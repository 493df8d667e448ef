//! The page of two images side by side.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_image::Comparison;
use imgbuild_inventory::{Package, PackageId};
use maud::{Markup, html};

use crate::changes::changes;
use crate::configuration::facts;
use crate::layers::layers;
use crate::overview::{head, map, numbers};
use crate::packages::search;
use crate::page::{page, scrolled};
use crate::subject::Subject;
use crate::text::{known_size, shown};

/// The page of two images side by side, and of how the second one differs.
pub fn pair_page(before: &Subject, after: &Subject, comparison: &Comparison) -> String {
    let title = format!("{} → {}", before.name, after.name);
    let body = html! {
        main.pair {
            header { h1 { (shown(&title)) } }
            section id="changes" {
                h2 { "What differs" }
                (changes(comparison))
            }
            section id="facts" {
                h2 { "Side by side" }
                (scrolled("facts of both", &both_facts(before, after)))
            }
            div.sides {
                article { (head(before)) (map(before, "before")) (layers(before, "before", None)) }
                article { (head(after)) (map(after, "after")) (layers(after, "after", None)) }
            }
            section id="packages" {
                h2 { "Packages of both" }
                (search("both-packages", "packages"))
                (scrolled("packages of both", &both_packages(before, after)))
            }
        }
    };
    page(&title, &body)
}

fn both_facts(before: &Subject, after: &Subject) -> Markup {
    let of = |subject: &Subject| {
        let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (what, value) in numbers(subject).into_iter().chain(facts(&subject.inspection)) {
            all.entry(what).or_default().push(shown(&value));
        }
        all
    };
    let (one, other) = (of(before), of(after));
    let names: BTreeSet<&&str> = one.keys().chain(other.keys()).collect();
    let cell = |values: Option<&Vec<String>>| {
        html! { td.wide { @for value in values.into_iter().flatten() { div { (value) } } } }
    };
    html! {
        table {
            thead { tr { th scope="col" { "what" } th scope="col" { (shown(&before.name)) } th scope="col" { (shown(&after.name)) } th scope="col" { "" span.quiet { "differs" } } } }
            tbody {
                @for name in names {
                    @let (left, right) = (one.get(*name), other.get(*name));
                    tr {
                        th scope="row" { (name) }
                        (cell(left)) (cell(right))
                        td { @if left != right { span.mark.open { "yes" } } }
                    }
                }
            }
        }
    }
}

fn both_packages(before: &Subject, after: &Subject) -> Markup {
    let ids: BTreeSet<&PackageId> =
        before.inventory.packages().chain(after.inventory.packages()).map(|it| &it.id).collect();
    html! {
        table id="both-packages" data-sort="" {
            thead { tr {
                th scope="col" { "package" } th scope="col" { "first" } th scope="col" { "second" }
                th.number scope="col" { "installed, first" } th.number scope="col" { "installed, second" }
                th scope="col" { "licence" } th scope="col" { "what" }
            } }
            tbody {
                @for id in ids {
                    @let (one, other) = (before.inventory.get(id), after.inventory.get(id));
                    tr {
                        th scope="row" { (shown(&id.to_string())) }
                        td { (one.map(|it| shown(&it.release())).unwrap_or_default()) }
                        td { (other.map(|it| shown(&it.release())).unwrap_or_default()) }
                        (bytes(one)) (bytes(other))
                        td { (shown(licence(after, other).or_else(|| licence(before, one)).unwrap_or("not said"))) }
                        td { (what(one, other)) }
                    }
                }
            }
        }
    }
}

fn licence<'a>(subject: &'a Subject, package: Option<&'a Package>) -> Option<&'a str> {
    subject.licence(package?)
}

fn bytes(package: Option<&Package>) -> Markup {
    let bytes = package.and_then(|it| it.installed_size);
    html! {
        td.number data-n=(bytes.unwrap_or(0)) { @if package.is_some() { (known_size(bytes)) } }
    }
}

fn what(one: Option<&Package>, other: Option<&Package>) -> Markup {
    match (one, other) {
        (Some(one), Some(other)) if one.release() == other.release() => html! { "same" },
        (Some(_), Some(_)) => html! { span.mark.open { "moved" } },
        (None, _) => html! { span.mark.good { "only in the second" } },
        (_, None) => html! { span.mark.bad { "only in the first" } },
    }
}
