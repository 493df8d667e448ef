//! One matrix and many machines: what each of them is told, and what all of them together make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod charts;
mod cluster;
mod files;
mod matrix;
mod running;
mod shards;
mod slurm;
