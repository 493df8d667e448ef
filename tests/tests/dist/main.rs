//! What `cargo xtask dist` makes, tried as people use it: installed, unpacked, read by others' tools, and run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod image;
mod linking;
mod made;
mod packages;
mod python;
