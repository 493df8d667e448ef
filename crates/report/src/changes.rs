//! How one image differs from another.

use imgbuild_image::Comparison;
use imgbuild_inventory::{PackageChange, Release};
use maud::{Markup, html};

use crate::page::scrolled;
use crate::text::{counted, shown, size};

/// How an image differs from the one before it.
pub(crate) fn changes(comparison: &Comparison) -> Markup {
    if comparison.identical {
        return html! { p { "They are the same image, bit for bit." } };
    }
    let layers = &comparison.layers;
    html! {
        p {
            "Whoever has the first pulls " strong { (size(layers.pull_bytes)) } " for the second: "
            (counted(layers.new, "layer", "layers")) ", and " (layers.shared) " are shared."
        }
        @if comparison.packages.is_empty() { p { "The packages are the same." } }
        @else { (scrolled("packages that changed", &packages(&comparison.packages))) }
        @if !comparison.config.is_empty() {
            @let table = html! {
                table {
                    thead { tr { th scope="col" { "configuration" } th scope="col" { "before" } th scope="col" { "after" } } }
                    tbody {
                        @for change in &comparison.config {
                            tr {
                                th scope="row" { (shown(&change.what)) }
                                td.wide { code { (shown(change.before.as_deref().unwrap_or_default())) } }
                                td.wide { code { (shown(change.after.as_deref().unwrap_or_default())) } }
                            }
                        }
                    }
                }
            };
            (scrolled("configuration that changed", &table))
        }
    }
}

fn packages(changes: &[PackageChange]) -> Markup {
    html! {
        table data-sort="" {
            thead { tr {
                th scope="col" { "package" } th scope="col" { "what" } th scope="col" { "before" } th scope="col" { "after" }
                th.number scope="col" { "installed" }
            } }
            tbody {
                @for change in changes {
                    @let (class, word) = what(change);
                    tr {
                        th scope="row" { (shown(&change.package.to_string())) }
                        td { span class={ "mark " (class) } { (word) } }
                        td { (release(change.before.as_ref())) }
                        td { (release(change.after.as_ref())) }
                        td.number data-n=(bytes(change.after.as_ref()) - bytes(change.before.as_ref())) { (grown(change)) }
                    }
                }
            }
        }
    }
}

fn what(change: &PackageChange) -> (&'static str, &'static str) {
    match (&change.before, &change.after) {
        (None, _) => ("good", "added"),
        (_, None) => ("bad", "removed"),
        _ => ("open", "moved"),
    }
}

/// A release as people tell two of them apart.
pub(crate) fn release(release: Option<&Release>) -> String {
    release.map_or(String::new(), |it| match &it.build {
        Some(build) => shown(&format!("{} {build}", it.version)),
        None => shown(&it.version),
    })
}

fn bytes(release: Option<&Release>) -> i64 {
    let bytes = release.and_then(|it| it.installed_size).unwrap_or(0);
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn grown(change: &PackageChange) -> String {
    let more = bytes(change.after.as_ref()) - bytes(change.before.as_ref());
    match more {
        0 => String::new(),
        1.. => format!("+{}", size(more.unsigned_abs())),
        _ => format!("−{}", size(more.unsigned_abs())),
    }
}
