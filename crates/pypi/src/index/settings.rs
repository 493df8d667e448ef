//! Where uv and pip look for packages on this machine, by their own settings.
//!
//! uv reads its own settings; where it has none, it is given those of pip. Both are read here too, for the credentials
//! that downloads need.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use imgbuild_secret::SecretText;
use reqwest_middleware::Middleware;
use url::Url;

use crate::index::credentials::{Credentials, Login};
use crate::index::pip_settings::PipSettings;
use crate::index::settings_files::{SettingsError, Variables, configuration_folders, table};

/// uv's variables that name an index.
const UV_INDEXES: [&str; 4] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"];

/// Where packages are looked for, beside what uv's and pip's own settings say. URLs may hold variables (`${NAME}`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexes {
    /// The index that is asked, in the place of the one that the settings name.
    pub index_url: Option<SecretText>,
    /// Further indexes.
    pub extra_index_urls: Vec<SecretText>,
    /// Folders and pages that list packages.
    pub find_links: Vec<SecretText>,
    /// Whether no index is asked.
    pub no_index: bool,
    /// What is asked in the place of PyTorch's own server.
    pub pytorch_mirror: Option<SecretText>,
}

/// What is known of indexes on this machine.
#[derive(Clone, Default)]
pub struct Settings {
    /// The variables of uv that were set.
    uv: Variables,
    /// What pip knows, where uv knows nothing.
    pip: PipSettings,
    /// What the spec names.
    indexes: Indexes,
    credentials: Credentials,
    /// All the indexes and folders of files, whoever names them, without their users and passwords.
    pub(crate) places: Vec<String>,
    /// Those that are asked, as far as anybody names them.
    asked: Vec<SecretText>,
}

impl fmt::Debug for Settings {
    /// Nothing of them: they hold passwords in many forms.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings")
    }
}

impl Settings {
    /// Reads the settings: from these variables, and from the files that they, or the habits of uv and pip, name. Those of
    /// a project are looked for in `folder` and above it. `indexes` are those that the spec names.
    ///
    /// # Errors
    ///
    /// When a file is there and cannot be read.
    pub fn read(variables: &Variables, folder: &Path, indexes: &Indexes) -> Result<Self, SettingsError> {
        let indexes = expanded(indexes, variables);
        let configured = uv_indexes(variables, folder)?;
        let uv: Variables = variables
            .iter()
            .filter(|(name, value)| name.starts_with("UV_") && !value.is_empty())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let has_own = !configured.is_empty() || UV_INDEXES.iter().any(|name| uv.contains_key(*name));
        let pip = if has_own { PipSettings::default() } else { PipSettings::read(variables)? };
        let mut logins = Vec::new();
        let asked = asked(&configured, &uv, &pip, &indexes);
        let mut urls: Vec<(Option<String>, String)> = configured;
        for name in UV_INDEXES {
            urls.extend(uv.get(name).into_iter().flat_map(|value| value.split_whitespace()).map(named));
        }
        urls.extend(pip.urls().map(|url| (None, url.to_owned())));
        let own = indexes.index_url.iter().chain(&indexes.extra_index_urls).chain(&indexes.find_links);
        let own = own.chain(&indexes.pytorch_mirror);
        urls.extend(own.map(|url| named(url.whole())));
        let places = urls.iter().map(|(_, url)| imgbuild_secret::public(url)).collect();
        for (name, url) in urls {
            let Ok(url) = Url::parse(&url) else { continue };
            logins.extend(Login::of_url(&url));
            logins.extend(name.and_then(|name| login_by_name(&uv, &name, &url)));
        }
        let credentials = Credentials::new(logins, variables)?;
        Ok(Self { uv, pip, indexes, credentials, places, asked })
    }

    /// The variables of this process; those that are no text are left out.
    pub fn variables() -> Variables {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// What is asked in the place of PyTorch's own server.
    pub(crate) fn pytorch_mirror(&self) -> Option<&SecretText> {
        self.indexes.pytorch_mirror.as_ref()
    }

    /// Puts an index before all others.
    pub(crate) fn put_first(&mut self, index: SecretText) {
        self.indexes.extra_index_urls.insert(0, index);
    }

    /// What adds the credentials to our own requests: a layer for `imgbuild_net::Client::with_layers`.
    pub fn layer(&self) -> Arc<dyn Middleware> {
        Arc::new(self.credentials.clone())
    }

    /// The indexes that are asked, the spec's first, each once. Where nobody names one, uv asks its own default one.
    pub fn index_urls(&self) -> &[SecretText] {
        &self.asked
    }

    /// Whether a server is shown a user and a password for this URL.
    pub fn knows_login(&self, url: &Url) -> bool {
        self.credentials.knows(url)
    }

    /// A text without the passwords that are known.
    pub(crate) fn redacted(&self, text: &str) -> String {
        self.credentials.redacted(text)
    }

    /// Tells uv what pip knows and what the spec says: by variables, so that other users of the machine do not see what may
    /// hold a password.
    pub(crate) fn apply(&self, command: &mut Command) {
        let indexes = &self.indexes;
        // uv sees the variables that were read here, and no others of its own.
        let others = std::env::vars_os().map(|(name, _)| name);
        for name in others.filter(|name| name.to_string_lossy().starts_with("UV_")) {
            command.env_remove(name);
        }
        command.envs(&self.uv);
        // uv knows OpenSSL's variables alone.
        if let Some((_, path)) = imgbuild_net::usual_bundle(|name| std::env::var(name).ok()) {
            let name = if path.is_dir() { "SSL_CERT_DIR" } else { "SSL_CERT_FILE" };
            command.env(name, std::path::absolute(&path).unwrap_or(path));
        }
        let whole = |urls: &[SecretText]| urls.iter().map(|url| url.whole().to_owned()).collect::<Vec<_>>();
        let own = indexes.index_url.as_ref().map(SecretText::whole);
        let default = own.or(self.pip.index_url.as_deref());
        if let Some(index) = default {
            // The older name of the same.
            command.env_remove("UV_INDEX_URL").env("UV_DEFAULT_INDEX", index);
        }
        let mut join = |name: &str, separator: &str, lists: [&[String]; 2]| {
            let mut values = lists.concat();
            values.extend(self.uv.get(name).cloned());
            if values.len() > usize::from(self.uv.contains_key(name)) {
                command.env(name, values.join(separator));
            }
        };
        join("UV_INDEX", " ", [&whole(&indexes.extra_index_urls), &self.pip.extra_index_urls]);
        join("UV_FIND_LINKS", ",", [&whole(&indexes.find_links), &self.pip.find_links]);
        join("UV_INSECURE_HOST", " ", [&[], &self.pip.trusted_hosts]);
        if indexes.no_index || (self.pip.no_index && indexes.index_url.is_none()) {
            command.arg("--no-index");
        }
    }
}

/// The indexes that are asked: those of the spec, of uv's files and variables, and of pip. A default one of the spec takes the place
/// of all other default ones.
fn asked(
    configured: &[(Option<String>, String)],
    uv: &Variables,
    pip: &PipSettings,
    indexes: &Indexes,
) -> Vec<SecretText> {
    if indexes.no_index || (pip.no_index && indexes.index_url.is_none()) {
        return Vec::new();
    }
    let is_default = |name: &str| ["UV_DEFAULT_INDEX", "UV_INDEX_URL"].contains(&name);
    let replaced = indexes.index_url.is_some();
    let of_spec = indexes.index_url.iter().chain(&indexes.extra_index_urls).cloned();
    let of_variables = UV_INDEXES.iter().filter(|name| !(replaced && is_default(name)));
    let of_variables = of_variables.filter_map(|name| uv.get(*name)).flat_map(|it| it.split_whitespace());
    let of_pip = pip.index_url.iter().filter(|_| !replaced).chain(&pip.extra_index_urls);
    let others = configured.iter().map(|(_, url)| url.clone()).chain(of_variables.map(|text| named(text).1));
    let mut asked: Vec<SecretText> = Vec::new();
    for url in of_spec.chain(others.chain(of_pip.cloned()).map(SecretText::from)) {
        if !asked.contains(&url) {
            asked.push(url);
        }
    }
    asked
}

/// The same with variables (`${NAME}`) in their places, as pip and uv have it in files of requirements. One that is not set
/// stays as it is written.
fn expanded(indexes: &Indexes, variables: &Variables) -> Indexes {
    let expand = |text: &SecretText| SecretText::new(imgbuild_secret::expanded(text.whole(), variables));
    Indexes {
        index_url: indexes.index_url.as_ref().map(expand),
        extra_index_urls: indexes.extra_index_urls.iter().map(expand).collect(),
        find_links: indexes.find_links.iter().map(expand).collect(),
        no_index: indexes.no_index,
        pytorch_mirror: indexes.pytorch_mirror.as_ref().map(expand),
    }
}

/// An index as uv's variables write it: with a name before it, or without.
fn named(text: &str) -> (Option<String>, String) {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() && !name.contains([':', '/', '?']) => {
            (Some(name.to_owned()), url.to_owned())
        }
        _ => (None, text.to_owned()),
    }
}

/// The credentials of an index that has a name: `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD`.
fn login_by_name(uv: &Variables, name: &str, url: &Url) -> Option<Login> {
    let upper: String = name
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_uppercase() } else { '_' })
        .collect();
    let value = |what: &str| uv.get(&format!("UV_INDEX_{upper}_{what}")).cloned();
    let (user, password) = (value("USERNAME"), value("PASSWORD"));
    if user.is_none() && password.is_none() {
        return None;
    }
    Login::new(url, user.unwrap_or_default(), password.unwrap_or_default())
}

/// The indexes, with their names, that uv's files of settings name.
fn uv_indexes(variables: &Variables, folder: &Path) -> Result<Vec<(Option<String>, String)>, SettingsError> {
    let mut found = Vec::new();
    let mut add = |table: &toml::Table| {
        for table in [Some(table), table.get("pip").and_then(toml::Value::as_table)].into_iter().flatten() {
            for key in ["index-url", "default-index"] {
                found.extend(table.get(key).and_then(toml::Value::as_str).map(named));
            }
            for key in ["extra-index-url", "index"] {
                for item in table.get(key).and_then(toml::Value::as_array).into_iter().flatten() {
                    let text = |key: &str| item.get(key).and_then(toml::Value::as_str).map(str::to_owned);
                    found.extend(item.as_str().map(named));
                    found.extend(text("url").map(|url| (text("name"), url)));
                }
            }
        }
    };
    match variables.get("UV_CONFIG_FILE").filter(|path| !path.is_empty()) {
        Some(path) => {
            if let Some(table) = table(Path::new(path))? {
                add(&table);
            }
        }
        None if variables.get("UV_NO_CONFIG").is_some_and(|value| !value.is_empty()) => {}
        None => {
            if let Some(table) = project_settings(folder)? {
                add(&table);
            }
            let system = configuration_folders(variables).into_iter().map(|folder| folder.join("uv"));
            for folder in system.chain([PathBuf::from("/etc/uv")]) {
                if let Some(table) = table(&folder.join("uv.toml"))? {
                    add(&table);
                }
            }
        }
    }
    Ok(found)
}

/// The settings of the project around a folder: the nearest `uv.toml`, or `[tool.uv]` of a `pyproject.toml`.
pub(crate) fn project_settings(folder: &Path) -> Result<Option<toml::Table>, SettingsError> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    for folder in folder.ancestors() {
        if let Some(table) = table(&folder.join("uv.toml"))? {
            return Ok(Some(table));
        }
        let project = table(&folder.join("pyproject.toml"))?;
        let tool = project.as_ref().and_then(|table| table.get("tool")?.get("uv")?.as_table());
        if let Some(table) = tool {
            return Ok(Some(table.clone()));
        }
    }
    Ok(None)
}
