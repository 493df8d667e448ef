//! Bytecode: how it is made around a source, and what becomes of it below layers that lie over others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod making;
mod overriding;
mod support;
