//! The table's types: what a platform demands, and how it is found out whether an image meets it.

use imgbuild_spec::Contract;

use crate::trial::Trial;

/// What one platform demands.
#[derive(Debug)]
pub struct Terms {
    /// The platform.
    pub contract: Contract,
    /// Its name, for people.
    pub title: &'static str,
    /// How it runs images.
    pub about: &'static str,
    /// What a spec says for it.
    pub spec: &'static str,
    /// The demands.
    pub demands: &'static [Demand],
    /// The examples of ours that meet them, as names of `examples/NAME.toml`.
    pub examples: &'static [&'static str],
}

/// One demand.
#[derive(Debug)]
pub struct Demand {
    /// What holds of an image that meets it.
    pub says: &'static str,
    /// Where the platform says so, or does so.
    pub source: &'static str,
    /// Which images it is about.
    pub scope: Scope,
    /// How it is found out.
    pub condition: Condition,
    /// What to write into the spec where it does not hold.
    pub advice: &'static str,
    /// Whether the platform runs images that do not meet it all the same, only worse.
    pub is_advice: bool,
}

/// Which images a demand is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those that have Jupyter.
    Jupyter,
    /// Those that have a Python on their `PATH`.
    Python,
    /// Those that have CUDA's runtime.
    Cuda,
    /// Those that a hub spawns.
    Hub,
    /// Those that name a port.
    Serving,
    /// Those that name none.
    Silent,
}

/// How it is found out whether an image meets a demand.
#[derive(Debug, Clone, Copy)]
pub enum Condition {
    /// It says what to start.
    Starts,
    /// What it starts is in it, and can be executed.
    StartIsThere,
    /// What it starts first reaps processes and forwards signals.
    Init,
    /// The program of its health check is in it; one that has none meets it.
    HealthcheckIsThere,
    /// It has at most so many layers.
    Layers(usize),
    /// Its user has no group.
    NoGroup,
    /// Its user is a number other than 0.
    NumberNotRoot,
    /// Its user is root.
    RunsAsRoot,
    /// Its user is known to it.
    UserIsKnown,
    /// It knows a user of that number.
    HasUser(u32),
    /// Its user's home is this folder.
    HomeIs(&'static str),
    /// Its user's home belongs to group 0, which may write it.
    HomeOfGroupRoot,
    /// Only root can write its `/etc/passwd`.
    PasswdOfRoot,
    /// Nothing that works lies in homes, which platforms mount over.
    NothingInHomes,
    /// Nothing lies in these folders.
    NothingIn(&'static [&'static str]),
    /// Of each of these, one program is on its `PATH`.
    Programs(&'static [&'static [&'static str]]),
    /// There is a program of this path.
    Program(&'static str),
    /// It listens on this port.
    Port(u16),
    /// It listens on no port below 1024.
    PortsOfUsers,
    /// Values of its environment mean the same when a shell evaluates them.
    PlainValues,
    /// It has this variable, with none of these values.
    Variable(&'static str, &'static [&'static str]),
    /// A list in this variable, parted by commas, has one of these words.
    VariableHas(&'static str, &'static [&'static str]),
    /// Python never sees what lies in `~/.local`.
    NoForeignModules,
    /// It has glibc of at least this version.
    Glibc(u32, u32),
    /// It has the C++ library, `libstdc++.so.6.0.N` of at least this N.
    Libstdcxx(u32),
    /// The cache of its dynamic loader is there, and so is the folder of what fills it.
    LoaderCache,
    /// Editors are told who works in it.
    DevContainerLabel,
    /// Its `JupyterHub` is of the hub's major version, which nobody but the hub's administrator knows.
    HubVersion,
    /// It is run.
    Trial(&'static Trial),
}
