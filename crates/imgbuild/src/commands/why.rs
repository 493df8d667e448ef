//! `imgbuild why` and `imgbuild tree`: the packages of an image or a spec, and what requires what.

use std::collections::BTreeSet;
use std::path::Path;

use imgbuild_archive::ImagePath;
use imgbuild_image::{Contents, image_lock, inventory};
use imgbuild_inventory::{Chain, Graph, Inventory, Package, PackageId};
use imgbuild_lock::LockedVariant;
use imgbuild_locking::{Purpose, known_lock, lock_path, spec_inventory};
use imgbuild_oci::Platform;
use imgbuild_spec::{Spec, Variant};
use serde_json::{Value, json};

use super::files::image_path;
use super::opening::{Looked, in_background, open};
use super::{host, print, print_json, read_spec};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::inspect_arguments::{ImageArguments, TreeArguments, WhyArguments};
use crate::words::shortened;

/// How much of a layer's title is shown.
const TITLE: usize = 80;
/// How many chains are shown.
const CHAINS: usize = 8;

/// A package or a file that is not there.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum WhyFailure {
    /// No package has the name.
    #[error("`{image}` has no package `{package}`")]
    #[diagnostic(help("{}", similar(known, image)))]
    NoPackage { image: String, package: String, known: Vec<String> },
    /// Nothing is at the path.
    #[error("`{image}` has nothing at `{path}`")]
    #[diagnostic(help("list what there is: `imgbuild ls {image} FOLDER`"))]
    NoFile { image: String, path: String },
    /// A spec says no files.
    #[error("a spec does not say whose `{path}` is before its image is built")]
    #[diagnostic(help("build it, and name the image: `imgbuild build {spec}`"))]
    NotBuilt { path: String, spec: String },
    /// There is no lock.
    #[error("the spec `{spec}` has no lock that fits it")]
    #[diagnostic(help("make one: `imgbuild lock {spec}`"))]
    NoLock { spec: String },
}

fn similar(known: &[String], image: &str) -> String {
    match known {
        [] => format!("list what it has: `imgbuild inspect {image} --packages`"),
        known => {
            format!("it has {}", known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The packages that are asked about: of the lock of a spec, or of an image.
pub(crate) async fn packages(arguments: &ImageArguments, global: &Global) -> Result<Inventory, Failure> {
    if let Some(inventory) = of_spec(&arguments.image, arguments.platform)? {
        return Ok(inventory);
    }
    let Looked { opened, store } = open(arguments, global).await?;
    in_background(move || Ok(inventory(&opened, &store)?)).await
}

/// The packages of a spec's lock; nothing where the text names no spec.
fn of_spec(text: &str, platform: Option<Platform>) -> Result<Option<Inventory>, Failure> {
    let path = Path::new(text);
    if path.extension().is_none_or(|it| it != "toml") || !path.is_file() {
        return Ok(None);
    }
    let (spec, variants): (Spec, Vec<Variant>) = read_spec(path, Purpose::Lock)?;
    let no_lock = || WhyFailure::NoLock { spec: spec.file().to_owned() };
    let locked = known_lock(&variants, &lock_path(path))?.ok_or_else(no_lock)?;
    let all = locked.lock.locked_variants().map_err(Plain::from)?;
    let platform = match platform {
        Some(platform) => platform,
        None => host()?,
    };
    let of_platform = |it: &(LockedVariant<'_>, &Variant)| it.1.platform == platform;
    let found = all.into_iter().zip(&variants).find(of_platform);
    let (locked, variant) = found.ok_or_else(no_lock)?;
    Ok(Some(spec_inventory(&locked, variant)))
}

pub(crate) async fn why(arguments: &WhyArguments, global: &Global) -> Result<(), Failure> {
    if arguments.what.starts_with('/') {
        return whose(arguments, global).await;
    }
    let inventory = packages(&arguments.image, global).await?;
    let found = inventory.named(&arguments.what);
    if found.is_empty() {
        return Err(no_package(&arguments.image.image, &arguments.what, &inventory).into());
    }
    let graph = Graph::of(&inventory);
    if arguments.json {
        let one = |package: &&Package| {
            let required = graph.required_by(&package.id);
            let required = required.iter().map(|(id, text)| json!({ "package": id, "requirement": text }));
            json!({
                "package": package.id,
                "version": package.version,
                "chains": graph.chains(&package.id),
                "required-by": required.collect::<Vec<_>>(),
            })
        };
        return print_json(&json!({ "packages": found.iter().map(one).collect::<Vec<_>>() }));
    }
    let texts: Vec<String> = found.iter().map(|package| reasons(package, &graph)).collect();
    print(&texts.join("\n"))
}

fn no_package(image: &str, name: &str, inventory: &Inventory) -> WhyFailure {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let is_near = |package: &&Package| strsim::jaro_winkler(&package.id.name, &wanted) > 0.85;
    let known: BTreeSet<String> = inventory.packages().filter(is_near).map(|it| it.id.short()).collect();
    WhyFailure::NoPackage {
        image: image.to_owned(),
        package: name.to_owned(),
        known: known.into_iter().take(5).collect(),
    }
}

fn reasons(package: &Package, graph: &Graph<'_>) -> String {
    let mut text = format!("{} {}\n", package.id, package.release());
    let chains = graph.chains(&package.id);
    for chain in chains.iter().take(CHAINS) {
        text.push_str(&shown(chain));
    }
    if chains.len() > CHAINS {
        text.push_str(&format!("  and by {} more ways\n", chains.len() - CHAINS));
    }
    if chains.is_empty() {
        text.push_str("  nothing that anybody asked for leads to it\n");
    }
    text
}

/// A chain: what was asked for, and below it each requirement that leads on.
fn shown(chain: &Chain) -> String {
    let asked = match chain.requested.as_slice() {
        [] if chain.of_every_base => "every base has it".to_owned(),
        [] => "nothing requires it".to_owned(),
        words => format!("asked for: {}", words.join(", ")),
    };
    let mut text = format!("  {} ({asked})\n", chain.root);
    for (depth, step) in chain.steps.iter().enumerate() {
        let indent = "  ".repeat(depth + 2);
        text.push_str(&format!("{indent}requires {}: {}\n", step.requirement, step.package.short()));
    }
    text
}

/// Whose a path is.
async fn whose(arguments: &WhyArguments, global: &Global) -> Result<(), Failure> {
    let (image, path) = (arguments.image.image.clone(), arguments.what.clone());
    if Path::new(&image).extension().is_some_and(|it| it == "toml")
        && super::store()?.images().map_err(Plain::from)?.is_empty()
    {
        return Err(WhyFailure::NotBuilt { path, spec: image }.into());
    }
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let value = in_background(move || {
        let contents = Contents::of(&opened, &store)?;
        let missing = || WhyFailure::NoFile { image: image.clone(), path: path.clone() };
        let asked = image_path(&path)?.ok_or_else(missing)?;
        let found = match contents.merged.get(&asked) {
            Some(node) => Some((asked.clone(), node)),
            None => contents.merged.find(&asked),
        };
        let (found, node) = found.ok_or_else(missing)?;
        let owners: Vec<String> = contents.owners().of(&found).map(ToString::to_string).collect();
        let displaced = match image_lock(&opened, &store)? {
            Some(lock) => displaced(&lock.locked()?, &found),
            None => Vec::new(),
        };
        let title = opened.titles().get(node.layer).copied().flatten();
        let title =
            title.map(|it| if it.comment.is_empty() { it.created_by.clone() } else { it.comment.clone() });
        Ok(json!({
            "path": found.to_string(),
            "owners": owners,
            "displaced": displaced,
            "layer": { "number": node.layer + 1, "title": title },
        }))
    })
    .await?;
    if arguments.json { print_json(&value) } else { print(&whose_text(&value)) }
}

/// The parts that leave a path to others.
fn displaced(locked: &LockedVariant<'_>, path: &ImagePath) -> Vec<String> {
    let debian = locked.debian.iter().flat_map(|it| &it.set.excluded);
    let views = locked.in_each_environment();
    let conda = views.iter().flat_map(|it| it.conda.iter().flat_map(|it| &it.set.excluded));
    let pypi = views.iter().flat_map(|it| it.pypi.iter().flat_map(|it| &it.set.excluded));
    let all = debian.chain(conda).chain(pypi).filter(|excluded| excluded.path == *path);
    let mut parts: Vec<String> = all.map(|excluded| excluded.part.to_string()).collect();
    parts.dedup();
    parts
}

fn whose_text(value: &Value) -> String {
    let list = |key: &str| {
        let all = value[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        all.collect::<Vec<_>>().join(", ")
    };
    let (owners, displaced) = (list("owners"), list("displaced"));
    let path = value["path"].as_str().unwrap_or_default();
    let mut text = if owners.is_empty() {
        format!("{path} is in no package's list of files\n")
    } else {
        format!("{path} belongs to {owners}\n")
    };
    if !displaced.is_empty() {
        text.push_str(&format!("  {displaced} had it too, and left it to that\n"));
    }
    let layer = value["layer"]["title"].as_str().unwrap_or("its history does not say what that is made of");
    let layer = shortened(layer, TITLE);
    text.push_str(&format!("  in layer {}: {layer}\n", value["layer"]["number"]));
    text
}

pub(crate) async fn tree(arguments: &TreeArguments, global: &Global) -> Result<(), Failure> {
    let inventory = packages(&arguments.image, global).await?;
    let graph = Graph::of(&inventory);
    let roots: Vec<&Package> = match &arguments.package {
        None => graph.roots().collect(),
        Some(name) => {
            let found = inventory.named(name);
            if found.is_empty() {
                return Err(no_package(&arguments.image.image, name, &inventory).into());
            }
            found
        }
    };
    let mut branches =
        Branches { graph: &graph, depth: arguments.depth, seen: BTreeSet::new(), text: String::new() };
    if arguments.json {
        return print_json(
            &json!({ "roots": roots.iter().map(|it| &it.id).collect::<Vec<_>>(), "packages": nodes(&inventory) }),
        );
    }
    for root in roots {
        branches.put(root, None, "", "", 0);
    }
    print(&branches.text)
}

/// Every package and what it requires, for programs.
fn nodes(inventory: &Inventory) -> Vec<Value> {
    let node = |package: &Package| json!({ "package": package.id, "version": package.version, "requested": package.requested, "requires": package.requires });
    inventory.packages().map(node).collect()
}

/// A tree as text, in which each package's own branches are shown once.
struct Branches<'a> {
    graph: &'a Graph<'a>,
    depth: Option<usize>,
    seen: BTreeSet<PackageId>,
    text: String,
}

impl<'a> Branches<'a> {
    fn put(
        &mut self,
        package: &'a Package,
        requirement: Option<&str>,
        mark: &str,
        indent: &str,
        depth: usize,
    ) {
        let children = self.graph.requires(&package.id);
        let is_new = self.seen.insert(package.id.clone());
        let again = if is_new || children.is_empty() { "" } else { " (above)" };
        let requirement = requirement.map(|it| format!(" [{it}]")).unwrap_or_default();
        self.text.push_str(&format!(
            "{mark}{} {}{requirement}{again}\n",
            package.id.short(),
            package.version
        ));
        if !is_new || self.depth.is_some_and(|most| depth >= most) {
            return;
        }
        let count = children.len();
        for (number, (text, child)) in children.into_iter().enumerate() {
            let is_last = number + 1 == count;
            let mark = format!("{indent}{}", if is_last { "└─ " } else { "├─ " });
            let indent = format!("{indent}{}", if is_last { "   " } else { "│  " });
            self.put(child, Some(text), &mark, &indent, depth + 1);
        }
    }
}
