//! The environments of an image as kernels of Jupyter ("Kernel specs" of jupyter_client's documentation).

use std::collections::BTreeMap;

use imgbuild_archive::PathError;
use imgbuild_lock::{CondaPackage, CondaSet, LockedVariant};
use serde_json::json;

use crate::contents::{Contents, put};
use crate::environment::Environment;
use crate::variables::variables;

/// Where every Jupyter of a machine looks for kernels, whichever Python it runs in.
const FOLDER: &str = "usr/local/share/jupyter/kernels";

/// Activates an environment as conda does, then becomes the kernel.
const ACTIVATION: &str = "for script in \"$CONDA_PREFIX\"/etc/conda/activate.d/*.sh; do [ ! -r \"$script\" ] || . \"$script\"; done; exec \"$0\" \"$@\"";

/// An environment that is a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    name: String,
    title: String,
    words: Vec<String>,
    variables: BTreeMap<String, String>,
}

/// The kernels that the environments of a locked variant are beside the default one, which Jupyter knows without us: all that have
/// `ipykernel`.
pub fn kernels(locked: &LockedVariant<'_>) -> Vec<Kernel> {
    let kernel = |name: &str| Kernel::new(name, &locked.in_environment(Some(name))?);
    locked.environments.iter().filter_map(|environment| kernel(environment.name)).collect()
}

impl Kernel {
    fn new(name: &str, locked: &LockedVariant<'_>) -> Option<Self> {
        let conda = locked.conda.as_ref()?;
        let of_conda = conda.packages.iter().any(|package| package.name() == "ipykernel");
        let of_wheels =
            locked.pypi.iter().flat_map(|pypi| &pypi.packages).any(|package| package.name == "ipykernel");
        if !(of_conda || of_wheels) {
            return None;
        }
        let (set, packages) = (conda.set, conda.packages.as_slice());
        let version = packages.iter().find(|it| it.name() == "python").map(|it| short(it.version()));
        let title = format!("Python {} ({name})", version.unwrap_or_default());
        let (words, variables) = start(set, packages);
        Some(Self { name: name.to_owned(), title, words, variables })
    }

    /// Adds its file.
    pub(crate) fn put(&self, contents: &mut Contents) -> Result<(), PathError> {
        let settings = json!({
            "argv": self.words,
            "display_name": self.title,
            "env": self.variables,
            "language": "python",
            "metadata": { "debugger": true },
        });
        put(
            contents,
            &format!("{FOLDER}/{}/kernel.json", folder(&self.name)),
            format!("{settings:#}\n"),
            0o644,
        )
    }
}

/// What starts a kernel in an environment, and the variables that it has there.
fn start(set: &CondaSet, packages: &[&CondaPackage]) -> (Vec<String>, BTreeMap<String, String>) {
    let environment = Environment { conda: Some((set, packages)), ..Environment::default() };
    let activated = variables(Some(&[]), &environment, None, &BTreeMap::new());
    let mut values = activated.values;
    // Jupyter puts its own in the place of this.
    values.insert("PATH".to_owned(), format!("{}/bin:${{PATH}}", set.prefix));
    let kernel = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"];
    let python = kernel.map(|word| match word {
        "python" => format!("{}/bin/python", set.prefix),
        word => word.to_owned(),
    });
    let shell = ["/bin/bash", "-c", ACTIVATION].map(str::to_owned);
    let words = match activated.dynamic.is_empty() {
        true => python.to_vec(),
        false => shell.into_iter().chain(python).collect(),
    };
    (words, values)
}

/// `3.11` of `3.11.9`.
fn short(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

/// The folder of a kernel: Jupyter knows no others than those of letters, digits, `.`, `_` and `-`, and tells no capital letters
/// from others.
fn folder(name: &str) -> String {
    let known = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
    name.chars().map(|it| if known(it) { it.to_ascii_lowercase() } else { '-' }).collect()
}
