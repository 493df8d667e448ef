//! Threads that can be made.

use std::sync::{PoisonError, RwLock};
use std::{io, thread};

/// How many threads a build has beside those that work, such as those that wait for files.
const OTHERS: usize = 8;
/// How many work at once for each core at most: one of the runtime, one that unpacks, one that compresses.
const EACH: usize = 3;

/// A machine on which no build can run.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("not enough threads can be made: {0}")]
#[diagnostic(help("raise the limit of processes (`ulimit -u`, or that of the container)"))]
pub(crate) struct NoThreads(io::Error);

/// Makes as many threads at once as a build needs, and lets them go. Libraries panic where one cannot be made; so that is
/// found out, and told, before anything begins.
///
/// # Errors
///
/// When one cannot be made.
pub(crate) fn check() -> Result<(), NoThreads> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let gate = RwLock::new(());
    thread::scope(|scope| {
        let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        let made = (0..EACH * cores + OTHERS).try_for_each(|_| {
            let wait = || drop(gate.read());
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        });
        drop(closed);
        made
    })
    .map_err(NoThreads)
}
