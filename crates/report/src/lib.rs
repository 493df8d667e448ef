//! Pages that show an image, a build, two images side by side, or many: one file of HTML each, which needs no server, no network and no
//! script to be read.
//!
//! What is shown comes in as it is known; what goes out is the text of the page, which follows from that alone.

mod build;
mod catalog;
mod changes;
mod configuration;
mod conformity;
mod image;
mod layers;
mod overview;
mod packages;
mod page;
mod pair;
mod subject;
mod text;
mod timeline;
mod treemap;
mod waste;
mod weights;

pub use build::{BuildPage, BuiltImage, Previous, build_page};
pub use catalog::{Entry, catalog_page};
pub use image::image_page;
pub use pair::pair_page;
pub use subject::Subject;
pub use timeline::Timed;
pub use weights::{FolderWeight, LayerWeight, PackageWeight, weights};
