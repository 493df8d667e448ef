//! What a year of updates costs, by several ways to lay packages into layers: `sharing year` prints it, `cargo xtask bench --sharing`
//! runs that; `sharing roles LOCK` prints what each Debian package of a lock is to the image, for `gather.py`.
//!
//! It stands alone because it plans with the crates that build images: `xtask` itself is compiled before anything else, and so is
//! small.

mod counting;
mod policy;
mod print;
mod roles;
mod year;

use std::process::ExitCode;

/// Why nothing was printed.
#[derive(Debug, thiserror::Error)]
enum SharingError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The lock is none.
    #[error(transparent)]
    Lock(#[from] imgbuild_lock::LockError),
    /// The lock has no Debian base.
    #[error("`{0}` has no Debian base")]
    NoDebian(String),
    /// A record of the lock cannot be read.
    #[error(transparent)]
    Record(#[from] imgbuild_debian::ResolveError),
    /// The data of the year are not what they should be.
    #[error("cannot read `year.json`: {0}")]
    Json(#[from] serde_json::Error),
    /// The data of the year contradict themselves.
    #[error("`year.json` names a {0} that it has not")]
    Unknown(&'static str),
    /// An image does not fit its budget.
    #[error(transparent)]
    OverBudget(#[from] imgbuild_layer::OverBudget),
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let printed = match words[..] {
        ["year"] => print::year(),
        ["roles", lock] => roles::of_lock(lock),
        _ => {
            eprintln!("usage: sharing year | sharing roles LOCK");
            return ExitCode::FAILURE;
        }
    };
    match printed {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
