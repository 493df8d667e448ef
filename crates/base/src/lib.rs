//! What images stand on; and images that others made, as what ours stand on: what their layers hold, read without unpacking
//! them.

mod base;
mod content;
mod error;
mod facts;
mod failure;
mod glibc;
mod image;
mod kept;
mod limits;
mod locked_image;
mod packages;
mod python_beneath;
mod pythons;
mod reading;
mod view;

pub use base::Base;
pub use error::{BaseError, NoGlibc, NoWheels};
pub use facts::{Facts, OperatingSystem, ShellFile};
pub use failure::BaseFailure;
pub use image::BaseImage;
pub use locked_image::LockedImage;
pub use packages::DpkgPackage;
pub use python_beneath::PythonBeneath;
pub use pythons::{CondaPrefix, FirstPython, PythonInstallation, Pythons, VirtualEnvironment};
pub use view::BaseView;
