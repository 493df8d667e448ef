//! `imgbuild why` and `imgbuild tree`: the packages of an image or a spec, and what requires what.

use std::collections::BTreeSet;
use std::path::Path;

use imgbuild_archive::ImagePath;
use imgbuild_image::{ArchiveOwner, Contents, ImageLock, debian_owner, image_lock, inventory, variant_name};
use imgbuild_inventory::{Chain, Graph, Inventory, Package, PackageId};
use imgbuild_lock::LockedVariant;
use imgbuild_locking::{Purpose, known_lock, lock_path, spec_inventory};
use imgbuild_oci::Platform;
use imgbuild_spec::Variant;
use serde_json::{Value, json};

use super::files::image_path;
use super::opening::{Looked, in_background, open};
use super::{host, print, print_public_json, read_spec};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::inspect_arguments::{ImageArguments, TreeArguments, WhyArguments};
use crate::words::{counted, one_line, shortened};

/// How much of a layer's title is shown.
const TITLE: usize = 80;
/// How deep a tree goes: nobody reads further, and each level makes lines longer.
const DEEPEST: usize = 200;
/// How many chains are shown.
const CHAINS: usize = 8;

/// A package or a file that is not there.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum WhyFailure {
    /// No package has the name.
    #[error("`{image}` has no package `{package}`")]
    #[diagnostic(help("{}", similar(known, image)))]
    Unknown { image: String, package: String, known: Vec<String> },
    /// Nothing is at the path.
    #[error("`{image}` has nothing at `{path}`")]
    #[diagnostic(help("list what there is: `imgbuild ls {image} FOLDER`"))]
    NoFile { image: String, path: String },
    /// It has no image for the platform.
    #[error("the spec `{spec}` has no image for {platform}")]
    #[diagnostic(help("name another one: `--platform`"))]
    NoPlatform { spec: String, platform: Platform },
    /// There is no lock.
    #[error("the spec `{spec}` has no lock that fits it")]
    #[diagnostic(help("make one: `imgbuild lock {spec}`"))]
    NoLock { spec: String },
}

fn similar(known: &[String], image: &str) -> String {
    match known {
        [] if is_spec(image) => format!("show what it has: `imgbuild tree {image}`"),
        [] => format!("list what it has: `imgbuild inspect {image} --packages`"),
        known => {
            format!("it has {}", known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The packages of an image, or of one of a spec.
pub(crate) struct Asked {
    /// What the image is called, where a spec has several.
    pub(crate) name: Option<String>,
    pub(crate) inventory: Inventory,
}

/// The packages that are asked about: of the lock of a spec, all its images of a platform, or of an image.
pub(crate) async fn packages(arguments: &ImageArguments, global: &Global) -> Result<Vec<Asked>, Failure> {
    if is_spec(&arguments.image) {
        return of_spec(Path::new(&arguments.image), arguments.platform);
    }
    let Looked { opened, store } = open(arguments, global).await?;
    in_background(move || Ok(vec![Asked { name: None, inventory: inventory(&opened, &store)? }])).await
}

/// Whether a text names a spec.
pub(crate) fn is_spec(text: &str) -> bool {
    let path = Path::new(text);
    path.extension().is_some_and(|it| it == "toml") && path.is_file()
}

/// The packages of a spec's lock, image by image.
fn of_spec(path: &Path, platform: Option<Platform>) -> Result<Vec<Asked>, Failure> {
    let all = of_each(path, platform, |locked, variant, _| Ok(spec_inventory(locked, variant)))?;
    Ok(all.into_iter().map(|(name, inventory)| Asked { name, inventory }).collect())
}

/// Whether a spec has a lock that fits it.
pub(crate) fn has_lock(path: &Path) -> Result<bool, Failure> {
    let (_, variants) = read_spec(path, Purpose::Lock)?;
    Ok(known_lock(&variants, &lock_path(path))?.is_some())
}

/// What is made of each image that a spec has for a platform, by its lock and the lock's text, and what the image is called, where there
/// are several.
pub(crate) fn of_each<T>(
    path: &Path,
    platform: Option<Platform>,
    made: impl Fn(&LockedVariant<'_>, &Variant, &str) -> Result<T, Failure>,
) -> Result<Vec<(Option<String>, T)>, Failure> {
    let (spec, variants) = read_spec(path, Purpose::Lock)?;
    let no_lock = || WhyFailure::NoLock { spec: spec.file().to_owned() };
    let locked = known_lock(&variants, &lock_path(path))?.ok_or_else(no_lock)?;
    let locked_text = locked.text.clone();
    let all = locked.lock.locked_variants().map_err(Plain::from)?;
    let platform = match platform {
        Some(platform) => platform,
        None => host()?,
    };
    let of_platform = |it: &(LockedVariant<'_>, &Variant)| it.1.platform == platform;
    let found: Vec<_> = all.into_iter().zip(&variants).filter(of_platform).collect();
    if found.is_empty() {
        return Err(WhyFailure::NoPlatform { spec: spec.file().to_owned(), platform }.into());
    }
    let is_one = found.len() == 1;
    let asked = |(locked, variant): &(LockedVariant<'_>, &Variant)| {
        Ok(((!is_one).then(|| variant_name(variant)), made(locked, variant, &locked_text)?))
    };
    found.iter().map(asked).collect()
}

/// Texts of several images, each below its image's name.
pub(crate) fn named(texts: Vec<(Option<String>, String)>) -> String {
    let one = |(name, text): (Option<String>, String)| match name {
        Some(name) => format!("{name}\n{text}"),
        None => text,
    };
    texts.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What is said of several images as JSON: of one alone it is what is said of that.
pub(crate) fn json_of(mut values: Vec<(Option<String>, Value)>) -> Value {
    match values.pop() {
        Some((None, value)) if values.is_empty() => value,
        last => {
            let all = values.into_iter().chain(last);
            json!({ "images": all.map(|(name, value)| json!({ "image": name, "report": value })).collect::<Vec<_>>() })
        }
    }
}

pub(crate) async fn why(arguments: &WhyArguments, global: &Global) -> Result<(), Failure> {
    if arguments.what.starts_with('/') {
        return whose(arguments, global).await;
    }
    let all = packages(&arguments.image, global).await?;
    if all.iter().all(|asked| asked.inventory.named(&arguments.what).is_empty()) {
        let inventories = all.iter().map(|asked| &asked.inventory);
        return Err(no_package(&arguments.image.image, &arguments.what, inventories).into());
    }
    let having = || all.iter().filter(|asked| !asked.inventory.named(&arguments.what).is_empty());
    if arguments.json {
        let values =
            having().map(|asked| (asked.name.clone(), reasons_json(&asked.inventory, &arguments.what)));
        return print_public_json(json_of(values.collect()));
    }
    let texts = having().map(|asked| (asked.name.clone(), reasons_text(&asked.inventory, &arguments.what)));
    print(&named(texts.collect()))
}

fn reasons_json(inventory: &Inventory, what: &str) -> Value {
    let graph = Graph::of(inventory);
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
    json!({ "packages": inventory.named(what).iter().map(one).collect::<Vec<_>>() })
}

fn reasons_text(inventory: &Inventory, what: &str) -> String {
    let graph = Graph::of(inventory);
    inventory.named(what).iter().map(|package| reasons(package, &graph)).collect::<Vec<_>>().join("\n")
}

fn no_package<'a>(image: &str, name: &str, all: impl Iterator<Item = &'a Inventory>) -> WhyFailure {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let is_near = |package: &&Package| strsim::jaro_winkler(&package.id.name, &wanted) > 0.85;
    let packages = all.flat_map(Inventory::packages);
    let known: BTreeSet<String> = packages.filter(is_near).map(|it| it.id.short()).collect();
    WhyFailure::Unknown {
        image: image.to_owned(),
        package: name.to_owned(),
        known: known.into_iter().take(5).collect(),
    }
}

fn reasons(package: &Package, graph: &Graph<'_>) -> String {
    let mut text = one_line(&format!("{} {}", package.id, package.release())) + "\n";
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
    let mut text = format!("  {}\n", one_line(&format!("{} ({asked})", chain.root)));
    for (depth, step) in chain.steps.iter().enumerate() {
        let indent = "  ".repeat(depth + 2);
        let step = format!("requires {}: {}", step.requirement, step.package.short());
        text.push_str(&format!("{indent}{}\n", one_line(&step)));
    }
    text
}

/// Whose a path is.
struct Whose {
    path: String,
    owners: Vec<String>,
    /// The parts that have it too and leave it to the owner.
    displaced: Vec<String>,
    /// How many packages of the base may have it, of which nothing is here that says it.
    unknown: usize,
    /// The number of its layer, the first being 1.
    layer: usize,
    /// What the layer is made of.
    title: Option<String>,
}

async fn whose(arguments: &WhyArguments, global: &Global) -> Result<(), Failure> {
    let (image, path) = (arguments.image.image.clone(), arguments.what.clone());
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let whose = in_background(move || {
        let contents = Contents::of(&opened, &store)?;
        let missing = || WhyFailure::NoFile { image: image.clone(), path: path.clone() };
        let asked = image_path(&path)?.ok_or_else(missing)?;
        let found = match contents.merged.get(&asked) {
            Some(node) => Some((asked.clone(), node)),
            None => contents.merged.find(&asked),
        };
        let (found, node) = found.ok_or_else(missing)?;
        let mut owners: Vec<String> = contents.owners().of(&found).map(ToString::to_string).collect();
        let lock = image_lock(&opened, &store)?;
        let locked = lock.as_ref().map(ImageLock::locked).transpose()?;
        let left = locked.as_ref().map(|locked| displaced(locked, &found)).unwrap_or_default();
        // A base without lists of files has what the archives of its packages have.
        let by_archives = match locked.as_ref().filter(|_| owners.is_empty()) {
            Some(locked) => debian_owner(locked, &found, &contents, &store)?,
            None => ArchiveOwner::default(),
        };
        owners.extend(by_archives.package.iter().map(ToString::to_string));
        let title = opened.titles().get(node.layer).copied().flatten().map(str::to_owned);
        let (path, unknown) = (found.to_string(), by_archives.unknown);
        Ok(Whose { path, owners, displaced: left, unknown, layer: node.layer + 1, title })
    })
    .await?;
    if arguments.json {
        let Whose { path, owners, displaced, unknown, layer, title } = whose;
        let layer = json!({ "number": layer, "title": title });
        return print_public_json(
            json!({ "path": path, "owners": owners, "displaced": displaced, "unknown": unknown, "layer": layer }),
        );
    }
    print(&whose_text(&whose))
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

fn whose_text(whose: &Whose) -> String {
    let Whose { path, owners, displaced, unknown, layer, title } = whose;
    let path = one_line(path);
    let mut text = match owners.as_slice() {
        [] if *unknown > 0 => format!(
            "{path} is in no package's list of files, and the archives of {} of the base are not here\n",
            counted(*unknown, "package")
        ),
        [] => format!("{path} is in no package's list of files\n"),
        owners => format!("{path} belongs to {}\n", owners.join(", ")),
    };
    if !displaced.is_empty() {
        text.push_str(&format!("  {} had it too, and left it to that\n", displaced.join(", ")));
    }
    let title = title.as_deref().unwrap_or("its history does not say what that is made of");
    text.push_str(&format!("  in layer {layer}: {}\n", shortened(&one_line(title), TITLE)));
    text
}

pub(crate) async fn tree(arguments: &TreeArguments, global: &Global) -> Result<(), Failure> {
    let all = packages(&arguments.image, global).await?;
    if let Some(name) = &arguments.package
        && all.iter().all(|asked| asked.inventory.named(name).is_empty())
    {
        let inventories = all.iter().map(|asked| &asked.inventory);
        return Err(no_package(&arguments.image.image, name, inventories).into());
    }
    if arguments.json {
        let values = all.iter().map(|asked| (asked.name.clone(), tree_json(&asked.inventory, arguments)));
        return print_public_json(json_of(values.collect()));
    }
    let texts = all.iter().map(|asked| (asked.name.clone(), tree_text(&asked.inventory, arguments)));
    print(&named(texts.collect()))
}

/// What a tree begins with.
fn roots<'a>(inventory: &'a Inventory, graph: &Graph<'a>, arguments: &TreeArguments) -> Vec<&'a Package> {
    match &arguments.package {
        None => graph.roots().collect(),
        Some(name) => inventory.named(name),
    }
}

fn tree_json(inventory: &Inventory, arguments: &TreeArguments) -> Value {
    let graph = Graph::of(inventory);
    let roots = roots(inventory, &graph, arguments);
    json!({ "roots": roots.iter().map(|it| &it.id).collect::<Vec<_>>(), "packages": nodes(inventory) })
}

fn tree_text(inventory: &Inventory, arguments: &TreeArguments) -> String {
    let graph = Graph::of(inventory);
    let mut branches =
        Branches { graph: &graph, depth: arguments.depth, seen: BTreeSet::new(), text: String::new() };
    roots(inventory, &graph, arguments).into_iter().for_each(|root| branches.put(root));
    branches.text
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

/// A line of a tree that is still to be written.
struct Branch<'a> {
    package: &'a Package,
    requirement: Option<&'a str>,
    mark: String,
    indent: String,
    depth: usize,
}

impl<'a> Branches<'a> {
    /// Writes a package and what it requires. Requirements of strangers go as deep as they like: so nothing calls itself.
    fn put(&mut self, root: &'a Package) {
        let (mark, indent) = (String::new(), String::new());
        let mut waiting = vec![Branch { package: root, requirement: None, mark, indent, depth: 0 }];
        while let Some(branch) = waiting.pop() {
            let children = self.line(&branch);
            let count = children.len();
            let below = children.into_iter().enumerate().map(|(number, (text, child))| {
                let is_last = number + 1 == count;
                let indent = &branch.indent;
                Branch {
                    package: child,
                    requirement: Some(text),
                    mark: format!("{indent}{}", if is_last { "└─ " } else { "├─ " }),
                    indent: format!("{indent}{}", if is_last { "   " } else { "│  " }),
                    depth: branch.depth + 1,
                }
            });
            waiting.extend(below.collect::<Vec<_>>().into_iter().rev());
        }
    }

    /// Writes one line; gives what is to be shown below it.
    fn line(&mut self, branch: &Branch<'_>) -> Vec<(&'a str, &'a Package)> {
        let Branch { package, requirement, mark, depth, .. } = branch;
        let children = self.graph.requires(&package.id);
        let is_new = self.seen.insert(package.id.clone());
        let again = if is_new || children.is_empty() { "" } else { " (above)" };
        let requirement = requirement.map(|it| format!(" [{it}]")).unwrap_or_default();
        let line = format!("{} {}{requirement}{again}", package.id.short(), package.version);
        self.text.push_str(&format!("{mark}{}\n", one_line(&line)));
        let is_deep = *depth >= self.depth.unwrap_or(DEEPEST).min(DEEPEST);
        if is_new && !is_deep { children } else { Vec::new() }
    }
}
