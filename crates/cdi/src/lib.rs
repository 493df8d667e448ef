//! Devices of this machine for a command in a sandbox, by the Container Device Interface (CDI 0.3 to 1.0).
//!
//! Whoever brings a driver says in a file what a container needs for its devices: device nodes, mounts, variables, and hooks that
//! container engines run. [`Specs::read`] reads the files of a machine, [`Specs::devices`] chooses, and [`Devices::give_to`] changes the
//! command. No hook is run: what those of NVIDIA's container toolkit do to the links of libraries is done by further mounts, and
//! [`Devices::left_out`] says what is not done.

mod devices;
mod error;
mod hooks;
mod limits;
mod model;
mod shared_object;
mod specs;

pub use devices::Devices;
pub use error::CdiError;
pub use specs::{FOLDERS, Specs};
