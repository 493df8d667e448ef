//! Identifiers of documents, made of what they describe.

use imgbuild_oci::Digest;
use sha1::{Digest as _, Sha1};

/// The namespace of names that are URLs (RFC 9562, 6.6).
const URLS: [u8; 16] =
    [0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];

/// A UUID that depends on a name alone: version 5 of RFC 9562, 5.5. Two documents of one image are two documents, and so each form has
/// a word of its own in the name.
pub(crate) fn uuid(form: &str, identity: &Digest) -> String {
    uuid_of(&format!("imgbuild:sbom:{form}:{identity}"))
}

fn uuid_of(name: &str) -> String {
    let hash = Sha1::new().chain_update(URLS).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A word for an identifier that must not have all signs: what it may have of a text, and a hash of all of it.
pub(crate) fn word(text: &str, reference: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' };
    let hash = Digest::of(reference).hex();
    format!("{}-{}", text.chars().map(plain).collect::<String>(), &hash[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_those_that_others_compute() {
        // By Python's `uuid.uuid5(uuid.NAMESPACE_URL, …)`.
        assert_eq!(uuid_of("https://example.com/"), "dd2c1780-811a-5296-81c5-178a0ef488bc");
        let identity = Digest::of("lock");
        assert_eq!(uuid("cyclonedx", &identity), "e0c93872-264a-546c-a56e-09bdd6fe7f34");
    }
}
