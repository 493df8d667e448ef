//! What a spec copies into an image: its own files, as a source.

mod copies;
mod failure;

pub use copies::Copies;
pub use failure::CopyFailure;
