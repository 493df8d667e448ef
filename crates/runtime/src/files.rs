//! The files that imgbuild adds to an image.

use imgbuild_archive::{ImagePath, Owner, PathError};
use imgbuild_layer::{Content, Files, PartId, Role};
use imgbuild_spec::{Jupyter, JupyterProfile, Ssh};

use crate::contents::{Contents, PROGRAMS, SETTINGS, put};
use crate::kernels::Kernel;
use crate::shells::quoted;
use crate::start::{ACTIVATE, HEALTH, SERVICES, START};
use crate::{Variables, jupyter, shells, ssh};

/// What an image is, as far as its files say it.
#[derive(Debug, Clone)]
pub struct Runtime<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its variables.
    pub variables: &'a Variables,
    /// Its user; nothing where it has none of ours and serves nothing.
    pub user: Option<RuntimeUser>,
    /// Jupyter, and the environment that it is in.
    pub jupyter: Option<(&'a Jupyter, ImagePath)>,
    /// The environments that are kernels of Jupyter.
    pub kernels: Vec<Kernel>,
    /// The SSH server.
    pub ssh: Option<&'a Ssh>,
    /// The time of its files, in seconds since 1970.
    pub timestamp: i64,
}

/// The user as the start knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeUser {
    /// Its name.
    pub name: String,
    /// Its home.
    pub home: String,
    /// Whether it may become root.
    pub sudo: bool,
}

impl Runtime<'_> {
    /// What it serves, in the order in which one of them becomes the main process.
    pub fn services(&self) -> Vec<&'static str> {
        let jupyter = self.jupyter.as_ref().map(|_| jupyter::SERVICE);
        jupyter.into_iter().chain(self.ssh.map(|_| ssh::SERVICE)).collect()
    }

    /// The files: nothing where an image needs none. `place` says where a file or a folder must be written to be found at a path;
    /// nothing where it is there.
    ///
    /// # Errors
    ///
    /// When one of them has no place.
    pub fn files<E: From<PathError>>(
        &self,
        place: impl Fn(&ImagePath, &Content) -> Result<Option<ImagePath>, E>,
    ) -> Result<Option<Files>, E> {
        let mut contents = Contents::new();
        for (path, content) in self.contents()? {
            if let Some(path) = place(&path, &content)? {
                contents.insert(path, content);
            }
        }
        if contents.is_empty() {
            return Ok(None);
        }
        let (id, title) = (PartId::new("imgbuild", "start"), "shell and start-up files".to_owned());
        Ok(Some(Files::new(id, title, Role::METADATA, None, contents, Owner::ROOT, self.timestamp)))
    }

    fn contents(&self) -> Result<Contents, PathError> {
        let mut contents = Contents::new();
        let variables = self.variables;
        let is_active = ["CONDA_PREFIX", "VIRTUAL_ENV"].iter().any(|it| variables.values.contains_key(*it));
        if is_active || !variables.managers.is_empty() {
            put(&mut contents, shells::PROFILE, shells::profile(variables), 0o644)?;
            if !variables.dynamic.is_empty() {
                put(&mut contents, ACTIVATE, shells::ACTIVATE_SCRIPT, 0o755)?;
                put(&mut contents, shells::ACTIVATION_FILE, shells::activation(variables), 0o644)?;
            }
            if !variables.managers.is_empty() {
                put(&mut contents, shells::FUNCTIONS_FILE, shells::functions(variables), 0o644)?;
            }
            if variables.need_shells() {
                put(&mut contents, shells::SHELL_FILE, shells::shell(variables), 0o644)?;
            }
        }
        self.kernels.iter().try_for_each(|kernel| kernel.put(&mut contents))?;
        let Some(user) = &self.user else { return Ok(contents) };
        put(&mut contents, &format!("{PROGRAMS}/common"), include_str!("scripts/common"), 0o644)?;
        put(&mut contents, START, include_str!("scripts/imgbuild-start"), 0o755)?;
        put(&mut contents, &format!("{SETTINGS}/image"), self.image(user), 0o644)?;
        contents.insert(ImagePath::new(&format!("{SETTINGS}/start.d"))?, Content::Folder);
        if user.sudo {
            let rule = format!("{} ALL=(ALL:ALL) NOPASSWD: ALL\n", user.name);
            put(&mut contents, "etc/sudoers.d/imgbuild", rule, 0o440)?;
        }
        if !self.services().is_empty() {
            put(&mut contents, SERVICES, include_str!("scripts/imgbuild-services"), 0o755)?;
            put(&mut contents, HEALTH, include_str!("scripts/imgbuild-health"), 0o755)?;
            put(&mut contents, shells::NAME, shells::name(&user.name), 0o644)?;
            put(&mut contents, shells::WHOAMI, shells::whoami(&user.name), 0o755)?;
        }
        if let Some((settings, prefix)) = &self.jupyter {
            jupyter::files(settings, prefix, &mut contents)?;
        }
        if let Some(settings) = self.ssh {
            ssh::files(settings, self.is_for_runpod(), &mut contents)?;
        }
        Ok(contents)
    }

    /// Whether it is for the platform on which everybody is root.
    fn is_for_runpod(&self) -> bool {
        self.jupyter.as_ref().is_some_and(|(jupyter, _)| jupyter.profile == JupyterProfile::Runpod)
    }

    /// What the scripts read of the image.
    fn image(&self, user: &RuntimeUser) -> String {
        let (name, services) = (self.name, self.services().join(" "));
        format!(
            "# Made by imgbuild: what its scripts know of this image.\nIMGBUILD_IMAGE_NAME={}\nIMGBUILD_IMAGE_USER={}\nIMGBUILD_IMAGE_HOME={}\nIMGBUILD_IMAGE_SERVICES={}\n",
            quoted(name),
            quoted(&user.name),
            quoted(&user.home),
            quoted(&services),
        )
    }
}
