//! What the hooks of NVIDIA's container toolkit do: names of libraries by which programs and the loader find them.
//!
//! A container engine runs `nvidia-cdi-hook` in the container's root. Here nothing of the machine runs: a link is one more mount of the
//! file that it leads to.

use std::path::PathBuf;

use imgbuild_archive::ImagePath;
use imgbuild_sandbox::{Access, Mount};

use crate::model::Hook;
use crate::shared_object;

/// Where the loader looks beside its own folders.
pub(crate) const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";
/// Folders in which a loader looks by itself, in images of the usual kinds.
const KNOWN: [&str; 8] = [
    "lib",
    "lib64",
    "usr/lib",
    "usr/lib64",
    "lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu",
    "lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
];
/// The programs whose hooks are known.
const PROGRAMS: [&str; 3] = ["nvidia-cdi-hook", "nvidia-ctk", "nvidia-container-toolkit"];

/// The files that are mounted, with further names of them.
pub(crate) struct Links {
    /// Where each file of this machine is in the container.
    files: Vec<(ImagePath, PathBuf)>,
    /// How many of these are mounted anyway.
    given: usize,
    folders: Vec<String>,
}

impl Links {
    pub(crate) fn new(mounts: &[Mount]) -> Self {
        let files: Vec<_> = mounts.iter().map(|it| (it.target.clone(), it.source.clone())).collect();
        Self { given: files.len(), files, folders: Vec::new() }
    }

    /// Does what a hook does.
    ///
    /// # Errors
    ///
    /// What is not done.
    pub(crate) fn apply(&mut self, hook: &Hook) -> Result<(), String> {
        let left_out = |what: &str| format!("the hook `{what}` ({})", hook.hook_name);
        let program = hook.path.rsplit('/').next().unwrap_or_default();
        if !PROGRAMS.contains(&program) {
            return Err(left_out(&hook.path));
        }
        // The first is the program's own name; older ones have `hook` behind it.
        let mut words = hook.args.iter().skip(1).map(String::as_str).filter(|word| *word != "hook");
        let name = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        match name {
            "update-ldcache" => {
                let unread = self.name_libraries(&values(&words, "--folder"));
                if !unread.is_empty() {
                    return Err(format!("the names of `{}` (`update-ldcache`)", unread.join("`, `")));
                }
            }
            "create-symlinks" => {
                let missing: Vec<&str> =
                    values(&words, "--link").into_iter().filter(|link| self.link(link).is_none()).collect();
                if !missing.is_empty() {
                    return Err(format!("the link `{}` (`create-symlinks`)", missing.join("`, `")));
                }
            }
            name => return Err(left_out(name)),
        }
        Ok(())
    }

    /// Gives each library in these folders the name that others ask for it by, as `ldconfig` does. What comes back are those that
    /// cannot be read, or have a name that no file can have.
    fn name_libraries(&mut self, folders: &[&str]) -> Vec<String> {
        let mut unread = Vec::new();
        for folder in folders {
            let folder = folder.trim_matches('/');
            if !KNOWN.contains(&folder) && !self.folders.iter().any(|known| known.trim_matches('/') == folder)
            {
                self.folders.push(format!("/{folder}"));
            }
            let in_folder =
                |path: &ImagePath| path.as_str().rsplit_once('/').is_some_and(|(it, _)| it == folder);
            let own: Vec<PathBuf> =
                self.files.iter().filter(|(path, _)| in_folder(path)).map(|(_, file)| file.clone()).collect();
            for file in own {
                let shown = file.display().to_string();
                let is_done = match shared_object::name(&file) {
                    Ok(name) => name.is_none_or(|name| self.add(&format!("{folder}/{name}"), file).is_some()),
                    // A folder is none, and has no name.
                    Err(_) => !shown.contains(".so"),
                };
                unread.extend((!is_done).then_some(shown));
            }
        }
        unread
    }

    /// A link, as `TARGET::LINK` says it; nothing where nothing that is mounted is its target.
    fn link(&mut self, text: &str) -> Option<()> {
        let (target, link) = text.split_once("::")?;
        let link = link.trim_start_matches('/');
        let (folder, _) = link.rsplit_once('/')?;
        let target = match target.strip_prefix('/') {
            Some(target) => target.to_owned(),
            None => joined(folder, target)?,
        };
        let file = self.files.iter().find(|(path, _)| path.as_str() == target)?.1.clone();
        self.add(link, file)
    }

    /// Adds a name of a file; nothing where no file can have it.
    fn add(&mut self, path: &str, file: PathBuf) -> Option<()> {
        let path = ImagePath::new(path).ok()?;
        if !self.files.iter().any(|(known, _)| *known == path) {
            self.files.push((path, file));
        }
        Some(())
    }

    /// The mounts that are the links, and the folders that a loader must be told of.
    pub(crate) fn finish(self) -> (Vec<Mount>, Vec<String>) {
        let links = self.files.into_iter().skip(self.given);
        let mount = |(target, source)| Mount { source, target, access: Access::Read };
        (links.map(mount).collect(), self.folders)
    }
}

/// The values of an option that may be there several times.
fn values<'a>(words: &[&'a str], option: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.strip_prefix(option) {
            Some("") => found.extend(rest.next()),
            Some(value) => found.extend(value.strip_prefix('=')),
            None => {}
        }
    }
    found
}

/// A path that a link in a folder leads to.
fn joined(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_both_forms() {
        assert_eq!(values(&["--folder", "/a", "--folder=/b", "--other", "c"], "--folder"), ["/a", "/b"]);
    }

    #[test]
    fn links_lead_from_their_folder() {
        assert_eq!(joined("usr/lib", "libcuda.so.1").as_deref(), Some("usr/lib/libcuda.so.1"));
        assert_eq!(joined("usr/lib/x", "../a/./b").as_deref(), Some("usr/lib/a/b"));
        assert_eq!(joined("a", "../../b"), None);
    }

    #[test]
    fn what_cannot_be_named_is_told() {
        let mount = |target: &str| Mount {
            source: "/absent/libcuda.so.535".into(),
            target: ImagePath::new(target).unwrap(),
            access: Access::Read,
        };
        let hook = |words: &[&str]| -> Hook {
            let hook = serde_json::json!({ "hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": words });
            serde_json::from_value(hook).unwrap()
        };
        let mut links = Links::new(&[mount("usr/lib/libcuda.so.535")]);
        let said = links.apply(&hook(&["nvidia-cdi-hook", "update-ldcache", "--folder", "/usr/lib"]));
        assert_eq!(said.unwrap_err(), "the names of `/absent/libcuda.so.535` (`update-ldcache`)");
        let leading = "libcuda.so.535::/usr/lib/../libcuda.so";
        let said = links.apply(&hook(&["nvidia-cdi-hook", "create-symlinks", "--link", leading]));
        assert_eq!(said.unwrap_err(), format!("the link `{leading}` (`create-symlinks`)"));
    }
}
