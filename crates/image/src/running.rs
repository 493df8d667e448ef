//! Running what is in an image, in the sandbox.

use std::path::PathBuf;

use imgbuild_oci::{Blobs, ContainerConfig, Platform};
use imgbuild_sandbox::{Command, Input, Limits, Machine, Network, Output, User, Writable, set_variable};
use imgbuild_store::Store;

use crate::error::{MakeError, OpenFailure};
use crate::unpacked::{NamedLayer, unpacked_layers};

/// What the entrypoints of our images begin with, and others' as well: it reaps processes and forwards signals, which process
/// 1 of the sandbox does already.
const TINI: [&str; 3] = ["/usr/bin/tini", "-g", "--"];

/// What engines set where an image says nothing.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An image whose layers are unpacked: its configuration, and what the sandbox stacks.
#[derive(Debug, Clone)]
pub struct Runnable {
    platform: Platform,
    config: ContainerConfig,
    layers: Vec<PathBuf>,
}

/// What runs in an image: the words after its name on a command line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// Instead of the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Instead of the image's command.
    pub command: Option<Vec<String>>,
}

impl Runnable {
    /// An image of a platform, with its configuration and its layers. Those that the store does not have unpacked are
    /// unpacked into it.
    ///
    /// # Errors
    ///
    /// When its platform cannot be run here, or a layer cannot be unpacked.
    pub fn new(
        platform: Platform,
        config: &ContainerConfig,
        layers: &[NamedLayer],
        blobs: &dyn Blobs,
        store: &Store,
        machine: &Machine,
    ) -> Result<Self, MakeError> {
        machine.runs(platform)?;
        let layers = unpacked_layers(store, machine, blobs, layers)?;
        Ok(Self { platform, config: config.clone(), layers })
    }

    /// The image's entrypoint.
    pub fn entrypoint(&self) -> &[String] {
        &self.config.entrypoint
    }

    /// A command in the image, with the image's environment, user and folder, off the network, which can write nothing:
    /// the caller changes what is to be otherwise.
    ///
    /// # Errors
    ///
    /// When neither the words nor the image say what to run, or the image's folder is no path.
    pub fn command(&self, words: &Words) -> Result<Command, MakeError> {
        let own = (&self.config.entrypoint, &self.config.cmd);
        let entrypoint = words.entrypoint.as_ref().unwrap_or(own.0);
        // A command is meant for the entrypoint that it stands behind.
        let no_command = Vec::new();
        let default = if words.entrypoint.is_some() { &no_command } else { own.1 };
        let command = words.command.as_ref().unwrap_or(default);
        let all: Vec<String> = entrypoint.iter().chain(command).cloned().collect();
        let all = all.strip_prefix(TINI.map(str::to_owned).as_slice()).unwrap_or(&all).to_vec();
        if all.is_empty() {
            return Err(OpenFailure::NoCommand.into());
        }
        let mut env: Vec<(String, String)> = Vec::new();
        for variable in &self.config.env {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            set_variable(&mut env, name, value);
        }
        if !env.iter().any(|(name, _)| name == "PATH") {
            set_variable(&mut env, "PATH", DEFAULT_PATH);
        }
        let folder = match self.config.working_dir.trim_end_matches('/') {
            "" => None,
            folder => Some(imgbuild_archive::ImagePath::from_absolute(folder)?),
        };
        Ok(Command {
            platform: self.platform,
            layers: self.layers.clone(),
            writable: Writable::Nothing,
            words: all,
            env,
            folder,
            user: User::Named(self.config.user.clone()),
            mounts: Vec::new(),
            network: Network::None,
            published: Vec::new(),
            limits: Limits::default(),
            input: Input::Nothing,
            output: Output::Inherit,
            until: None,
        })
    }
}
