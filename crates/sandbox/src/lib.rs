//! Running one command in a root file system made of layers, without root and without a container engine.
//!
//! A [`Machine`] is what this machine allows: which ids of an image can be mapped, whether the kernel stacks folders, and
//! which foreign platforms it runs. [`Machine::unpack`] writes a layer into a folder, once; [`Machine::run`] stacks such
//! folders and runs a [`Command`] in them; [`Machine::difference`] gives what the command changed as the entries of one
//! more layer.
//!
//! The inside of a sandbox is this very program, started again: [`enter`] must be the first thing that `main` does.

mod channel;
mod command;
mod difference;
mod emulator;
mod error;
mod ids;
mod inside;
pub mod limits;
mod machine;
mod obstacle;
mod outside;
mod piped;
mod poll;
mod printed;
mod removing;
mod running;
mod signals;
mod terminal;
mod wire;

pub use command::{
    Access, Command, Ended, Input, Limits, Mount, Network, Output, Published, Ran, User, Writable,
    set_variable,
};
pub use error::SandboxError;
pub use ids::SubordinateIds;
pub use machine::{Machine, enter};
pub use printed::printed;
pub use removing::remove_folder;
