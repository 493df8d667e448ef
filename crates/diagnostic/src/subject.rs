//! What errors are about: whoever shows one finds the lines that asked for it.

use std::collections::BTreeSet;

/// What an error of an ecosystem is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A package of this ecosystem, by its name, or as it was asked for.
    Package(String),
    /// A channel, as it was named, without secrets.
    Channel(String),
    /// The requirement at this place of those that were given.
    Requirement(usize),
    /// The constraint at this place of those that were given.
    Constraint(usize),
    /// A package of the environment that this ecosystem's packages are put into.
    Beneath(String),
    /// The image that all stands on.
    Base,
}

/// An error that says what it is about, as data.
pub trait Subjects {
    /// What it is about; nothing where it is about no single thing.
    fn subjects(&self) -> BTreeSet<Subject>;
}
