//! Registries of images, by the distribution specification of the OCI: where things are in a repository, and the tokens that
//! registries ask for.
//!
//! Who speaks to a registry has requests of its own, and sends them through [`Authorization`]: where the registry challenges
//! them, a token is fetched and the request is sent once more. Registries on the loopback are spoken to without TLS, as
//! docker does.

mod answer;
mod authorization;
mod challenge;
mod limits;
mod repository;

pub use answer::{AnswerError, read_json};
pub use authorization::{Access, Authorization, Sender, Tokens};
pub use repository::{Repository, RepositoryError};
