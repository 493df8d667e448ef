//! What platforms demand of images, as a table with the source of each line; and holding any image against it: by its
//! configuration and its merged layers where that tells, and by running it in the sandbox where it does not.

mod answer;
mod conditions;
mod contracts;
mod demand;
mod devcontainer;
mod files;
mod image;
mod judge;
mod limits;
mod page;
mod trial;
mod trial_run;
mod verdict;

#[cfg(test)]
mod tests;

pub use contracts::terms;
pub use demand::{Condition, Demand, Scope, Terms};
pub use image::Inspected;
pub use judge::{Judge, Line};
pub use page::page;
pub use trial::{Account, Answer, Home, Root, Start, Trial};
pub use trial_run::Container;
pub use verdict::Verdict;
