//! The files of an image, read out of its layers without unpacking them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use imgbuild_archive::{ImagePath, LayerKind, LayerReader};
use imgbuild_diagnostic::plain;
use imgbuild_inventory::LayerIndex;

use crate::contents::Contents;
use crate::error::MakeError;
use crate::opening::Opened;
use crate::unpacked::read_layer;

/// What is given the paths that share a file's bytes, and the bytes.
pub type ReadFile<'a> = dyn FnMut(&[ImagePath], &mut dyn Read) -> io::Result<()> + Send + 'a;

/// Reads files of an image: `read` is given the paths that share a file's bytes, and the bytes. Paths that are no files of the image are
/// left out. Each layer is read once, and not at all where nothing of it is wanted.
///
/// # Errors
///
/// When a layer is not there or is not what it should be, which may be told after `read` was given something of it, or `read` fails.
pub fn read_files(
    opened: &Opened,
    contents: &Contents,
    paths: &[ImagePath],
    read: &mut ReadFile<'_>,
) -> Result<(), MakeError> {
    let mut wanted: BTreeMap<usize, BTreeSet<&ImagePath>> = BTreeMap::new();
    for path in paths {
        if let Some(node) = contents.merged.get(path) {
            wanted.entry(node.layer).or_default().insert(path);
        }
    }
    for (number, paths) in wanted {
        let (Some(layer), Some(index)) = (opened.layers.get(number), contents.layers.get(number)) else {
            continue;
        };
        let bodies = bodies(index, &paths);
        if bodies.is_empty() {
            continue;
        }
        read_layer(opened.blobs(), layer, |tar: &mut (dyn Read + Send)| {
            let mut reader = LayerReader::new(tar, u64::MAX);
            let mut number = 0;
            while reader.next_entry().map_err(plain)?.is_some() {
                if let Some(paths) = bodies.get(&number) {
                    read(paths, &mut reader.body()).map_err(plain)?;
                }
                number += 1;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// In which entries of a layer the bytes of files stand, by the entries' places: the last one of a path counts, and hard links have
/// those of what they link to.
fn bodies(index: &LayerIndex, paths: &BTreeSet<&ImagePath>) -> BTreeMap<usize, Vec<ImagePath>> {
    let mut places: BTreeMap<&ImagePath, usize> = BTreeMap::new();
    for (number, head) in index.entries.iter().enumerate() {
        let Some(path) = &head.path else { continue };
        match &head.kind {
            LayerKind::File => drop(places.insert(path, number)),
            LayerKind::Hardlink(target) => {
                if let Some(place) = places.get(target).copied() {
                    places.insert(path, place);
                }
            }
            _ => {}
        }
    }
    let mut bodies: BTreeMap<usize, Vec<ImagePath>> = BTreeMap::new();
    for path in paths {
        if let Some(place) = places.get(path) {
            bodies.entry(*place).or_default().push((*path).clone());
        }
    }
    bodies
}
