//! An image, as far as it can be looked at without running it.

use std::collections::BTreeSet;
use std::io::Read;

use imgbuild_archive::{ImagePath, LayerReader};
use imgbuild_base::Facts;
use imgbuild_layer::{MergeError, Merged, Node, NodeKind};
use imgbuild_oci::{ContainerConfig, Platform};

/// What engines set where an image says nothing.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The settings of a virtual environment.
const SETTINGS: &str = "pyvenv.cfg";

/// An image that was looked at.
#[derive(Debug)]
pub struct Inspected {
    pub(crate) platform: Platform,
    pub(crate) config: ContainerConfig,
    pub(crate) layers: usize,
    pub(crate) merged: Merged,
    pub(crate) facts: Facts,
}

impl Inspected {
    /// An image without layers yet.
    pub fn new(platform: Platform, config: ContainerConfig) -> Self {
        let (merged, facts) = (Merged::new(), Facts::default());
        Self { platform, config, layers: 0, merged, facts }
    }

    /// Lays one layer, an uncompressed tar, over those before it.
    ///
    /// # Errors
    ///
    /// When it is damaged or hostile, or engines would read it in different ways.
    pub fn add(&mut self, tar: &mut dyn Read) -> Result<(), MergeError> {
        // How much it may unpack to is seen to where it is decompressed.
        self.merged.add(&mut LayerReader::new(tar, u64::MAX), &Self::needs)?;
        self.layers += 1;
        Ok(())
    }

    /// Whether the content of a file is asked for.
    pub fn needs(path: &ImagePath) -> bool {
        // Some images have links to them in `/etc`.
        Facts::needs(path) || [SETTINGS, "passwd", "group"].contains(&path.file_name())
    }

    /// An image of so many layers, which were merged elsewhere, with the contents that are [asked for](Self::needs).
    #[must_use]
    pub fn of_merged(platform: Platform, config: ContainerConfig, layers: usize, merged: Merged) -> Self {
        Self { layers, merged, ..Self::new(platform, config) }.finish()
    }

    /// The image, when all layers are there.
    #[must_use]
    pub fn finish(self) -> Self {
        let facts = Facts::read(&self.merged, self.platform, &self.config.env);
        Self { facts, ..self }
    }

    /// A variable of its environment.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let of = |variable: &'_ String| variable.split_once('=').is_some_and(|(known, _)| known == name);
        let variable = self.config.env.iter().rfind(|variable| of(variable))?;
        variable.split_once('=').map(|(_, value)| value)
    }

    /// The numbers of its user and of that one's group; nothing where it does not know the user.
    pub(crate) fn user(&self) -> Option<(u32, u32)> {
        self.facts.user(&self.config.user)
    }

    /// The user as its configuration has it, without the group.
    pub(crate) fn user_text(&self) -> &str {
        self.config.user.split_once(':').map_or(self.config.user.as_str(), |(user, _)| user)
    }

    /// The home of its user: that of its environment, else that of its `/etc/passwd`, else the root.
    pub(crate) fn home(&self) -> String {
        let of_environment = self.variable("HOME").filter(|home| !home.is_empty()).map(str::to_owned);
        let known = || Some(self.facts.accounts.login(self.user()?.0)?.1);
        let home = of_environment.or_else(known).unwrap_or_else(|| "/".to_owned());
        match home.trim_end_matches('/') {
            "" => "/".to_owned(),
            home => home.to_owned(),
        }
    }

    /// What an absolute path leads to, links followed.
    pub(crate) fn find(&self, path: &str) -> Option<(ImagePath, &Node)> {
        self.merged.find(&ImagePath::from_absolute(path).ok()?)
    }

    /// Whether there is a program of an absolute path.
    pub(crate) fn has_program(&self, path: &str) -> bool {
        let found = self.find(path);
        found.is_some_and(|(_, node)| matches!(node.kind, NodeKind::File { .. }) && node.mode & 0o111 != 0)
    }

    /// Where a program is: by its path, or on the `PATH` of the environment.
    pub(crate) fn program(&self, name: &str) -> Option<String> {
        if name.starts_with('/') {
            return self.has_program(name).then(|| name.to_owned());
        }
        if name.contains('/') {
            // From the folder that it starts in.
            let folder = self.config.working_dir.trim_end_matches('/');
            let path = format!("{folder}/{}", name.strip_prefix("./").unwrap_or(name));
            return self.has_program(&path).then_some(path);
        }
        let folders = self.variable("PATH").unwrap_or(DEFAULT_PATH).split(':');
        let mut paths = folders.filter(|it| it.starts_with('/')).map(|it| format!("{it}/{name}"));
        paths.find(|path| self.has_program(path))
    }

    /// The ports of TCP that it listens on.
    pub(crate) fn ports(&self) -> BTreeSet<u16> {
        let port = |text: &String| match text.split_once('/') {
            None => text.parse().ok(),
            Some((port, "tcp")) => port.parse().ok(),
            Some(_) => None,
        };
        self.config.exposed_ports.keys().filter_map(port).collect()
    }

    /// What it starts: the words of its entrypoint and of its command.
    pub(crate) fn words(&self) -> Vec<&str> {
        self.config.entrypoint.iter().chain(&self.config.cmd).map(String::as_str).collect()
    }

    /// Whether it has CUDA's runtime, as a package of its system, of conda or of an index.
    pub(crate) fn has_cuda(&self) -> bool {
        self.merged.iter().any(|(path, _)| {
            let name = path.file_name();
            // Wheels give it a name of their own, such as `libcudart-d0da41ae.so.11.0`.
            name.starts_with("libcudart") && name.contains(".so")
        })
    }

    /// A Python on its `PATH`.
    pub(crate) fn python(&self) -> Option<String> {
        ["python3", "python"].iter().find_map(|name| self.program(name))
    }

    /// Whether a virtual environment looks for modules beside its own.
    pub(crate) fn sees_system(&self, folder: &str) -> bool {
        let settings = ImagePath::from_absolute(&format!("{folder}/{SETTINGS}")).ok();
        // What its settings say is not known where they are not read: then it may.
        let Some(text) = settings.and_then(|path| self.merged.content(&path)) else { return true };
        let line = |line: &str| -> Option<bool> {
            let (key, value) = line.split_once('=')?;
            let is_it = key.trim().eq_ignore_ascii_case("include-system-site-packages");
            is_it.then(|| value.trim().eq_ignore_ascii_case("true"))
        };
        String::from_utf8_lossy(text).lines().find_map(line).unwrap_or(false)
    }

    /// The folders that engines mount volumes over, and in which it has nothing: where it has something, they copy it.
    pub(crate) fn empty_volumes(&self) -> Vec<ImagePath> {
        let paths = self
            .config
            .volumes
            .keys()
            .filter_map(|path| ImagePath::from_absolute(path.trim_end_matches('/')).ok());
        paths.filter(|path| self.merged.below(path).next().is_none()).collect()
    }

    /// Whether it has Jupyter.
    pub(crate) fn has_jupyter(&self) -> bool {
        ["jupyter", "jupyter-lab", "jupyter-server", "jupyterhub-singleuser"]
            .iter()
            .any(|name| self.program(name).is_some())
    }
}
