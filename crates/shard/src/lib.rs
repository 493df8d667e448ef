//! Which of many machines builds which images of a matrix.
//!
//! The machines do not talk to each other: each knows how many they are and which of them it is, and finds the same split by itself.

mod cut;
mod schedulers;
mod shard;
mod split;
pub mod weights;

pub use schedulers::{COUNT, INDEX, NoShard, Numbers, SCHEDULERS, Scheduler, shard_of_this_machine};
pub use shard::{Shard, WrongShard};
pub use split::{Image, Package, Platforms, Work, split, work};
