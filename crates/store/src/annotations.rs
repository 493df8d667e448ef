//! What is known of a layer, as annotations of its descriptor: so the manifest of an image says which keys its layers have, and
//! whoever has the manifest can use them without having made them.

use imgbuild_layer::Key;
use imgbuild_oci::{Descriptor, DiffId, Digest};

use crate::LayerRecord;

/// The key, behind the version of this form.
const KEY: &str = "dev.imgbuild.layer.key";
/// The size of the uncompressed tar in bytes.
const SIZE: &str = "dev.imgbuild.layer.size";
/// What whoever installs the packages is to be told.
const MESSAGES: &str = "dev.imgbuild.layer.messages";
/// What a person should know of the layer, as a list in JSON.
const NOTES: &str = "dev.imgbuild.layer.notes";
/// The version of this form.
const FORM: &str = "1-";

impl LayerRecord {
    /// The descriptor of the layer, which says its key.
    pub fn annotated(&self, key: &Key) -> Descriptor {
        let mut descriptor = self.descriptor.clone();
        let annotations = &mut descriptor.annotations;
        annotations.insert(KEY.to_owned(), format!("{FORM}{key}"));
        annotations.insert(SIZE.to_owned(), self.size.to_string());
        if !self.messages.is_empty() {
            annotations.insert(MESSAGES.to_owned(), self.messages.clone());
        }
        if !self.notes.is_empty() {
            annotations.insert(NOTES.to_owned(), serde_json::Value::from(self.notes.clone()).to_string());
        }
        descriptor
    }

    /// What a descriptor says of its layer and of its key; nothing where it says no key. Of which archives it was made, it does
    /// not say.
    pub fn of_annotated(descriptor: &Descriptor, diff_id: DiffId) -> Option<(Key, Self)> {
        let annotation = |name: &str| descriptor.annotations.get(name);
        let key = Key(Digest::from_hex(annotation(KEY)?.strip_prefix(FORM)?).ok()?);
        let notes = annotation(NOTES).map(|text| serde_json::from_str(text).ok());
        let record = Self {
            descriptor: Descriptor::new(descriptor.media_type, descriptor.digest, descriptor.size),
            diff_id,
            size: annotation(SIZE)?.parse().ok()?,
            archives: Vec::new(),
            messages: annotation(MESSAGES).cloned().unwrap_or_default(),
            notes: notes.unwrap_or_else(|| Some(Vec::new()))?,
        };
        Some((key, record))
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_oci::MediaType;

    use super::*;

    #[test]
    fn a_descriptor_says_what_is_known_of_its_layer() {
        let record = LayerRecord {
            descriptor: Descriptor::new(MediaType::LayerZstd, Digest::of("blob"), 4),
            diff_id: DiffId(Digest::of("tar")),
            size: 512,
            archives: Vec::new(),
            messages: "said\n".to_owned(),
            notes: vec!["one".to_owned(), "two".to_owned()],
        };
        let key = Key(Digest::of("key"));
        let descriptor = record.annotated(&key);
        let shown: Vec<_> =
            descriptor.annotations.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        dev.imgbuild.layer.key: 1-2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683
        dev.imgbuild.layer.messages: said

        dev.imgbuild.layer.notes: ["one","two"]
        dev.imgbuild.layer.size: 512
        "#);
        assert_eq!(LayerRecord::of_annotated(&descriptor, record.diff_id), Some((key, record.clone())));
        for (name, value) in [(KEY, "2-00"), (KEY, "1-x"), (SIZE, "-1"), (SIZE, "x"), (NOTES, "{")] {
            let mut wrong = descriptor.clone();
            wrong.annotations.insert(name.to_owned(), value.to_owned());
            assert_eq!(LayerRecord::of_annotated(&wrong, record.diff_id), None, "{name}: {value}");
        }
    }
}
