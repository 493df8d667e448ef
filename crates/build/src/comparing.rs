//! Where two images differ first: which layer, which file of whom, and which byte.

use std::io::{self, Read};

use imgbuild_archive::{ImagePath, LayerHead, LayerReader};
use imgbuild_diagnostic::plain;
use imgbuild_image::OpenFailure;
use imgbuild_oci::{Blobs, Descriptor, uncompressed, unpacked_limit};
use serde_json::Value;

use crate::difference::{Difference, InLayer};
use crate::error::BuildError;
use crate::rebuilding::Rebuilt;
use crate::verify_error::VerifyError;
use crate::verifying::Verification;

/// Where an image differs first from the one that was built of its lock; nothing where they are the same, bit for bit.
///
/// # Errors
///
/// When a layer of either cannot be read.
pub fn difference(
    image: &Verification,
    rebuilt: &Rebuilt,
    blobs: &dyn Blobs,
) -> Result<Option<Difference>, BuildError> {
    let own = &rebuilt.built.image;
    if own.digest() == image.image {
        return Ok(None);
    }
    let pairs = image.manifest.layers.iter().zip(own.layers());
    for (index, (theirs, ours)) in pairs.enumerate() {
        if theirs.digest == ours.descriptor.digest {
            continue;
        }
        let title = ours.history.comment.clone();
        let what = in_layer((theirs, &*image.blobs), (&ours.descriptor, blobs), rebuilt)?;
        return Ok(Some(Difference::Layer { number: index + 1, title, what }));
    }
    let counts = (image.manifest.layers.len(), own.layers().len());
    if counts.0 != counts.1 {
        return Ok(Some(Difference::Layers { image: counts.0, rebuilt: counts.1 }));
    }
    let documents = [
        ("configuration", serde_json::to_value(&image.config), &own.config().bytes),
        ("manifest", serde_json::to_value(&image.manifest), &own.manifest().bytes),
    ];
    for (document, theirs, ours) in documents {
        let theirs = theirs.map_err(VerifyError::Json)?;
        let ours: Value = serde_json::from_slice(ours).map_err(VerifyError::Json)?;
        if let Some((place, image, rebuilt)) = in_document(&theirs, &ours, String::new()) {
            return Ok(Some(Difference::Document { document, place, image, rebuilt }));
        }
    }
    // The same is written in another way.
    let (place, image, rebuilt) = (String::new(), image.image.to_string(), own.digest().to_string());
    Ok(Some(Difference::Document { document: "manifest", place, image, rebuilt }))
}

/// A layer and where it is.
type Place<'a> = (&'a Descriptor, &'a dyn Blobs);

fn in_layer(theirs: Place<'_>, ours: Place<'_>, rebuilt: &Rebuilt) -> Result<InLayer, BuildError> {
    let (mut one, mut other) = (opened(theirs)?, opened(ours)?);
    let (of_one, of_other) = (unreadable(theirs.0), unreadable(ours.0));
    loop {
        let heads = (one.next_entry().map_err(&of_one)?, other.next_entry().map_err(&of_other)?);
        let (image, own) = match heads {
            (None, None) => return Ok(InLayer::Compression),
            (Some(image), Some(own)) if image.path == own.path => (image, own),
            (image, own) => {
                let (image, rebuilt) = (image.as_ref().map(path), own.as_ref().map(path));
                return Ok(InLayer::Entry { image, rebuilt });
            }
        };
        let name = path(&own);
        let of = || match &own.path {
            Some(path) => rebuilt.plan.writers(path),
            None => Ok(Vec::new()),
        };
        // A file that is longer differs in a byte as well, which says more.
        if let Some((at, image, own)) = in_body(&mut one.body(), &mut other.body())
            .map_err(|error| of_one(imgbuild_archive::TarError::Read(error)))?
        {
            return Ok(InLayer::Byte { path: name, of: of()?, at, image, rebuilt: own });
        }
        if image != own {
            return Ok(InLayer::Head { path: name, of: of()? });
        }
    }
}

fn path(head: &LayerHead) -> String {
    head.path.as_ref().map_or_else(|| "/".to_owned(), ImagePath::to_string)
}

fn opened<'a>((layer, blobs): Place<'a>) -> Result<LayerReader<Box<dyn Read + Send + 'a>>, BuildError> {
    let absent = |error| OpenFailure::Document { digest: layer.digest, error };
    let blob = blobs.open(&layer.digest).map_err(|error| absent(Box::new(error)));
    let blob = blob.map_err(imgbuild_image::MakeError::from)?;
    let tar = uncompressed(layer.media_type, blob).map_err(|error| absent(plain(error)));
    let tar = tar.map_err(imgbuild_image::MakeError::from)?;
    Ok(LayerReader::new(tar, unpacked_limit(layer.size)))
}

fn unreadable(layer: &Descriptor) -> impl Fn(imgbuild_archive::TarError) -> BuildError {
    let digest = layer.digest;
    move |error| imgbuild_image::MakeError::from(OpenFailure::Layer { digest, error }).into()
}

/// The first byte that differs: where, and what either has there.
type FirstByte = (u64, Option<u8>, Option<u8>);

fn in_body(one: &mut dyn Read, other: &mut dyn Read) -> io::Result<Option<FirstByte>> {
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut before = 0;
    loop {
        let (left_read, right_read) = (filled(one, &mut left)?, filled(other, &mut right)?);
        let both = left_read.max(right_read);
        let byte = |piece: &[u8], read: usize, at: usize| (at < read).then(|| piece[at]);
        for at in 0..both {
            let pair = (byte(&left, left_read, at), byte(&right, right_read, at));
            if pair.0 != pair.1 {
                return Ok(Some((before + at as u64, pair.0, pair.1)));
            }
        }
        if both == 0 {
            return Ok(None);
        }
        before += both as u64;
    }
}

fn filled(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match reader.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The first place at which two documents differ, by a JSON pointer, and what either has there.
fn in_document(one: &Value, other: &Value, place: String) -> Option<(String, String, String)> {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            let null = Value::Null;
            keys.into_iter().find_map(|key| {
                let pair = (left.get(key).unwrap_or(&null), right.get(key).unwrap_or(&null));
                let key = key.replace('~', "~0").replace('/', "~1");
                in_document(pair.0, pair.1, format!("{place}/{key}"))
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let mut pairs = left.iter().zip(right).enumerate();
            pairs.find_map(|(index, (one, other))| in_document(one, other, format!("{place}/{index}")))
        }
        (one, other) if one == other => None,
        (one, other) => Some((place, format!("`{one}`"), format!("`{other}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_byte_that_differs_is_found_wherever_it_is() {
        let find = |one: &[u8], other: &[u8]| in_body(&mut { one }, &mut { other }).unwrap();
        let long = vec![7; 1 << 17];
        let changed = |at: usize| {
            let mut changed = long.clone();
            changed[at] = 8;
            changed
        };
        assert_eq!(find(b"", b""), None);
        assert_eq!(find(&long, &long), None);
        for at in [0, 1, (1 << 16) - 1, 1 << 16, (1 << 17) - 1] {
            assert_eq!(find(&changed(at), &long), Some((at as u64, Some(8), Some(7))));
        }
        assert_eq!(find(&long[..70_000], &long), Some((70_000, None, Some(7))));
        assert_eq!(find(&long, b""), Some((0, Some(7), None)));
    }

    #[test]
    fn the_first_place_of_a_document_that_differs_is_told() {
        let find = |one: Value, other: Value| in_document(&one, &other, String::new());
        assert_eq!(find(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]})), None);
        let told = |place: &str, one: &str, other: &str| {
            Some((place.to_owned(), format!("`{one}`"), format!("`{other}`")))
        };
        assert_eq!(find(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 3}]})), told("/a/1/b", "2", "3"));
        assert_eq!(find(json!({"a/~": 1}), json!({})), told("/a~1~0", "1", "null"));
        assert_eq!(find(json!([1]), json!([1, 2])), told("", "[1]", "[1,2]"));
    }
}
