//! The layers of an image: what each is made of, its sizes, and what of a build was new.

use imgbuild_image::Built;
use maud::{Markup, html};

use crate::overview::layer_map;
use crate::page::scrolled;
use crate::subject::Subject;
use crate::text::{counted, known_size, shortened, shown, size};

/// How much of a layer's title stands above its treemap: the whole is in the table.
const TITLE: usize = 80;
/// How high the treemap of one layer is, in pixels.
const HEIGHT: f64 = 420.0;
/// That of one with less than a twentieth of the image.
const LOW: f64 = 180.0;

/// The layers in a table, and below it each as a treemap.
pub(crate) fn layers(subject: &Subject, id: &str, built: Option<&Built>) -> Markup {
    let installed = subject.installed().max(1);
    let table = html! {
        table id={ (id) "-layers-table" } data-sort="" {
            thead { tr {
                th scope="col" { "#" }
                th scope="col" { "made of" }
                th.number scope="col" { "compressed" }
                th.number scope="col" { "unpacked" }
                th.number scope="col" { "files" }
                @if built.is_some() { th scope="col" { "this build" } }
                th scope="col" { "digest" }
            } }
            tbody {
                @for (number, layer) in subject.inspection.layers.iter().enumerate() {
                    @let weight = subject.layers.get(number);
                    tr {
                        td data-n=(number) { (number + 1) }
                        td.wide { a href={ "#" (id) "-layer-" (number + 1) } { (shown(subject.layer_name(number))) } }
                        td.number data-n=(layer.size) { (size(layer.size)) }
                        td.number data-n=(layer.uncompressed_size.unwrap_or(0)) { (known_size(layer.uncompressed_size)) }
                        td.number data-n=(weight.map_or(0, |it| it.files)) { (weight.map_or(0, |it| it.files)) }
                        @if let Some(built) = built { td { (state(built, number)) } }
                        td { code { (&layer.digest.hex()[..12]) } }
                    }
                }
            }
        }
    };
    html! {
        section id={ (id) "-layers" } {
            h2 { "Layers" }
            p { (counted(subject.inspection.layers.len(), "layer", "layers")) ", the first first: " (size(subject.inspection.size())) " as registries keep them." }
            (scrolled(&format!("layers of {}, {id}", shown(&subject.name)), &table))
            @for (number, weight) in subject.layers.iter().enumerate() {
                @if weight.bytes > 0 {
                    details {
                        summary {
                            "Layer " (number + 1) ": " (shortened(&shown(subject.layer_name(number)), TITLE))
                            " · " (size(weight.bytes)) " in " (counted(weight.files, "file", "files"))
                        }
                        figure id={ (id) "-layer-" (number + 1) } {
                            @let height = if weight.bytes * 20 < installed { LOW } else { HEIGHT };
                            (layer_map(subject, number, id, height))
                        }
                    }
                }
            }
        }
    }
}

fn state(built: &Built, number: usize) -> &'static str {
    match built.layers.get(number) {
        Some(layer) if layer.reused => "reused",
        Some(_) => "new",
        None => "",
    }
}
