//! A registry in this process, by the distribution specification 1.1 of the OCI and what its main had in 2026-07, which misbehaves
//! on demand.

mod access;
mod content;
mod conversation;
mod documents;
mod http;
mod profile;
mod proxy;
mod route;
mod server;
mod tls;
mod uploads;

pub use access::{Access, Account, ClosedSource, TokenRules};
pub use content::Document;
pub(crate) use http::Connection;
pub use http::{Answer, Head};
pub use profile::{Chunks, Locations, Mounts, Profile, Range};
pub use proxy::Proxy;
pub use route::Kind;
pub use server::{Behaviour, Distribution, Exchange, Request, Setup};
pub use tls::Certificates;
