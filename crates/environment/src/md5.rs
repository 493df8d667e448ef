//! The MD5 of an archive.

use std::fmt;

use imgbuild_document::Literal;
use imgbuild_oci::Digest;
use serde::{Serialize, Serializer};

/// The MD5 of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5([u8; 16]);

impl Md5 {
    /// Reads 32 hexadecimal digits.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        let nibble = |byte: &u8| char::from(*byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let nibbles = digits.as_bytes().iter().map(nibble).collect::<Option<Vec<_>>>()?;
        let bytes: Vec<u8> = nibbles.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        (nibbles.len() == 32).then(|| bytes.try_into().ok().map(Self))?
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for Md5 {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("md5:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Md5 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The hashes of a package, as they are written.
pub(crate) fn hashes(
    sha256: Option<&Literal>,
    md5: Option<&Literal>,
) -> Result<(Option<Digest>, Option<Md5>), String> {
    let read_sha256 = |text: &Literal| {
        Digest::from_hex(&text.0.to_ascii_lowercase()).map_err(|_| format!("`{}` is not a sha256", text.0))
    };
    let read_md5 =
        |text: &Literal| Md5::from_hex(&text.0).ok_or_else(|| format!("`{}` is not an MD5", text.0));
    Ok((sha256.map(read_sha256).transpose()?, md5.map(read_md5).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_md5_has_32_digits() {
        assert_eq!(Md5::from_hex(&"0A".repeat(16)), Some(Md5([10; 16])));
        for bad in ["", "0", &"0".repeat(31), &"0".repeat(33), &"+1".repeat(16), &"é".repeat(16)] {
            assert_eq!(Md5::from_hex(bad), None, "{bad}");
        }
    }
}
