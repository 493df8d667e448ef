//! A page that lists many images.

use maud::html;

use crate::packages::search;
use crate::page::{page, scrolled};
use crate::subject::Subject;
use crate::text::{counted, shown, size};

/// An image of a catalog.
#[derive(Debug)]
pub struct Entry {
    /// The image.
    pub subject: Subject,
    /// The file of its own page beside the catalog, where it has one.
    pub page: Option<String>,
}

/// How many packages that somebody asked for are named.
const NAMED: usize = 24;

/// The page that lists these images, in their order.
pub fn catalog_page(entries: &[Entry]) -> String {
    let table = html! {
        table id="catalog" data-sort="" {
            thead { tr {
                th scope="col" { "image" } th scope="col" { "platform" } th scope="col" { "Python" } th scope="col" { "CUDA" }
                th.number scope="col" { "packages" } th.number scope="col" { "layers" }
                th.number scope="col" { "compressed" } th.number scope="col" { "installed" }
                th scope="col" { "created" } th scope="col" { "asked for" } th scope="col" { "digest" }
            } }
            tbody { @for entry in entries { (row(entry)) } }
        }
    };
    let body = html! {
        main {
            header { h1 { "Images" } p { (counted(entries.len(), "image", "images")) "." } }
            section {
                h2 { "All of them" }
                (search("catalog", "images and their packages"))
                (scrolled("images", &table))
            }
        }
    };
    page("Images", &body)
}

fn row(Entry { subject, page }: &Entry) -> maud::Markup {
    let inspection = &subject.inspection;
    let packages = subject.inventory.len();
    let mut asked: Vec<&str> = subject
        .inventory
        .packages()
        .filter(|it| !it.requested.is_empty())
        .map(|it| it.id.name.as_str())
        .collect();
    asked.dedup();
    let cuda = inspection.cuda.as_ref().and_then(|it| it.version.as_deref()).unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                @match page {
                    Some(page) => a href=(page) { (shown(&subject.name)) },
                    None => (shown(&subject.name)),
                }
            }
            td { (inspection.platform) }
            td { (shown(&subject.python().unwrap_or_default())) }
            td { (shown(cuda)) }
            td.number data-n=(packages) { (packages) }
            td.number data-n=(inspection.layers.len()) { (inspection.layers.len()) }
            td.number data-n=(inspection.size()) { (size(inspection.size())) }
            td.number data-n=(subject.installed()) { (size(subject.installed())) }
            td { (inspection.created.map(|it| it.to_string()).unwrap_or_default()) }
            td.wide {
                (shown(&asked.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ")))
                @if asked.len() > NAMED { " and " (asked.len() - NAMED) " more" }
            }
            td { code { (&inspection.digest.hex()[..12]) } }
        }
    }
}
