//! What a layer depends on, as a hash that is known before the layer exists.

use std::fmt;

use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};
use std::io::Write as _;

/// The version of how fields become a hash. Hashes of it stand in locks and in the list of known maintainer scripts, which
/// another version of layers does not touch.
const HASH_VERSION: u32 = 1;

/// A hash of everything that the entries of one part depend on, but for the paths that are excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecipeHash(pub Digest);

/// The key of a layer: a hash of its parts' recipes, their exclusions, and the codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Digest);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.hex())
    }
}

/// Collects named fields into a hash. Names and lengths go into it, so that two lists of fields never run together.
#[derive(Debug)]
pub struct KeyHasher(imgbuild_oci::HashWriter<std::io::Sink>);

impl KeyHasher {
    /// Starts a hash for `what`.
    pub fn new(what: &str) -> Self {
        let hasher = Self(imgbuild_oci::HashWriter::new(std::io::sink()));
        hasher.field("format", HASH_VERSION.to_string()).field("what", what)
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        for bytes in [name.as_bytes(), value] {
            // Writing into a sink cannot fail.
            let _infallible = self.0.write_all(&(bytes.len() as u64).to_le_bytes());
            let _infallible = self.0.write_all(bytes);
        }
        self
    }

    /// Adds every value of a list, and its length.
    #[must_use]
    pub fn list<T: AsRef<[u8]>>(self, name: &str, values: impl IntoIterator<Item = T>) -> Self {
        let mut count = 0_u64;
        let mut hasher = self;
        for value in values {
            hasher = hasher.field(name, value);
            count += 1;
        }
        hasher.field(name, count.to_le_bytes())
    }

    /// The hash.
    pub fn finish(self) -> Digest {
        self.0.finish().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_together() {
        let one = KeyHasher::new("x").field("a", "bc").finish();
        let other = KeyHasher::new("x").field("ab", "c").finish();
        assert_ne!(one, other);
        let empty: [&str; 0] = [];
        let none = KeyHasher::new("x").list("a", empty).list("b", ["c"]).finish();
        let shifted = KeyHasher::new("x").list("a", ["c"]).list("b", empty).finish();
        assert_ne!(none, shifted);
    }
}
