//! What the bases of variants hold, each once in the lock's text.

use std::collections::BTreeMap;

use imgbuild_oci::Digest;

use crate::Variant;

/// What a base holds is written once, where a variant names it first: a matrix may have hundreds on one base.
pub(crate) fn leave_out(variants: &mut [Variant]) {
    let mut written: BTreeMap<Digest, String> = BTreeMap::new();
    for image in variants.iter_mut().filter_map(|variant| variant.image.as_mut()) {
        match written.get(&image.manifest) {
            Some(content) if image.content.as_ref() == Some(content) => image.content = None,
            Some(_) => {}
            None => written.extend(image.content.clone().map(|content| (image.manifest, content))),
        }
    }
}

/// The other variants on that base have it from there.
pub(crate) fn take_over(variants: &mut [Variant]) {
    let mut read: BTreeMap<Digest, String> = BTreeMap::new();
    for image in variants.iter_mut().filter_map(|variant| variant.image.as_mut()) {
        match &image.content {
            None => image.content = read.get(&image.manifest).cloned(),
            Some(content) => {
                read.entry(image.manifest).or_insert_with(|| content.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::sample;
    use crate::{ImageBase, Lock};

    #[test]
    fn what_a_base_holds_is_written_once() {
        let base = |content: &str| ImageBase {
            name: Some("r.example/base:1".to_owned()),
            index: None,
            manifest: Digest::of(content),
            has_manifest: true,
            config: Digest::of("config"),
            config_size: 6,
            created: None,
            system: None,
            glibc: None,
            content: Some(content.to_owned()),
            layers: Vec::new(),
        };
        let mut lock = sample();
        let variant = lock.variants[0].clone();
        lock.variants = ["one", "two", "one", "one"]
            .map(|content| Variant { image: Some(base(content)), ..variant.clone() })
            .into();
        let text = lock.to_text().unwrap();
        assert_eq!(text.matches("content = ").count(), 2, "{text}");
        let read = Lock::parse(&text).unwrap();
        assert_eq!(read, lock);
        assert_eq!(read.to_text().unwrap(), text);
    }
}
