//! From a spec to a lock: bases and packages are chosen, and what is wrong is told, with the lines that asked for it.

mod base_distributions;
mod conda_distributions;
mod conda_errors;
mod conda_locking;
mod contract;
mod cuda;
mod current;
mod cutting;
mod debian_base;
mod debian_locking;
mod error;
mod image_locking;
mod image_signature;
mod lock_file;
mod locking;
mod match_specs;
mod other_locks;
mod requested;
mod resolved;
mod validating;
mod virtual_packages;
mod wheel_locking;

pub use contract::{CudaContract, cuda_contract};
pub use current::{Locked, check_lock, current_lock, fitting_lock, known_lock, outdated, renew_lock};
pub use error::{LockFailure, LockSpecError};
pub use locking::{PackageUpgrade, Upgrade, lock_path};
pub use requested::spec_inventory;
pub use validating::{Purpose, notes, read_spec, validate, validate_copying, validate_text};
