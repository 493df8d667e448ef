//! PEM (RFC 7468): what a text holds between its `BEGIN` and `END`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::KeyError;

/// What one block of PEM holds.
pub(crate) struct Armored<'a> {
    /// What it says that it is, such as `PRIVATE KEY`.
    pub(crate) label: &'a str,
    /// Its bytes. Of a block with headers, which only encrypted keys of old have, there are none.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Whether it has headers.
    pub(crate) has_headers: bool,
}

impl<'a> Armored<'a> {
    /// The key of a text: its first block, but for the parameters that OpenSSL writes before a key.
    pub(crate) fn key(text: &'a str) -> Result<Self, KeyError> {
        let mut rest = text;
        loop {
            let (_, behind) = rest.split_once("-----BEGIN ").ok_or(KeyError::NoKey)?;
            let (label, behind) = behind.split_once("-----").ok_or(KeyError::NoKey)?;
            let end = format!("-----END {label}-----");
            let (body, behind) = behind.split_once(end.as_str()).ok_or(KeyError::NoKey)?;
            if label == "EC PARAMETERS" {
                rest = behind;
                continue;
            }
            if body.contains(':') {
                return Ok(Self { label, bytes: Zeroizing::default(), has_headers: true });
            }
            let packed: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
            let bytes = STANDARD.decode(packed.as_bytes());
            let bytes = bytes.map_err(|error| KeyError::Damaged(error.to_string()))?;
            return Ok(Self { label, bytes: Zeroizing::new(bytes), has_headers: false });
        }
    }
}
