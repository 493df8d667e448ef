//! `imgbuild inspect`.

use imgbuild_archive::ImagePath;
use imgbuild_image::{Contents, Inspection};
use imgbuild_inventory::{Inventory, Kind, Owners, Package};
use imgbuild_layer::NodeKind;
use imgbuild_oci::MediaType;
use serde_json::{Value, json};

use super::opening::{Looked, in_background, open};
use super::{print, print_public_json};
use crate::arguments::Global;
use crate::failure::{Failure, Plain};
use crate::inspect_arguments::InspectArguments;
use crate::words::{counted, one_line, shortened, size, table};

/// How much of a layer's title stands in a table.
const TITLE: usize = 60;

pub(crate) async fn run(arguments: &InspectArguments, global: &Global) -> Result<(), Failure> {
    let looked = open(&arguments.image, global).await?;
    let files = arguments.files.as_deref().map(pattern).transpose()?;
    let (is_json, all) = (arguments.json, (arguments.layers, arguments.packages));
    let (text, value) = in_background(move || {
        let Looked { opened, store } = looked;
        let (inspection, inventory) = Inspection::of(&opened, &store)?;
        let files = files.map(|pattern| -> Result<_, Failure> {
            let contents = Contents::of(&opened, &store)?;
            Ok((fitting(&contents, &pattern), contents))
        });
        let files = files.transpose()?;
        if is_json {
            return as_json(&inspection, &inventory, files.map(|(files, _)| files), all)
                .map(|value| (String::new(), value));
        }
        let (layers, packages) = all;
        let mut parts = Vec::new();
        if !layers && !packages && files.is_none() {
            parts.push(summary(&inspection));
        }
        parts.extend(layers.then(|| layer_table(&inspection)));
        parts.extend(packages.then(|| package_table(&inventory)));
        parts.extend(files.map(|(files, _)| file_table(&files)));
        Ok((parts.join("\n"), Value::Null))
    })
    .await?;
    if is_json { print_public_json(value) } else { print(&text) }
}

/// A file of an image, and those that have it.
pub(crate) struct OwnedFile {
    path: ImagePath,
    kind: NodeKind,
    mode: u32,
    layer: usize,
    owners: Vec<String>,
}

fn pattern(text: &str) -> Result<globset::GlobMatcher, Failure> {
    let text = text.trim_start_matches('/');
    let glob = globset::GlobBuilder::new(text).literal_separator(true).build();
    let glob =
        glob.map_err(|error| Plain::Pattern { pattern: text.to_owned(), reason: error.kind().to_string() })?;
    Ok(glob.compile_matcher())
}

fn fitting(contents: &Contents, pattern: &globset::GlobMatcher) -> Vec<OwnedFile> {
    let owners: Owners = contents.owners();
    let files = contents.merged.iter().filter(|(_, node)| node.kind != NodeKind::Directory);
    let fitting = files.filter(|(path, _)| pattern.is_match(path.as_str()));
    let file = |(path, node): (&ImagePath, &imgbuild_layer::Node)| OwnedFile {
        path: path.clone(),
        kind: node.kind.clone(),
        mode: node.mode,
        layer: node.layer,
        owners: owners.of(path).map(ToString::to_string).collect(),
    };
    fitting.map(file).collect()
}

fn summary(inspection: &Inspection) -> String {
    let config = &inspection.config;
    let mut rows: Vec<(&str, String)> =
        vec![("digest", inspection.digest.to_string()), ("platform", inspection.platform.to_string())];
    rows.extend(inspection.created.map(|it| ("created", it.to_string())));
    rows.extend(inspection.system.as_ref().map(|system| {
        let words = [Some(&system.id), system.version.as_ref(), system.codename.as_ref()];
        ("system", words.into_iter().flatten().cloned().collect::<Vec<_>>().join(" "))
    }));
    rows.extend(inspection.base.as_ref().map(|base| {
        let name = base.name.as_ref().map(|name| format!("{name} ")).unwrap_or_default();
        ("base", format!("{name}{}", base.digest))
    }));
    for environment in &inspection.environments {
        let python = environment.python.as_ref().map(|version| format!("Python {version}"));
        let count = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
        let parts = [python, count(environment.conda, "of conda"), count(environment.pypi, "of PyPI")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        rows.push(("environment", format!("{}: {}", environment.prefix, parts.join(", "))));
    }
    rows.extend(inspection.cuda.as_ref().map(|cuda| {
        let version = cuda.version.as_deref().unwrap_or("unknown");
        let requires =
            cuda.requires.as_ref().map(|it| format!(", needs a driver with {it}")).unwrap_or_default();
        ("cuda", format!("{version}{requires}"))
    }));
    let counts = inspection.packages.iter().map(|(kind, count)| format!("{count} {}", of_kind(*kind)));
    rows.push(("packages", joined(counts)));
    let layers = inspection.layers.len();
    let is_packed = inspection.layers.iter().all(|layer| layer.media_type != MediaType::Layer);
    let packed = if is_packed { "compressed" } else { "as they are stored" };
    rows.push(("layers", format!("{layers}, {} {packed}", size(inspection.size()))));
    rows.push(("user", if config.user.is_empty() { "root".to_owned() } else { config.user.clone() }));
    rows.push(("starts", words(&config.entrypoint, &config.cmd)));
    rows.extend((!config.working_dir.is_empty()).then(|| ("in", config.working_dir.clone())));
    rows.extend(
        (!config.exposed_ports.is_empty()).then(|| ("ports", joined(config.exposed_ports.keys().cloned()))),
    );
    rows.extend((!config.volumes.is_empty()).then(|| ("volumes", joined(config.volumes.keys().cloned()))));
    rows.extend(config.env.iter().map(|variable| ("variable", variable.clone())));
    rows.extend(config.labels.iter().map(|(name, value)| ("label", format!("{name}={value}"))));
    rows.extend(
        inspection
            .lock
            .as_ref()
            .map(|lock| ("lock", format!("{}, format version {}", lock.digest, lock.format_version))),
    );
    rows.extend(inspection.ran.iter().map(|ran| ("ran", ran.clone())));
    rows.extend(inspection.unreadable.iter().map(|(path, why)| ("unreadable", format!("{path}: {why}"))));
    rows.iter().map(|(name, value)| format!("{name:<12} {}\n", one_line(value))).collect()
}

/// What an image starts, as a shell would have it.
fn words(entrypoint: &[String], cmd: &[String]) -> String {
    let quoted = |word: &String| {
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=@%+,".contains(it);
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let all: Vec<String> = entrypoint.iter().chain(cmd).map(quoted).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(" ") }
}

fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Debian => "of Debian",
        Kind::Apk => "of Alpine",
        Kind::Conda => "of conda",
        Kind::Pypi => "of PyPI",
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() { "none that is known".to_owned() } else { words }
}

fn layer_table(inspection: &Inspection) -> String {
    let row = |layer: &imgbuild_image::LayerInspection| {
        let title = layer.title.as_deref().unwrap_or("(its history does not say)");
        let installed = layer.uncompressed_size.map_or("?".to_owned(), size);
        let digest = layer.digest.hex()[..12].to_owned();
        vec![shortened(&one_line(title), TITLE), digest, size(layer.size), installed]
    };
    let rows: Vec<Vec<String>> = inspection.layers.iter().map(row).collect();
    format!("layers, the first first: as stored, unpacked\n{}", table(&rows))
}

fn package_table(inventory: &Inventory) -> String {
    let row = |package: &Package| {
        let installed = package.installed_size.map_or("?".to_owned(), size);
        vec![package.id.to_string(), package.release(), installed]
    };
    let rows: Vec<Vec<String>> = inventory.packages().map(row).collect();
    format!("{}: version, installed\n{}", counted(rows.len(), "package"), table(&rows))
}

fn file_table(files: &[OwnedFile]) -> String {
    let row = |file: &OwnedFile| {
        let bytes = match &file.kind {
            NodeKind::File { size: bytes } => size(*bytes),
            NodeKind::Symlink(target) => format!("-> {target}"),
            NodeKind::Special(special) => special.to_string(),
            NodeKind::Directory => String::new(),
        };
        let owners = if file.owners.is_empty() { "nobody's".to_owned() } else { file.owners.join(", ") };
        vec![file.path.to_string(), bytes, owners]
    };
    let rows: Vec<Vec<String>> = files.iter().map(row).collect();
    format!("{}: size, whose\n{}", counted(rows.len(), "file"), table(&rows))
}

fn as_json(
    inspection: &Inspection,
    inventory: &Inventory,
    files: Option<Vec<OwnedFile>>,
    (_, packages): (bool, bool),
) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(inspection).map_err(Plain::from)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("size".to_owned(), json!(inspection.size()));
        if packages {
            let all: Vec<Value> = inventory.packages().map(|it| package_json(it, inventory)).collect();
            object.insert("package-list".to_owned(), json!(all));
        }
        if let Some(files) = files {
            object.insert("files".to_owned(), files.iter().map(file_json).collect());
        }
    }
    Ok(value)
}

/// A package, with its package URL.
pub(crate) fn package_json(package: &Package, inventory: &Inventory) -> Value {
    let mut value = json!(package);
    if let Some(object) = value.as_object_mut() {
        object.insert("purl".to_owned(), json!(package.purl(inventory.system.as_ref())));
    }
    value
}

fn file_json(file: &OwnedFile) -> Value {
    let mut value = json!({
        "path": file.path.to_string(),
        "mode": format!("{:04o}", file.mode),
        "layer": file.layer + 1,
        "owners": file.owners,
    });
    if let (Some(object), (key, what)) = (value.as_object_mut(), kind_json(&file.kind)) {
        object.insert(key.to_owned(), what);
    }
    value
}

/// What a path is, as a key and a value.
pub(crate) fn kind_json(kind: &NodeKind) -> (&'static str, Value) {
    match kind {
        NodeKind::File { size } => ("size", json!(size)),
        NodeKind::Symlink(target) => ("target", json!(target)),
        NodeKind::Directory => ("folder", json!(true)),
        NodeKind::Special(special) => ("special", json!(special.to_string())),
    }
}
