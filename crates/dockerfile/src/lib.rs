//! Dockerfiles as they are written: instructions with their lines, words with variables in their places, and the commands that
//! `RUN` gives to a shell ("Dockerfile reference", POSIX "Shell Command Language").
//!
//! Nothing is run here. What only a shell could know, such as `$(uname -m)`, is told as unknown.

mod command;
mod dockerfile;
mod instruction;
mod limits;
mod lines;
mod mistake;
mod variables;
mod word;

pub use command::{Command, Join, Redirection, commands};
pub use dockerfile::{Dockerfile, Stage};
pub use instruction::{Document, Flag, Instruction};
pub use mistake::DockerfileMistake;
pub use variables::Variables;
pub use word::{Word, words};
