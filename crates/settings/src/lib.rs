//! imgbuild's own settings on a machine: a file of the user's, and the variables that come before it.
//!
//! No image depends on them: they say where things are kept, how large that may become, and where this machine finds what specs and other
//! tools name by variables.

mod size;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use imgbuild_spec::SizeError;
use miette::Diagnostic;
use serde::Deserialize;

pub use size::ByteSize;

/// The variable that names the file of settings.
pub const CONFIG: &str = "IMGBUILD_CONFIG";
/// The variable that says how large the cache may be.
pub const CACHE_SIZE: &str = "IMGBUILD_CACHE_SIZE";

/// What a file of settings says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `[cache]`.
    pub cache: CacheSettings,
    /// `[sigstore]`.
    pub sigstore: SigstoreSettings,
    /// `[variables]`: what the environment does not say is as if it said this.
    pub variables: BTreeMap<String, String>,
}

/// `[cache]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSettings {
    /// Its folder, where `IMGBUILD_CACHE` names none: an absolute path.
    pub folder: Option<PathBuf>,
    /// How large it may be after a build.
    pub size: Option<ByteSize>,
}

/// `[sigstore]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SigstoreSettings {
    /// The file of Sigstore's keys, `trusted_root.json`, by which attestations of packages are checked: an absolute path.
    pub trusted_root: Option<PathBuf>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings `{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file is wrong.
    #[error("the settings `{}` are wrong:\n{}", path.display(), error.to_string().trim_end())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        error: Box<toml::de::Error>,
    },
    /// A path that means another folder wherever the program is started.
    #[error("`{}` in the settings `{}` is no absolute path", folder.display(), path.display())]
    Relative {
        /// The file.
        path: PathBuf,
        /// What it names.
        folder: PathBuf,
    },
    /// A variable is wrong.
    #[error("`{CACHE_SIZE}` is `{text}`, which is no size")]
    Size {
        /// What it says.
        text: String,
        /// Why.
        #[source]
        error: SizeError,
    },
}

impl Settings {
    /// The settings of this machine: those of the file that `IMGBUILD_CONFIG` names, else of `imgbuild/config.toml` in the user's
    /// configuration folder (`XDG_CONFIG_HOME`, else `.config` at home), and the variables before it.
    ///
    /// # Errors
    ///
    /// When the file that is named is not there, or one of them is wrong.
    pub fn of_machine(variables: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let mut settings =
            Self::file(variables).map(|path| Self::read(&path)).transpose()?.unwrap_or_default();
        if let Some(text) = set(CACHE_SIZE) {
            let size = text.parse().map_err(|error| SettingsError::Size { text: text.clone(), error })?;
            settings.cache.size = Some(size);
        }
        Ok(settings)
    }

    /// The file of settings by these variables; nothing where none is named and the usual one is not there.
    pub fn file(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The specification of base directories wants relative paths to be ignored.
        let absolute = |name| set(name).filter(|path| path.is_absolute());
        let folder = || absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
        let usual = || Some(folder()?.join("imgbuild/config.toml")).filter(|path| path.exists());
        set(CONFIG).or_else(usual)
    }

    fn read(path: &Path) -> Result<Self, SettingsError> {
        let failed = |error| SettingsError::Read { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let settings: Self = toml::from_str(&text)
            .map_err(|error| SettingsError::Wrong { path: path.to_owned(), error: Box::new(error) })?;
        let paths = [&settings.cache.folder, &settings.sigstore.trusted_root];
        let relative = paths.into_iter().flatten().find(|it| !it.is_absolute()).cloned();
        match relative {
            Some(folder) => Err(SettingsError::Relative { path: path.to_owned(), folder }),
            None => Ok(settings),
        }
    }

    /// The variables of the environment, and those of the file that it lacks.
    pub fn with_variables(&self, environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        variables.extend(environment);
        variables
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_diagnostic::told;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn read(text: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        let settings = Settings::of_machine(&variables(&[(CONFIG, path.to_str().unwrap())]));
        settings.map_err(|error| told(&error).replace(folder.path().to_str().unwrap(), "HERE"))
    }

    #[test]
    fn a_file_says_where_the_cache_is_and_what_variables_are() {
        let settings = read(
            "[cache]\nfolder = \"/big/cache\"\nsize = \"20GB\"\n[variables]\nCONDARC = \"/etc/condarc\"\nA = \"file\"\n",
        )
        .unwrap();
        assert_eq!(settings.cache.folder.as_deref(), Some(Path::new("/big/cache")));
        assert_eq!(settings.cache.size, Some(ByteSize(20_000_000_000)));
        // The environment comes before it.
        let seen = settings.with_variables(variables(&[("A", "environment"), ("B", "1")]));
        assert_eq!(seen, variables(&[("A", "environment"), ("B", "1"), ("CONDARC", "/etc/condarc")]));
    }

    #[test]
    fn the_file_need_not_be_there_unless_it_is_named() {
        assert_eq!(Settings::of_machine(&variables(&[])).unwrap(), Settings::default());
        let home = tempfile::tempdir().unwrap();
        let at = home.path().to_str().unwrap();
        assert_eq!(Settings::of_machine(&variables(&[("HOME", at)])).unwrap(), Settings::default());
        for (variable, folder) in [("HOME", ".config/imgbuild"), ("XDG_CONFIG_HOME", "imgbuild")] {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
            std::fs::write(home.path().join(folder).join("config.toml"), "[cache]\nsize = 5\n").unwrap();
            let settings = Settings::of_machine(&variables(&[(variable, at)])).unwrap();
            assert_eq!(settings.cache.size, Some(ByteSize(5)));
            // A variable comes before it.
            let settings = Settings::of_machine(&variables(&[(variable, at), (CACHE_SIZE, "1kB")])).unwrap();
            assert_eq!(settings.cache.size, Some(ByteSize(1000)));
        }
        let named = Settings::of_machine(&variables(&[(CONFIG, "/nowhere/config.toml")])).unwrap_err();
        assert_eq!(
            told(&named),
            "the settings `/nowhere/config.toml` cannot be read\nNo such file or directory (os error 2)"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = [
            "[cach]\n",
            "[cache]\nsize = \"20 elephants\"\n",
            "[cache]\nfolder = \"here\"\n",
            "cache = 3\n",
            "[sigstore]\ntrusted-root = \"keys.json\"\n",
        ];
        insta::assert_snapshot!(wrong.map(|text| read(text).unwrap_err()).join("\n\n"));
        let size = Settings::of_machine(&variables(&[(CACHE_SIZE, "big")])).unwrap_err();
        insta::assert_snapshot!(told(&size));
    }
}
