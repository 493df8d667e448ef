//! Images to registries and from there: where what was built is pushed, what of an image in a registry is reused, and images
//! that go from one place to another.

mod ahead;
mod asking;
mod attesting;
mod completing;
mod error;
mod holders;
mod index;
mod key_cache;
mod limits;
mod opening;
mod progress;
mod pull;
mod push;
mod remote_layers;
mod stored;
mod target;
mod verifying;

pub use ahead::Ahead;
pub use attesting::{Description, Origin, describe, listed, sign};
pub use completing::{Completion, Incomplete, MadeFrom, completed};
pub use error::DistributionError;
pub use holders::holders;
pub use index::joined;
pub use key_cache::{CacheKey, CacheKeyError, CachePlace, CachePlaceError, CacheUse, KeyCache};
pub use opening::open_remote;
pub use pull::{ReadFrom, complete, missing, pull, pull_to, remote_image};
pub use push::{BlobHome, Destination, Publication, Published, Publishing};
pub use remote_layers::RemoteLayers;
pub use stored::{elsewhere, pushable, pushable_of};
pub use target::{PushTarget, PushTargetError};
pub use verifying::{Attested, NotSigned, Signature, Told, VerifyFailure, attested};
