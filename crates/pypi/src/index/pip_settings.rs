//! pip's settings: its variables, and its `pip.conf` in all of its places ("Configuration" of pip's guide).

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::index::settings_files::{SettingsError, Variables, configuration_folders, text};

/// What pip knows of indexes.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct PipSettings {
    pub(crate) index_url: Option<String>,
    pub(crate) extra_index_urls: Vec<String>,
    pub(crate) find_links: Vec<String>,
    pub(crate) trusted_hosts: Vec<String>,
    pub(crate) no_index: bool,
}

impl PipSettings {
    /// Reads pip's settings. A later place overrides an earlier one.
    pub(crate) fn read(variables: &Variables) -> Result<Self, SettingsError> {
        let mut values = BTreeMap::new();
        let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
        let given = set("PIP_CONFIG_FILE").map(PathBuf::from);
        // Who names the empty device wants no files to be read.
        let none = given.as_deref().is_some_and(|path| path.as_os_str() == "/dev/null");
        let mut files = Vec::new();
        if !none {
            let folders = configuration_folders(variables).into_iter();
            // Those of the machine first: `/etc/pip.conf` after those below `/etc/xdg`.
            let mut folders: Vec<PathBuf> = folders.map(|folder| folder.join("pip/pip.conf")).collect();
            let has_user = set("XDG_CONFIG_HOME").is_some() || set("HOME").is_some();
            let user = has_user.then(|| folders.remove(0));
            files.extend(folders);
            files.push(PathBuf::from("/etc/pip.conf"));
            files.extend(set("HOME").map(|home| PathBuf::from(home).join(".pip/pip.conf")));
            files.extend(user);
            files.extend(set("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("pip.conf")));
            files.extend(given);
        }
        for file in files {
            if let Some(text) = text(&file)? {
                values.extend(read_sections(&text));
            }
        }
        for (name, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
            if let Some(name) = name.strip_prefix("PIP_") {
                values.insert(name.to_ascii_lowercase().replace('_', "-"), value.clone());
            }
        }
        let list = |key: &str| -> Vec<String> {
            values.get(key).into_iter().flat_map(|it| it.split_whitespace()).map(str::to_owned).collect()
        };
        // pip passes over folders that are not there; for uv they are an error.
        let is_there = |link: &String| link.contains("://") || PathBuf::from(link).exists();
        let no_index = values.get("no-index").map(|value| value.to_ascii_lowercase());
        Ok(Self {
            index_url: values.get("index-url").cloned(),
            extra_index_urls: list("extra-index-url"),
            find_links: list("find-links").into_iter().filter(is_there).collect(),
            trusted_hosts: list("trusted-host"),
            no_index: no_index.is_some_and(|value| ["1", "true", "yes", "on"].contains(&value.as_str())),
        })
    }

    /// All URLs that it names.
    pub(crate) fn urls(&self) -> impl Iterator<Item = &str> {
        let lists = self.extra_index_urls.iter().chain(&self.find_links);
        self.index_url.iter().chain(lists).map(String::as_str)
    }
}

/// The keys of the sections that count when something is installed, as Python's `configparser` reads them: `key = value`,
/// `key: value`, and lines that are indented go on with the one before.
fn read_sections(text: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    let (mut section, mut last) = ("", None::<String>);
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let (true, Some(key)) = (line.starts_with([' ', '\t']), &last) {
            if let Some(value) = sections.entry(section).or_default().get_mut(key) {
                value.push(' ');
                value.push_str(trimmed);
            }
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            (section, last) = (name, None);
            continue;
        }
        let Some((key, value)) = trimmed.split_once(['=', ':']) else { continue };
        let key = key.trim().to_ascii_lowercase().replace('_', "-");
        sections.entry(section).or_default().insert(key.clone(), value.trim().to_owned());
        last = Some(key);
    }
    let mut values = sections.remove("global").unwrap_or_default();
    values.extend(sections.remove("install").unwrap_or_default());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_pip_reads_them() {
        let values = read_sections(
            "# a comment\n[global]\nindex_url = https://a.example/simple\ntrusted-host: a.example\n[install]\nextra-index-url =\n    https://b.example\n    https://c.example ; not a comment\nno-index = true\n[freeze]\nindex-url = https://no.example\n",
        );
        let shown: Vec<String> = values.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            shown,
            [
                "extra-index-url= https://b.example https://c.example ; not a comment",
                "index-url=https://a.example/simple",
                "no-index=true",
                "trusted-host=a.example"
            ]
        );
    }

    #[test]
    fn later_places_override_earlier_ones() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, host: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("[global]\nindex-url = https://{host}.example/\n")).unwrap();
            path.display().to_string()
        };
        let mut variables = Variables::new();
        let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
        set("HOME", folder.path().join("home").display().to_string());
        set("XDG_CONFIG_DIRS", folder.path().join("xdg").display().to_string());
        let index = |variables: &Variables| PipSettings::read(variables).unwrap().index_url.unwrap();
        place("xdg/pip/pip.conf", "machine");
        assert_eq!(index(&variables), "https://machine.example/");
        place("home/.config/pip/pip.conf", "user");
        assert_eq!(index(&variables), "https://user.example/");
        variables.insert("PIP_CONFIG_FILE".to_owned(), place("own.conf", "own"));
        assert_eq!(index(&variables), "https://own.example/");
        variables.insert("PIP_INDEX_URL".to_owned(), "https://variable.example/".to_owned());
        assert_eq!(index(&variables), "https://variable.example/");
        variables.insert("PIP_FIND_LINKS".to_owned(), "/nowhere/at/all https://links.example".to_owned());
        assert_eq!(PipSettings::read(&variables).unwrap().find_links, ["https://links.example"]);
    }
}
