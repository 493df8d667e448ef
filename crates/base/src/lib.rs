//! Images that others made, as what ours stand on: what their layers hold, read without unpacking them.

mod error;
mod facts;
mod glibc;
mod image;
mod packages;

pub use error::{BaseError, NoGlibc};
pub use facts::{Account, Facts, OperatingSystem};
pub use image::BaseImage;
pub use packages::DpkgPackage;
