//! What a shared cache has of a key: an image manifest of one layer, which keeps the layer's blob alive in a registry.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_layer::Key;
use imgbuild_oci::{Descriptor, DiffId, Digest, canonical};
use imgbuild_store::LayerRecord;
use serde::{Deserialize, Serialize};

use super::signing::{CacheKey, Signed};

/// The type of such a manifest.
const KIND: &str = "application/vnd.imgbuild.layer.v1";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The content of its configuration, which says nothing.
pub(super) const EMPTY_CONFIG: &[u8] = b"{}";
const DIFF_ID: &str = "dev.imgbuild.layer.diff-id";
const SIGNATURE: &str = "dev.imgbuild.layer.signature";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: String,
    artifact_type: String,
    config: Empty,
    layers: [Descriptor; 1],
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Empty {
    media_type: String,
    digest: Digest,
    size: u64,
}

/// Writes what a cache has of a key, signed where there is a key to sign with.
pub(super) fn write(
    key: &Key,
    record: &LayerRecord,
    signer: Option<&CacheKey>,
) -> Result<Vec<u8>, canonical::CanonicalError> {
    let mut annotations = BTreeMap::from([(DIFF_ID.to_owned(), record.diff_id.to_string())]);
    if let Some(signature) = signer.and_then(|signer| signer.sign(&signed(key, record))) {
        annotations.insert(SIGNATURE.to_owned(), STANDARD.encode(signature));
    }
    canonical::to_vec(&Manifest {
        schema_version: 2,
        media_type: MANIFEST.to_owned(),
        artifact_type: KIND.to_owned(),
        config: Empty {
            media_type: EMPTY.to_owned(),
            digest: Digest::of(EMPTY_CONFIG),
            size: EMPTY_CONFIG.len() as u64,
        },
        layers: [record.annotated(key)],
        annotations,
    })
}

/// Reads what a cache has of a key; why not, where it is not to be believed.
pub(super) fn read(key: &Key, bytes: &[u8], trusted: Option<&CacheKey>) -> Result<LayerRecord, &'static str> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|_| "it is none of imgbuild's")?;
    let diff_id: Option<DiffId> =
        manifest.annotations.get(DIFF_ID).and_then(|text| text.parse().ok().map(DiffId));
    let [layer] = &manifest.layers;
    let record = diff_id.and_then(|diff_id| LayerRecord::of_annotated(layer, diff_id));
    let (found, record) = record.ok_or("it lacks what it should say of the layer")?;
    if found != *key {
        return Err("it is about another key");
    }
    if let Some(trusted) = trusted {
        let signature = manifest.annotations.get(SIGNATURE).ok_or("it is not signed")?;
        let signature = STANDARD.decode(signature).map_err(|_| "its signature is none")?;
        if !trusted.verifies(&signed(key, &record), &signature) {
            return Err("it is signed by another key");
        }
    }
    Ok(record)
}

/// What is signed: all that whoever takes the layer believes.
fn signed(key: &Key, record: &LayerRecord) -> Signed {
    let Descriptor { media_type, digest, size, .. } = &record.descriptor;
    let notes = Digest::of(record.notes.join("\0"));
    let messages = Digest::of(&record.messages);
    Signed(format!(
        "{KIND}\nkey {key}\nlayer {media_type} {digest} {size}\ndiff id {} {}\nnotes {notes}\nmessages {messages}\n",
        record.diff_id, record.size
    ))
}

#[cfg(test)]
mod tests {
    use imgbuild_oci::MediaType;

    use super::*;

    fn record() -> LayerRecord {
        LayerRecord {
            descriptor: Descriptor::new(MediaType::LayerZstd, Digest::of("blob"), 4),
            diff_id: DiffId(Digest::of("tar")),
            size: 512,
            archives: Vec::new(),
            messages: String::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn an_entry_is_read_back_and_has_one_form() {
        let key = Key(Digest::of("key"));
        let bytes = write(&key, &record(), None).unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&bytes), @r#"{"annotations":{"dev.imgbuild.layer.diff-id":"sha256:90aebae315675cbf04612de4f7d5874850f48e0b8dd82becbeaa47ca93f5ebfb"},"artifactType":"application/vnd.imgbuild.layer.v1","config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[{"annotations":{"dev.imgbuild.layer.key":"1-2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683","dev.imgbuild.layer.size":"512"},"digest":"sha256:fa2c8cc4f28176bbeed4b736df569a34c79cd3723e9ec42f9674b4d46ac6b8b8","mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":4}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}"#);
        assert_eq!(read(&key, &bytes, None), Ok(record()));
        assert_eq!(read(&Key(Digest::of("other")), &bytes, None), Err("it is about another key"));
        assert_eq!(read(&key, b"{}", None), Err("it is none of imgbuild's"));
    }

    #[test]
    fn what_is_signed_cannot_be_changed() {
        let (key, own, other) =
            (Key(Digest::of("key")), CacheKey::of_seed([1; 32]), CacheKey::of_seed([2; 32]));
        let bytes = write(&key, &record(), Some(&own)).unwrap();
        assert_eq!(read(&key, &bytes, Some(&own)), Ok(record()));
        assert_eq!(read(&key, &bytes, None), Ok(record()));
        assert_eq!(read(&key, &bytes, Some(&other)), Err("it is signed by another key"));
        let unsigned = write(&key, &record(), None).unwrap();
        assert_eq!(read(&key, &unsigned, Some(&own)), Err("it is not signed"));
        let text = String::from_utf8(bytes).unwrap();
        let lie = text.replace(&Digest::of("blob").to_string(), &Digest::of("lie").to_string());
        assert_eq!(read(&key, lie.as_bytes(), Some(&own)), Err("it is signed by another key"));
    }
}
