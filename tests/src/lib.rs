//! What the end-to-end tests share: running the real program, reading what it made, and serving what it asks for.
//!
//! A test gets a folder of its own, which goes with it: see `scratch`. What stays is under `target/tmp` of the workspace: the
//! store is one for the whole run, so that archives and layers are made once, unless a test asks for its own.

// A test that cannot go on says why and stops: that is what these are for here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod buckets;
mod container;
mod debian;
pub mod distribution;
mod engines;
mod faults;
mod foreign;
mod image;
mod lock_tools;
mod package_index;
mod pages;
mod program;
mod registry;
mod server;
mod services;
mod tools;
mod tree;
mod workspace;

pub use buckets::{Buckets, Trouble, refusal};
pub use container::{Container, Daemon, Start, Started, apart};
pub use debian::{DebianArchive, SUITE};
pub use engines::{Containerd, Docker, LIMITS, Podman};
pub use faults::{Bench, named, names};
pub use foreign::{HandmadeLayer, write_layout};
pub use image::{Image, Output};
pub use lock_tools::LockTools;
pub use package_index::package_index;
pub use pages::{blocks, commands, prints, shell};
pub use program::{Imgbuild, Outcome, capture};
pub use registry::{Guard, Registry};
pub use server::{Answer, Request, Server};
pub use services::{
    Client, Run, WORKBENCH, address, connected, get, jupyter, jupyter_answers, jupyterlab, port, ssh, token,
    workbench,
};
pub use tools::{node_modules, node_tools, python_tools};
pub use tree::{Kind, Node, Tree};
pub use workspace::{channel, channel_folder, scratch, shared_store, temporary, workspace_root};
