//! What makes an image usable: its shells, its start, and what it serves.

use imgbuild_archive::ImagePath;
use imgbuild_base::Base;
use imgbuild_layer::Content;
use imgbuild_lock::LockedVariant;
use imgbuild_runtime::{OwnStart, Runtime, RuntimeUser, SHELL_FILES};
use imgbuild_spec::{Interface, Jupyter, JupyterProfile, Variant};

use super::Assembly;
use crate::error::{MakeError, MakeFailure};
use crate::shell_files::ShellFiles;

/// Where OpenSSH's server is.
const SSHD: &str = "/usr/sbin/sshd";
/// What people type into.
const BASH: &str = "/bin/bash";
const SUDO: &str = "/usr/bin/sudo";

impl Assembly {
    /// Adds the link to CUDA's libraries for older drivers, where the image has them.
    pub(super) fn add_cuda(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
    ) -> Result<(), MakeError> {
        let (Some(cuda), Some(conda)) = (&variant.cuda, &locked.conda) else { return Ok(()) };
        let place = |path: &ImagePath| self.base.file_path(path).map_err(MakeError::from);
        let files = imgbuild_runtime::cuda_files(cuda, &conda.set.prefix, locked.variant.timestamp, place)?;
        files.into_iter().for_each(|files| self.add(Box::new(files), Vec::new()));
        Ok(())
    }

    /// Adds what shells and the start need, where the base has a shell. While an image is being locked it is not `whole`: its wheels
    /// may not be known yet.
    pub(super) fn add_runtime(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        is_whole: bool,
    ) -> Result<(), MakeError> {
        if !self.base.has_shell() {
            let served = variant.jupyter.as_ref().map(|it| ("Jupyter", &it.origin));
            return match served.or(variant.ssh.as_ref().map(|it| ("the SSH server", &it.origin))) {
                Some((what, origin)) => Err(self.base.without_shell(what, origin).into()),
                None => Ok(()),
            };
        }
        if let Some(ssh) = &variant.ssh {
            for program in [SSHD, BASH] {
                self.base.needs_program(program, "the SSH server", &ssh.origin)?;
            }
        }
        if let Some(jupyter) = &variant.jupyter {
            self.base.needs_program(BASH, "a terminal of Jupyter's", &jupyter.origin)?;
        }
        if let Some(origin) = variant.account.origin.as_ref().filter(|_| variant.account.sudo) {
            self.base.needs_program(SUDO, "`sudo = true` in `[user]`", origin)?;
        }
        let jupyter = match &variant.jupyter {
            Some(jupyter) => match environment_of(jupyter, locked) {
                Some(prefix) => Some((jupyter, prefix)),
                None if is_whole => return Err(without_jupyter(jupyter, locked)),
                None => None,
            },
            None => None,
        };
        let serves = jupyter.is_some() || variant.ssh.is_some();
        let runtime = Runtime {
            name: variant.name.as_str(),
            variables: &self.variables,
            user: runtime_user(variant, &self.base, serves),
            jupyter,
            kernels: imgbuild_runtime::kernels(locked),
            ssh: variant.ssh.as_ref(),
            timestamp: locked.variant.timestamp,
        };
        self.own = OwnStart {
            activates: !self.variables.dynamic.is_empty(),
            has_shell_file: self.variables.need_shells(),
            starts: runtime.user.is_some(),
            serves,
            is_for_runpod: variant.jupyter.as_ref().is_some_and(|it| it.profile == JupyterProfile::Runpod),
        };
        let files = runtime.files(|path, content| place(&self.base, path, content))?;
        files.into_iter().for_each(|files| self.add(Box::new(files), Vec::new()));
        if self.own.has_shell_file && SHELL_FILES.iter().any(|(path, _)| self.base.may_have_file(path)) {
            let known = self.base.image().map(|image| image.shell_files().to_vec());
            let files = ShellFiles::new(locked.variant.timestamp, &self.below(), known);
            self.derive(Box::new(files), Vec::new());
        }
        Ok(())
    }
}

/// Where a file or a folder must be written to be found at a path; nothing where the base has it.
fn place(base: &Base, path: &ImagePath, content: &Content) -> Result<Option<ImagePath>, MakeError> {
    match content {
        Content::Folder => Ok(base.new_folder(path)?),
        _ => Ok(Some(base.file_path(path)?)),
    }
}

/// The user as the start knows it: ours, or that of an existing image that is to serve something.
fn runtime_user(variant: &Variant, base: &Base, serves: bool) -> Option<RuntimeUser> {
    let account = &variant.account;
    let own = RuntimeUser {
        name: account.name.as_str().to_owned(),
        home: account.home.as_str().to_owned(),
        sudo: account.sudo,
    };
    match base {
        Base::Scratch => None,
        Base::Image(image) if account.origin.is_none() => {
            let (name, home) = image.login().unwrap_or(("root".to_owned(), "/root".to_owned()));
            serves.then_some(RuntimeUser { name, home, sudo: false })
        }
        Base::Debian | Base::Image(_) => Some(own),
    }
}

/// The package that Jupyter is, as conda and as the package index call it.
fn names(jupyter: &Jupyter) -> (&'static str, &'static str) {
    match jupyter.interface {
        Interface::Lab => ("jupyterlab", "jupyterlab"),
        Interface::Notebook => ("notebook", "notebook"),
        Interface::Server => ("jupyter_server", "jupyter-server"),
    }
}

/// The environment that has Jupyter.
fn environment_of(jupyter: &Jupyter, locked: &LockedVariant<'_>) -> Option<ImagePath> {
    let (conda_name, wheel_name) = names(jupyter);
    let conda = locked.conda.as_ref().filter(|it| it.packages.iter().any(|it| it.name() == conda_name));
    let wheels = locked.pypi.as_ref().filter(|it| it.packages.iter().any(|it| it.name == wheel_name));
    conda.map(|it| &it.set.prefix).or(wheels.map(|it| &it.set.prefix)).cloned()
}

fn without_jupyter(jupyter: &Jupyter, locked: &LockedVariant<'_>) -> MakeError {
    let asked = vec![jupyter.origin.snippet("it was asked for here", "Jupyter")];
    let name = names(jupyter).1;
    let of_base = locked.pypi.iter().filter(|pypi| pypi.set.python.is_some());
    let mut provided = of_base.flat_map(|pypi| &pypi.set.provided);
    let provided = provided.find(|it| it.split(' ').next() == Some(name));
    match provided.cloned() {
        Some(provided) => MakeFailure::JupyterOfBase { provided, asked }.into(),
        None => MakeFailure::NoJupyter { package: name.to_owned(), asked }.into(),
    }
}
