//! JSON that all readers read alike.
//!
//! Go, in which engines and registries are written, takes `Layers` for `layers`, and of two keys the last; others take the
//! first, or tell the cases apart. So a document whose objects have a key twice, in whatever case, is refused, and so is one
//! that has a key of ours in another case.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Objects whose keys are the user's own: there, `a` and `A` are two.
const FREE: [&str; 6] =
    ["annotations", "Labels", "Volumes", "ExposedPorts", "labels", "moby.buildkit.cache.v0"];

/// The keys of an index or a manifest that mean something.
pub(super) const DOCUMENT_KEYS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "subject",
    "manifests",
    "config",
    "layers",
    "fsLayers",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
];
/// The same of an image configuration.
pub(super) const CONFIG_KEYS: &[&str] = &[
    "created",
    "author",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
    "config",
    "rootfs",
    "type",
    "diff_ids",
    "history",
    "created_by",
    "comment",
    "empty_layer",
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "Shell",
    "OnBuild",
    "ArgsEscaped",
];
/// The same of an item of docker's `manifest.json`.
pub(super) const DOCKER_KEYS: &[&str] = &["Config", "RepoTags", "Layers", "Parent", "LayerSources"];

/// Checks that a document can be read in one way only.
///
/// # Errors
///
/// When it cannot, or is no JSON.
pub(super) fn check(bytes: &[u8], keys: &'static [&'static str]) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Plain { keys, is_free: false }.deserialize(&mut reader)?;
    reader.end()
}

#[derive(Clone, Copy)]
struct Plain {
    keys: &'static [&'static str],
    /// Whether the keys of the object that comes are the user's own.
    is_free: bool,
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let folded = folded(&key);
            let meant = self.keys.iter().find(|known| **known != key && folded == self::folded(known));
            if let (false, Some(known), false) = (self.is_free, meant, self.keys.contains(&key.as_str())) {
                let shown = key.escape_default();
                let message = format!("`{shown}` is `{known}` for some readers, and means nothing to others");
                return Err(serde::de::Error::custom(message));
            }
            let name = if self.is_free { key.clone() } else { folded };
            if !seen.insert(name) {
                let message = format!("it has the key `{}` twice", key.escape_default());
                return Err(serde::de::Error::custom(message));
            }
            map.next_value_seed(Self { is_free: FREE.contains(&key.as_str()), ..self })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key as Go compares it: by Unicode's simple folding. Two letters that are not ASCII fold to ASCII.
fn folded(key: &str) -> String {
    let ascii = |it: char| match it {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(ascii).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_read_differently_is_refused() {
        let told = |text: &str| {
            let error = check(text.as_bytes(), DOCUMENT_KEYS).err()?.to_string();
            error.split_once(" at line ").map(|(message, _)| message.to_owned())
        };
        for good in [
            r#"{"layers":[],"annotations":{"a":"1","A":"2"},"more":{"x":null}}"#,
            r#"{"config":{"digest":"x"},"layers":[{"digest":"y"},{"digest":"z"}]}"#,
            "{\"size\":1e3} ",
        ] {
            assert_eq!(told(good), None, "{good}");
        }
        for (bad, message) in [
            (r#"{"layers":[],"layers":[]}"#, "it has the key `layers` twice"),
            (
                r#"{"layers":[],"Layers":[]}"#,
                "`Layers` is `layers` for some readers, and means nothing to others",
            ),
            (
                r#"{"Manifests":[]}"#,
                "`Manifests` is `manifests` for some readers, and means nothing to others",
            ),
            (
                "{\"layer\u{17f}\":[]}",
                "`layer\\u{17f}` is `layers` for some readers, and means nothing to others",
            ),
            (
                r#"{"manifests":[{"Digest":"x"}]}"#,
                "`Digest` is `digest` for some readers, and means nothing to others",
            ),
            (r#"{"annotations":{"a":"1","a":"2"}}"#, "it has the key `a` twice"),
            (r#"{"other":1,"Other":2}"#, "it has the key `Other` twice"),
            (r#"{"layers":[]}{}"#, "trailing characters"),
        ] {
            assert_eq!(told(bad).as_deref(), Some(message), "{bad}");
        }
    }

    #[test]
    fn configurations_and_docker_have_keys_of_their_own() {
        let config =
            r#"{"config":{"Labels":{"a":"","A":""},"User":"1"},"container_config":{"User":""},"id":"x"}"#;
        assert!(check(config.as_bytes(), CONFIG_KEYS).is_ok());
        assert!(check(br#"{"config":{"user":"1"}}"#, CONFIG_KEYS).is_err());
        assert!(check(br#"[{"Config":"x","RepoTags":null,"Layers":[]}]"#, DOCKER_KEYS).is_ok());
        assert!(check(br#"[{"config":"x","Layers":[]}]"#, DOCKER_KEYS).is_err());
    }
}
