//! Registries of images, by the distribution specification of the OCI: what is read there, what is written, and who may.
//!
//! [`Registries`] knows how registries are reached and who asks; [`RemoteRepository`] is a repository as it is spoken to.
//! Nothing that a registry sends is trusted: what has a digest is checked by it, documents have a limit, and no answer leads a
//! request or a credential where it has no business. Registries on the loopback may have no TLS, as docker has it.
//!
//! Who speaks to a registry with requests of its own sends them through [`Authorization`]: where the registry challenges
//! them, a token is fetched and the request is sent once more.

mod address;
mod answer;
mod attaching;
mod authorization;
mod basic;
mod blob;
mod body;
mod challenge;
mod credential;
mod credentials;
mod error;
mod following;
mod greeting;
mod hosts;
mod lanes;
mod limits;
mod list;
mod lists;
mod manifest;
mod opening;
mod pieces;
mod probe;
mod push;
mod push_error;
mod pushing;
mod registries;
mod remote;
mod repository;
mod said;
mod sending;
mod session;
mod settings;
mod sought;
mod upload;
mod uploads;
mod who;

pub use address::Misled;
pub use answer::{AnswerError, read_json};
pub use attaching::{Attachment, TaggedFile};
pub use authorization::{Access, Authorization, Sender, Tokens};
pub use blob::{BlobReader, RemoteBlobs};
pub use credential::{Anonymous, Credential, CredentialFailure, CredentialSource};
pub use credentials::{
    CredentialError, Credentials, FoundCredential, HelperName, Keeper, KeptCredential, KeptIn, Login, Removed,
};
pub use error::{Doing, Failed, Refusal, RegistryError};
pub use greeting::Greeting;
pub use manifest::{Content, ManifestHead, Pointer, RemoteManifest};
pub use probe::Probed;
pub use push::{Homes, PushOptions, Pusher, Told};
pub use push_error::PushError;
pub use pushing::{ABOUT, Count, Counts, Home, Pushable, Pushed, TagChange};
pub use registries::Registries;
pub use remote::RemoteRepository;
pub use repository::{Repository, RepositoryError, Scheme, place};
pub use said::{Said, TokenRefusal};
pub use settings::{Asked, Endpoint, Endpoints, RegistrySettings, SettingsError, Tls};
pub use sought::Sought;
pub use upload::Arrival;
