//! The environment variables of an image.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_lock::MANAGERS;

use crate::environment::{CondaEnvironment, Environment};

const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables, and what could not be said by variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// Names and values.
    pub values: BTreeMap<String, String>,
    /// Activation scripts that do more than set variables, with their packages: they need the entrypoint or a login
    /// shell.
    pub dynamic: Vec<(String, String)>,
    /// The names of those values that follow from activation itself, and that these scripts may change.
    pub activated: BTreeSet<String>,
    /// The programs with which environments can be changed, by their names.
    pub managers: Vec<&'static str>,
    /// The prefix that these are in.
    pub root_prefix: String,
}

impl Variables {
    /// Whether shells have something to do that variables cannot say: activation, or what makes `conda activate` of conda.
    pub fn need_shells(&self) -> bool {
        !self.dynamic.is_empty() || !self.managers.is_empty()
    }

    /// What the programs that change environments need, wherever they are.
    fn manage(&mut self, (set, packages): CondaEnvironment<'_>) {
        let has = |name: &&&'static str| packages.iter().any(|package| package.name() == **name);
        self.managers = MANAGERS.iter().filter(has).copied().collect();
        self.root_prefix = set.prefix.to_string();
        let path = self.values.get("PATH").cloned().unwrap_or_default();
        let values = &mut self.values;
        let mut put = |name: &str, value: String| values.insert(name.to_owned(), value);
        if !self.managers.is_empty() {
            // It has nothing but them, and stays where another environment takes the place of the active one.
            put("PATH", joined(&format!("{}/condabin", self.root_prefix), &path));
        }
        for manager in &self.managers {
            manager_variables(manager, &self.root_prefix, &mut put);
        }
    }

    /// What the activation of an environment would set.
    fn activate(&mut self, (set, packages): CondaEnvironment<'_>) {
        let path = self.values.get("PATH").cloned().unwrap_or_default();
        let values = &mut self.values;
        let mut put = |name: &str, value: String| values.insert(name.to_owned(), value);
        let prefix = set.prefix.to_string();
        put("PATH", joined(&format!("{prefix}/bin"), &path));
        if !self.managers.is_empty() {
            put("CONDA_SHLVL", "1".to_owned());
        }
        self.activated.insert("PATH".to_owned());
        for export in packages.iter().flat_map(|package| &package.facts.activation.exports) {
            put(&export.name, export.value.replace("$CONDA_PREFIX", &prefix));
            self.activated.insert(export.name.clone());
        }
        if let Some(version) = set.virtual_packages.get("__cuda") {
            // On a machine without a driver a change would otherwise put builds for the processor in the place of what is there.
            put("CONDA_OVERRIDE_CUDA", version.clone());
        }
        for (name, value) in &set.variables {
            put(name, value.clone());
            self.activated.remove(name);
        }
        put("CONDA_DEFAULT_ENV", set.name.clone());
        put("CONDA_PREFIX", prefix);
        // For uv, an environment that is called `base` is no environment, and the system's Python is what it may change.
        put("UV_SYSTEM_PYTHON", "1".to_owned());
        for package in packages {
            let scripts = package.facts.activation.dynamic.iter();
            self.dynamic
                .extend(scripts.map(|script| (package.name().to_owned(), script.as_str().to_owned())));
        }
    }
}

/// Where Python finds what a user has installed for itself, by `pip install --user`. What lies in `~/.local` of a mounted home is
/// of other Pythons and other images, and breaks this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSite {
    /// In a folder of the image's own below the user's home.
    Folder(String),
    /// Nowhere.
    Nowhere,
}

/// The variables of an image: `PATH`, the locale, and, with a conda environment, what its activation would set, so that
/// `python` is the environment's without activation.
///
/// Of two packages of `environment` that export one variable the later wins, as when both are activated.
/// `site` says where Python finds what the image's user has installed for itself; its commands come after all others.
/// `base` are those of the image that this one stands on, where it stands on one: they stay, and the environment's folder
/// comes before its `PATH`. `given` are the spec's own, which win over all.
pub fn variables(
    base: Option<&[String]>,
    environment: &Environment<'_>,
    site: Option<&UserSite>,
    given: &BTreeMap<String, String>,
) -> Variables {
    let mut variables = Variables { values: inherited(base), ..Variables::default() };
    variables.values.entry("PATH".to_owned()).or_insert_with(|| SYSTEM_PATH.to_owned());
    if let Some(managing) = environment.managing() {
        variables.manage(managing);
    }
    if let Some(conda) = environment.conda {
        variables.activate(conda);
    }
    if let Some(prefix) = environment.virtual_environment {
        let path = variables.values.get("PATH").cloned().unwrap_or_default();
        variables.values.insert("PATH".to_owned(), joined(&format!("{prefix}/bin"), &path));
        variables.values.insert("VIRTUAL_ENV".to_owned(), prefix.to_string());
        if environment.conda.is_none() {
            // What an image with a conda environment says of that one.
            variables.values.remove("UV_SYSTEM_PYTHON");
        }
    }
    match site {
        Some(UserSite::Folder(folder)) => {
            let path = variables.values.get("PATH").cloned().unwrap_or_default();
            // Last: what a user can write must not stand in the way of the system's programs, which root runs too.
            variables.values.insert("PATH".to_owned(), joined(&path, &format!("{folder}/bin")));
            variables.values.insert("PYTHONUSERBASE".to_owned(), folder.clone());
        }
        Some(UserSite::Nowhere) => {
            variables.values.insert("PYTHONNOUSERSITE".to_owned(), "1".to_owned());
        }
        None => {}
    }
    variables.values.extend(given.clone());
    variables.activated.retain(|name| !given.contains_key(name));
    variables
}

/// What a program that changes environments finds where one is active: then `activate` puts another in its place.
fn manager_variables(manager: &str, prefix: &str, put: &mut impl FnMut(&str, String) -> Option<String>) {
    if manager == "conda" {
        put("CONDA_EXE", format!("{prefix}/bin/conda"));
        put("CONDA_PYTHON_EXE", format!("{prefix}/bin/python"));
    } else {
        put("MAMBA_EXE", format!("{prefix}/bin/{manager}"));
        put("MAMBA_ROOT_PREFIX", prefix.to_owned());
    }
}

/// Two parts of a `PATH`. An empty one would be the folder that a program happens to be started in.
fn joined(first: &str, second: &str) -> String {
    let parts = [first, second].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(":")
}

/// What an image begins with. Whether an image of others has a locale is its own matter.
fn inherited(base: Option<&[String]>) -> BTreeMap<String, String> {
    let Some(base) = base else {
        return BTreeMap::from([("LANG".to_owned(), "C.UTF-8".to_owned())]);
    };
    let variable = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    base.iter().map(variable).filter(|(name, _)| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use imgbuild_archive::ImagePath;
    use imgbuild_lock::{Activation, CondaFacts, CondaPackage, CondaSet, EnvironmentVariable};

    fn package(name: &str, exports: &[(&str, &str)], dynamic: &[&str]) -> CondaPackage {
        let exports = exports.iter().map(|(name, value)| EnvironmentVariable {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        });
        let dynamic = dynamic.iter().map(|path| ImagePath::new(path).unwrap());
        let activation = Activation { exports: exports.collect(), dynamic: dynamic.collect() };
        let mut record = toml_table();
        record.insert("name".into(), name.into());
        CondaPackage {
            url: String::new(),
            channel: String::new(),
            size: None,
            sha256: imgbuild_oci::Digest::of(name),
            facts: CondaFacts {
                paths: imgbuild_oci::Digest::of(""),
                installed_size: 0,
                entry_points: vec![],
                link_scripts: vec![],
                distributions: vec![],
                activation,
            },
            record,
        }
    }

    fn toml_table() -> toml::Table {
        toml::Table::new()
    }

    #[test]
    fn activation_holds_for_every_process() {
        let set = CondaSet {
            prefix: ImagePath::new("opt/conda").unwrap(),
            root_prefix: None,
            name: "ml".to_owned(),
            alias: None,
            channels: vec![],
            requested: vec![],
            virtual_packages: BTreeMap::new(),
            packages: vec![],
            excluded: vec![],
            post_link: vec![],
            accept_damaged: vec![],
            compilers: vec![],
            variables: BTreeMap::from([("FROM_FILE".to_owned(), "1".to_owned())]),
        };
        let gdal = package("gdal", &[("GDAL_DATA", "$CONDA_PREFIX/share/gdal"), ("X", "first")], &[]);
        let gcc = package("gcc", &[("X", "second")], &["etc/conda/activate.d/gcc.sh"]);
        let given = BTreeMap::from([("FROM_FILE".to_owned(), "2".to_owned())]);
        let packages = [&gdal, &gcc];
        let environment = Environment { conda: Some((&set, &packages)), ..Environment::default() };
        let variables = variables(None, &environment, None, &given);
        let shown: Vec<String> =
            variables.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "CONDA_DEFAULT_ENV=ml",
                "CONDA_PREFIX=/opt/conda",
                "FROM_FILE=2",
                "GDAL_DATA=/opt/conda/share/gdal",
                "LANG=C.UTF-8",
                "PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "UV_SYSTEM_PYTHON=1",
                "X=second",
            ]
        );
        assert_eq!(variables.dynamic, [("gcc".to_owned(), "etc/conda/activate.d/gcc.sh".to_owned())]);
    }

    #[test]
    fn a_virtual_environment_is_first() {
        let prefix = ImagePath::new("opt/venv").unwrap();
        let environment = Environment { virtual_environment: Some(&prefix), ..Environment::default() };
        let found = variables(Some(&["PATH=/bin".to_owned()]), &environment, None, &BTreeMap::new());
        assert_eq!(found.values["PATH"], "/opt/venv/bin:/bin");
        assert_eq!(found.values["VIRTUAL_ENV"], "/opt/venv");
        // Over an image with a conda environment it is what uv changes.
        let base = ["PATH=/opt/conda/bin:/bin".to_owned(), "UV_SYSTEM_PYTHON=1".to_owned()];
        let found = variables(Some(&base), &environment, None, &BTreeMap::new());
        assert_eq!(found.values["PATH"], "/opt/venv/bin:/opt/conda/bin:/bin");
        assert_eq!(found.values.get("UV_SYSTEM_PYTHON"), None);
    }

    #[test]
    fn an_empty_path_of_a_base_is_not_the_current_folder() {
        let base = ["PATH=".to_owned()];
        let (prefix, site) = (ImagePath::new("opt/venv").unwrap(), UserSite::Folder("/home/x".to_owned()));
        let environment = Environment { virtual_environment: Some(&prefix), ..Environment::default() };
        let found = variables(Some(&base), &environment, Some(&site), &BTreeMap::new());
        assert_eq!(found.values["PATH"], "/opt/venv/bin:/home/x/bin");
        let found = variables(Some(&base), &Environment::default(), Some(&site), &BTreeMap::new());
        assert_eq!(found.values["PATH"], "/home/x/bin");
    }

    #[test]
    fn what_a_user_installs_is_found_in_a_folder_of_the_images_own() {
        let own = UserSite::Folder("/home/user/.local/share/imgbuild/x".to_owned());
        let of = |site| {
            variables(Some(&["PATH=/bin".to_owned()]), &Environment::default(), site, &BTreeMap::new()).values
        };
        let found = of(Some(&own));
        assert_eq!(found["PATH"], "/bin:/home/user/.local/share/imgbuild/x/bin");
        assert_eq!(found["PYTHONUSERBASE"], "/home/user/.local/share/imgbuild/x");
        let found = of(Some(&UserSite::Nowhere));
        assert_eq!((found["PATH"].as_str(), found["PYTHONNOUSERSITE"].as_str()), ("/bin", "1"));
    }
}
