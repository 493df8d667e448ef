//! Bills of materials of an image: CycloneDX 1.6, SPDX 2.3 and SPDX 3.0.1.
//!
//! A document is a function of an inventory and of what is known of the image: no clock, no chance. So the same image has the same
//! document, on every machine, and the same one again tomorrow.

mod bill;
mod contact;
mod cyclonedx;
mod distribution;
mod image;
mod json;
mod spdx2;
mod spdx3;
mod unique;

use imgbuild_inventory::Inventory;
use imgbuild_oci::canonical;

use bill::{Bill, Place};
pub use contact::Contact;
pub use image::{Completeness, ImageFacts, Sha512};

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CycloneDX 1.6 (ECMA-424).
    CycloneDx16,
    /// SPDX 2.3, which older tools read.
    Spdx23,
    /// SPDX 3.0.1, as JSON-LD.
    Spdx301,
}

impl Format {
    /// Every form, the one that is meant where nothing is said first.
    pub const ALL: [Self; 3] = [Self::CycloneDx16, Self::Spdx301, Self::Spdx23];

    /// What it is called on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CycloneDx16 => "cyclonedx",
            Self::Spdx301 => "spdx",
            Self::Spdx23 => "spdx-2.3",
        }
    }

    /// The URI by which in-toto's statements say what it is.
    pub const fn predicate_type(self) -> &'static str {
        match self {
            Self::CycloneDx16 => "https://cyclonedx.org/bom",
            Self::Spdx23 | Self::Spdx301 => "https://spdx.dev/Document",
        }
    }

    /// The media type of its documents, as registered.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::CycloneDx16 => "application/vnd.cyclonedx+json",
            Self::Spdx301 => "application/spdx+json;version=3.0.1",
            Self::Spdx23 => "application/spdx+json",
        }
    }
}

/// The bill of materials of an image, as canonical JSON.
///
/// # Errors
///
/// None that an inventory can cause; the form of canonical JSON has its own.
pub fn document(
    format: Format,
    inventory: &Inventory,
    image: &ImageFacts,
) -> Result<Vec<u8>, canonical::CanonicalError> {
    let bill = Bill::new(inventory, image, Place::Beside);
    let value = match format {
        Format::CycloneDx16 => cyclonedx::document(&bill),
        Format::Spdx23 => spdx2::document(&bill),
        Format::Spdx301 => spdx3::document(&bill),
    };
    canonical::to_vec(&value)
}

/// The bill of materials that stands in an image itself, for scanners: CycloneDX 1.6, with licences in the packages' own words, and
/// what scanners find by its own files within its environment. What a lock says has the same bytes for ever: whoever changes them adds a
/// format version (`tests/tests/formats` holds an image of each).
///
/// # Errors
///
/// As [`document`].
pub fn document_in_image(
    inventory: &Inventory,
    image: &ImageFacts,
) -> Result<Vec<u8>, canonical::CanonicalError> {
    canonical::to_vec(&cyclonedx::document(&Bill::new(inventory, image, Place::Within)))
}
