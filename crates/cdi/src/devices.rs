//! What devices bring into a sandbox.

use std::path::{Path, PathBuf};

use imgbuild_archive::ImagePath;
use imgbuild_sandbox::{Access, Command, Mount, set_variable};

use crate::error::CdiError;
use crate::hooks::{self, Links};
use crate::model::{Edits, Hook};

/// What devices bring into a sandbox: files and devices of this machine, and variables.
#[derive(Debug, Clone, Default)]
pub struct Devices {
    mounts: Vec<Mount>,
    env: Vec<(String, String)>,
    hooks: Vec<Hook>,
    left_out: Vec<String>,
}

impl Devices {
    /// What their files ask for and is not done.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Gives them to a command. What it sets itself is said by the devices' files: the variables of the image are not kept.
    pub fn give_to(&self, command: &mut Command) {
        command.mounts.extend(self.mounts.iter().cloned());
        for (name, value) in &self.env {
            set_variable(&mut command.env, name, value);
        }
    }

    /// Adds what a file asks for.
    pub(crate) fn add(&mut self, edits: &Edits, file: &Path) -> Result<(), CdiError> {
        let wrong = |what: String| CdiError::Wrong { path: file.to_owned(), what };
        for variable in &edits.env {
            let (name, value) =
                variable.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                    wrong(format!("has the variable `{}` without a value", variable.escape_default()))
                })?;
            self.env.push((name.to_owned(), value.to_owned()));
        }
        for node in &edits.device_nodes {
            let source = node.host_path.as_ref().unwrap_or(&node.path);
            let may_write = node.permissions.as_ref().is_none_or(|it| it.contains('w'));
            self.mount(source, &node.path, may_write, file)?;
        }
        for mount in &edits.mounts {
            let kind = mount.kind.as_deref().unwrap_or("bind");
            if !["bind", "none"].contains(&kind) {
                self.leave_out(format!("the file system `{kind}` at `{}`", mount.container_path));
                continue;
            }
            let may_write = !mount.options.iter().any(|option| option == "ro");
            self.mount(&mount.host_path, &mount.container_path, may_write, file)?;
        }
        self.hooks.extend(edits.hooks.iter().cloned());
        edits.more.keys().for_each(|key| self.leave_out(format!("`{key}`")));
        Ok(())
    }

    fn mount(&mut self, source: &str, target: &str, may_write: bool, file: &Path) -> Result<(), CdiError> {
        let place = target.strip_prefix('/').map(ImagePath::new).and_then(Result::ok).ok_or_else(|| {
            let what = format!("names the path `{}`, which is none in a container", target.escape_default());
            CdiError::Wrong { path: file.to_owned(), what }
        })?;
        let source = PathBuf::from(source);
        if !source.exists() {
            return Err(CdiError::Missing { path: source, named_by: file.to_owned() });
        }
        // Several devices may need the same.
        if !self.mounts.iter().any(|known| known.target == place) {
            let access = if may_write { Access::Write } else { Access::Read };
            self.mounts.push(Mount { source, target: place, access });
        }
        Ok(())
    }

    fn leave_out(&mut self, what: String) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }

    /// Does what hooks of NVIDIA's container toolkit do, as far as it can be done before there is a container.
    pub(crate) fn apply_hooks(&mut self) {
        let hooks = std::mem::take(&mut self.hooks);
        let mut links = Links::new(&self.mounts);
        for hook in &hooks {
            if let Err(what) = links.apply(hook) {
                self.leave_out(what);
            }
        }
        let (mounts, folders) = links.finish();
        self.mounts.extend(mounts);
        if !folders.is_empty() {
            self.env.push((hooks::LIBRARY_PATH.to_owned(), folders.join(":")));
        }
    }
}
