//! Registries: the one of the tests itself, which is held against Debian's and against skopeo; and what the program says to
//! registries, right ones and wrong ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;
mod client;
mod elsewhere;
mod endpoints;
mod faults;
mod hostile;
mod hosts;
mod itself;
mod killed;
mod profiles;
mod program;
mod reading;
mod repositories;
mod tokens;
mod waiting;
