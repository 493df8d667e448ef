//! What a page begins with: the image in numbers, and where its bytes are.

use imgbuild_inventory::{Kind, PackageId};
use maud::{Markup, html};

use crate::subject::Subject;
use crate::text::{counted, shown, size};
use crate::treemap::{Cell, Group, treemap};
use crate::weights::{FolderWeight, LayerWeight, PackageWeight};

/// How high the treemap of all layers is, in pixels.
const HEIGHT: f64 = 520.0;

/// What an image is in numbers.
pub(crate) fn numbers(subject: &Subject) -> Vec<(&'static str, String)> {
    let inspection = &subject.inspection;
    let mut numbers = vec![
        ("compressed", size(inspection.size())),
        ("installed", size(subject.installed())),
        ("layers", inspection.layers.len().to_string()),
        ("packages", subject.inventory.len().to_string()),
    ];
    numbers.extend(subject.python().map(|python| ("Python", python)));
    let cuda = inspection.cuda.as_ref().and_then(|cuda| cuda.version.clone());
    numbers.extend(cuda.map(|version| ("CUDA", version)));
    numbers
}

/// The name of an image and what it is in numbers.
pub(crate) fn head(subject: &Subject) -> Markup {
    let inspection = &subject.inspection;
    html! {
        header {
            h1 { (shown(&subject.name)) }
            p.digest { (inspection.platform) " · " code { (inspection.digest) } }
            ul.numbers {
                @for (what, number) in numbers(subject) { li { strong { (shown(&number)) } " " span { (what) } } }
            }
        }
    }
}

/// What a kind of packages is called, and drawn as.
pub(crate) fn class(package: Option<&PackageId>) -> &'static str {
    match package.map(|it| it.kind) {
        Some(Kind::Conda) => "conda",
        Some(Kind::Pypi) => "pypi",
        Some(Kind::Debian) => "debian",
        Some(Kind::Apk) => "apk",
        None => "none",
    }
}

/// How a package is called where there is little room.
pub(crate) fn package_label(package: Option<&PackageId>) -> String {
    package.map_or_else(|| "other files".to_owned(), |it| it.name.clone())
}

/// How a package is called in full.
pub(crate) fn package_name(package: Option<&PackageId>) -> String {
    package.map_or_else(|| "files that are in no package's list".to_owned(), ToString::to_string)
}

/// The layers of an image and their packages, as areas. A click on a layer shows its packages and folders.
pub(crate) fn map(subject: &Subject, id: &str) -> Markup {
    let group = |(number, weight): (usize, &LayerWeight)| {
        let name = subject.layer_name(number);
        let cell = |package: &PackageWeight| {
            let id = package.package.as_ref();
            Cell {
                label: package_label(id),
                about: format!("{}: {}", package_name(id), size(package.bytes)),
                class: class(id),
                bytes: package.bytes,
                parts: folders(package),
            }
        };
        let packages = counted(weight.packages.len(), "package", "packages");
        Group {
            label: format!("{} {name}", number + 1),
            about: format!("layer {}: {name}, {} installed, {packages}", number + 1, size(weight.bytes)),
            class: "head",
            target: Some(format!("{id}-layer-{}", number + 1)),
            zoom: Some(format!("{id}-layer-{}", number + 1)),
            cells: weight.packages.iter().map(cell).collect(),
        }
    };
    let groups: Vec<Group> = subject.layers.iter().enumerate().map(group).collect();
    let kinds = subject.layers.iter().flat_map(|it| &it.packages).map(|it| class(it.package.as_ref()));
    let mut kinds: Vec<&str> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    html! {
        section id={ (id) "-map" } {
            h2 { "Where the bytes are" }
            figure data-map=(id) {
                p.bar hidden { button type="button" data-back="" { "← all layers" } " " span data-where="" {} }
                (treemap(&format!("the layers and packages of {}", subject.name), &groups, HEIGHT))
                figcaption {
                    "Areas are installed bytes: each frame is a layer, each square in it a package. Large packages show their folders, and a click on a layer those of all its packages."
                    ul.legend { @for kind in kinds { li { span class={ "swatch " (kind) } {} " " (legend(kind)) } } }
                }
            }
        }
    }
}

fn legend(kind: &str) -> &str {
    match kind {
        "conda" => "conda",
        "pypi" => "PyPI",
        "debian" => "Debian",
        "apk" => "Alpine",
        _ => "in no package's list",
    }
}

/// The packages of a layer and their folders, as areas.
pub(crate) fn layer_map(subject: &Subject, number: usize, id: &str, height: f64) -> Markup {
    let Some(weight) = subject.layers.get(number) else { return html! {} };
    let group = |package: &PackageWeight| {
        let id_of = package.package.as_ref();
        Group {
            label: package_label(id_of),
            about: format!("{}: {}", package_name(id_of), size(package.bytes)),
            class: class(id_of),
            target: id_of.and_then(|it| subject.row(it, id)),
            zoom: None,
            cells: folders(package),
        }
    };
    let groups: Vec<Group> = weight.packages.iter().map(group).collect();
    let name = subject.layer_name(number);
    treemap(&format!("the packages and folders of layer {}: {name}", number + 1), &groups, height)
}

/// The folders of a package.
fn folders(package: &PackageWeight) -> Vec<Cell> {
    let id = package.package.as_ref();
    let name = package_name(id);
    let cell = |folder: &FolderWeight| Cell {
        label: tail(&folder.path),
        about: format!("{name}: {}: {}", folder.path, size(folder.bytes)),
        class: class(id),
        bytes: folder.bytes,
        parts: Vec::new(),
    };
    package.folders.iter().map(cell).collect()
}

/// The end of a path, by which people know it.
fn tail(path: &str) -> String {
    match path.rmatch_indices('/').nth(1) {
        Some((at, _)) if at > 0 => format!("…{}", &path[at..]),
        _ => path.to_owned(),
    }
}
