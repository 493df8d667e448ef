//! The interpreters in the lock.

use imgbuild_oci::Platform;
use serde::{Deserialize, Serialize};

/// The packages that hold an interpreter for one kind of build machine, which compiles the bytecode of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Compiler {
    /// The build machine.
    pub host: Platform,
    /// The packages, by the names under which the lock lists them.
    pub packages: Vec<String>,
}
