//! What a machine can and cannot, for builds: `imgbuild doctor`.
//!
//! [`examine`] has one look after another at a machine, most of them side by side. Each stands by itself: one that fails, or does not
//! end, is a [`Finding`] that says so, and no error. What is looked at is given as [`Surroundings`]: the files below a folder, and
//! variables.
//!
//! Nothing is changed, but for what opening a store does. No secret is shown to anybody who would not be shown it by a build, and
//! none is printed: a finding says for whom a credential is kept and where.

mod examination;
mod finding;
mod looks;
mod surroundings;
mod thresholds;

pub use examination::examine;
pub use finding::{Area, Finding, Verdict};
pub use looks::threads::too_few as too_few_threads;
pub use surroundings::{Surroundings, Variables};
