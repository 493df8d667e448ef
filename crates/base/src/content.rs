//! What an image of a registry holds, as it stands in a lock: whoever builds by the lock needs none of its layers for that.

use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_lock::ImageBase;
use imgbuild_oci::{BlobError, Digest, StoredImage};
use serde::{Deserialize, Serialize};

use crate::limits::{MOST_CONTENT, MOST_PACKED};
use crate::view::BaseView;

/// How much time is spent on making it small: it is written seldom, and read at every build.
const LEVEL: i32 = 19;

/// What builds ask of an image.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BaseContent {
    /// Its configuration, as it is.
    pub(crate) config: String,
    /// What its layers hold.
    pub(crate) view: BaseView,
}

/// Packs what builds ask of an image. Nothing where that is no lock's business: it would be too large there, or holds passwords,
/// which are no secret in the image, and yet need not stand beside a spec. Then builds ask the image itself.
pub(crate) fn pack(stored: &StoredImage, view: &BaseView) -> io::Result<Option<String>> {
    let Ok(config) = String::from_utf8(stored.config_bytes.clone()) else { return Ok(None) };
    if view.facts.accounts.have_passwords() {
        return Ok(None);
    }
    let content = serde_json::to_vec(&BaseContent { config, view: view.outline() })?;
    if content.len() as u64 > MOST_CONTENT {
        return Ok(None);
    }
    let text = STANDARD.encode(zstd::encode_all(content.as_slice(), LEVEL)?);
    Ok((text.len() <= MOST_PACKED).then_some(text))
}

/// What a lock holds of an image; nothing where it holds none of it.
///
/// # Errors
///
/// When it is damaged.
pub(crate) fn unpack(locked: &ImageBase) -> io::Result<Option<BaseContent>> {
    let Some(text) = &locked.content else { return Ok(None) };
    let packed = STANDARD.decode(text).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    zstd::Decoder::new(packed.as_slice())?.take(MOST_CONTENT).read_to_end(&mut bytes)?;
    let content: BaseContent = serde_json::from_slice(&bytes)?;
    let (wanted, found) = (locked.config, Digest::of(&content.config));
    if found != wanted {
        return Err(io::Error::other(BlobError::Digest { wanted, found }));
    }
    Ok(Some(content))
}
