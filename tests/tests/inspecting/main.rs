//! `inspect`, `ls`, `cat`, `extract`, `diff`, `why`, `tree` and `size`: what is in an image, of our making and of others'.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod comparing;
mod foreign;
mod made;
mod others;
mod page;
mod remote;
mod sample;
