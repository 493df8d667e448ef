//! URLs and texts that may hold secrets: what of them may be shown and kept.
//!
//! Secret is, in any URL: user and password, the token in conda's `/t/TOKEN/`, and the query, which is a token or a
//! signature at many servers. What is left is the *public* form. It names the same thing, so it is what stands in messages,
//! locks, images and caches. [`SecretUrl`] and [`SecretText`] have no way to print or serialise anything else; only whoever
//! asks a server takes the whole, by its name. [`KnownSecrets`] finds the whole again for what a lock names by its public form.

mod known;
mod text;
mod url;

pub use known::KnownSecrets;
pub use text::{SecretText, expanded, masked, public};
pub use url::{Login, SecretUrl};
