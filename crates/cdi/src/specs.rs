//! The files of a machine that describe its devices.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imgbuild_document::{DocumentError, Problem, decode, source, yaml_tree};

use crate::devices::Devices;
use crate::error::CdiError;
use crate::limits::SPEC_LIMIT;
use crate::model::Spec;

/// Where machines have them: what is written while the machine runs goes before what was installed.
pub const FOLDERS: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];
/// The device that stands for all, where a file has it.
const ALL: &str = "all";
/// What the class of GPUs is called, whoever makes them.
const GPU: &str = "gpu";

/// The files of a machine that describe its devices.
#[derive(Debug, Clone)]
pub struct Specs {
    folders: Vec<PathBuf>,
    /// Each with its path and the place of its folder.
    specs: Vec<(PathBuf, usize, Spec)>,
}

impl Specs {
    /// Reads all files of these folders, the first first. A folder that is not there has none.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or describes no devices.
    pub fn read(folders: &[PathBuf]) -> Result<Self, CdiError> {
        let mut specs = Vec::new();
        for (place, folder) in folders.iter().enumerate() {
            let failed = |error| CdiError::File { path: folder.clone(), error };
            let entries = match std::fs::read_dir(folder) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries.map_err(failed)?,
            };
            let mut paths =
                entries.map(|it| Ok(it?.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
            paths.sort();
            let is_spec = |path: &PathBuf| {
                path.extension().is_some_and(|end| ["json", "yaml", "yml"].iter().any(|it| end == *it))
            };
            for path in paths.into_iter().filter(is_spec) {
                let spec = read(&path)?;
                specs.push((path, place, spec));
            }
        }
        Ok(Self { folders: folders.to_vec(), specs })
    }

    /// The devices of these names, which commas part: `all`, the name of a GPU such as `0`, or one of any kind by its whole name,
    /// `vendor.example/class=name`.
    ///
    /// # Errors
    ///
    /// When there is none, or what it needs is not on the machine.
    pub fn devices(&self, names: &str) -> Result<Devices, CdiError> {
        if self.specs.is_empty() {
            return Err(CdiError::NoSpecs { folders: self.folders.clone() });
        }
        let known = self.known()?;
        let mut chosen = Vec::new();
        for name in names.split(',').map(str::trim) {
            let found: Vec<&(String, usize, usize)> = known.iter().filter(|(it, ..)| is(it, name)).collect();
            let found = match found.as_slice() {
                // A file without a device for all has each of them.
                [] if name == ALL => known.iter().filter(|(it, ..)| class(it) == GPU).collect(),
                _ => found,
            };
            if found.is_empty() {
                let all: Vec<String> = known.iter().map(|(name, ..)| format!("`{name}`")).collect();
                let known = match all.as_slice() {
                    [] => "is none".to_owned(),
                    [only] => format!("is {only}"),
                    all => format!("are {}", all.join(", ")),
                };
                return Err(CdiError::NoDevice { name: name.to_owned(), known });
            }
            chosen.extend(found.into_iter().map(|(_, spec, device)| (*spec, *device)));
        }
        let mut devices = Devices::default();
        let mut seen = Vec::new();
        for (index, device) in chosen {
            let Some((path, _, spec)) = self.specs.get(index) else { continue };
            if !seen.contains(&index) {
                seen.push(index);
                devices.add(&spec.container_edits, path)?;
            }
            if let Some(device) = spec.devices.get(device) {
                devices.add(&device.container_edits, path)?;
            }
        }
        devices.apply_hooks();
        Ok(devices)
    }

    /// The whole names of all devices.
    ///
    /// # Errors
    ///
    /// When two files describe one of them.
    pub fn names(&self) -> Result<Vec<String>, CdiError> {
        Ok(self.known()?.into_iter().map(|(name, ..)| name).collect())
    }

    /// All devices by their whole names, with the places of their files and in them. Of two of one name that of the later folder counts.
    fn known(&self) -> Result<Vec<(String, usize, usize)>, CdiError> {
        let mut known: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (index, (path, folder, spec)) in self.specs.iter().enumerate() {
            for (place, device) in spec.devices.iter().enumerate() {
                let name = format!("{}={}", spec.kind, device.name);
                let before = known.insert(name.clone(), (index, place));
                let before = before.and_then(|(index, _)| self.specs.get(index));
                if let Some((first, _, _)) = before.filter(|(_, it, _)| it == folder) {
                    return Err(CdiError::Twice { name, first: first.clone(), second: path.clone() });
                }
            }
        }
        Ok(known.into_iter().map(|(name, (spec, device))| (name, spec, device)).collect())
    }
}

/// The class of a device by its whole name.
fn class(whole: &str) -> &str {
    whole.split_once('=').and_then(|(kind, _)| kind.split_once('/')).map_or("", |(_, class)| class)
}

/// Whether a name means a device: it is its whole one, or that of a GPU.
fn is(whole: &str, name: &str) -> bool {
    whole == name || (class(whole) == GPU && whole.split_once('=').is_some_and(|(_, own)| own == name))
}

fn read(path: &Path) -> Result<Spec, CdiError> {
    let failed = |error| CdiError::File { path: path.to_owned(), error };
    let bytes = imgbuild_document::files::from_disk(path, SPEC_LIMIT + 1).map_err(failed)?;
    let wrong = |what: &str| CdiError::Wrong { path: path.to_owned(), what: what.to_owned() };
    if bytes.len() > SPEC_LIMIT {
        return Err(wrong("is larger than any description of devices"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("is no text"))?;
    let spec = if path.extension().is_some_and(|end| end == "json") {
        serde_json::from_str(&text).map_err(|error| CdiError::Json { path: path.to_owned(), error })?
    } else {
        read_yaml(path, text)?
    };
    check(&spec).map_err(|what| CdiError::Wrong { path: path.to_owned(), what })?;
    Ok(spec)
}

fn read_yaml(path: &Path, text: String) -> Result<Spec, DocumentError> {
    let name = path.display().to_string();
    let source = source(&name, text);
    let failed = |problems: Vec<Problem>| DocumentError::new(&name, problems);
    let root = yaml_tree::read(&source).map_err(|problem| failed(vec![problem]))?;
    decode(&root, "").map_err(|errors| {
        failed(errors.into_iter().map(|error| error.problem(&source, |_| "here".to_owned())).collect())
    })
}

/// What every file must say.
fn check(spec: &Spec) -> Result<(), String> {
    let mut version = spec.cdi_version.split('.').map(|part| part.parse::<u32>().ok());
    if !matches!((version.next(), version.next()), (Some(Some(0..=1)), Some(Some(_)))) {
        return Err(format!("is of version `{}`, which is not known", spec.cdi_version.escape_default()));
    }
    match spec.kind.split_once('/') {
        Some((vendor, class))
            if !vendor.is_empty() && !class.is_empty() && !class.contains(['/', '=', ',']) =>
        {
            Ok(())
        }
        _ => Err(format!("has the kind `{}`, which is not `VENDOR/CLASS`", spec.kind.escape_default())),
    }
}
