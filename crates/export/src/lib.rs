//! A lock in the forms of other tools: what conda, pip, uv and pixi install from.
//!
//! Only text is made here. Where wheels of an index are, no lock says: whoever asks an index hands it over.

mod conda_files;
mod error;
mod export;
mod format;
mod pixi;
mod pylock;
mod requirements;
mod wheel;
mod written;

pub use error::ExportError;
pub use export::export;
pub use format::Format;
pub use wheel::Locations;
pub use written::Written;
