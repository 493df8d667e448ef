//! What an image says of where it comes from: its lock, and the bill of materials that scanners read.

use std::collections::BTreeMap;

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_base::Base;
use imgbuild_inventory::Inventory;
use imgbuild_layer::{Content, Files, PartId, Role};
use imgbuild_lock::LockedVariant;
use imgbuild_oci::Digest;
use imgbuild_sbom::{ImageFacts, document_in_image};
use imgbuild_spec::Variant;

use super::Assembly;
use crate::error::MakeError;
use crate::image_lock::LOCK_PATH;
use crate::materials::lock_facts;

/// Where the bill of materials stands in an image. Scanners know such files by the end of their name, wherever they are.
const BILL_PATH: &str = "usr/share/imgbuild/sbom.cdx.json";

/// The same in an image that stands on another one, by the beginning of what tells it from all others: the bill of that one says what is in
/// it, and stays where it is.
fn bill_path(base: &Base, facts: &ImageFacts) -> String {
    match base.image() {
        Some(image) if image.has_file(BILL_PATH) => {
            format!("usr/share/imgbuild/{}.cdx.json", &facts.identity.hex()[..12])
        }
        _ => BILL_PATH.to_owned(),
    }
}

/// The bill of materials, and what it says of the image. Images of one lock that have the same packages have the same: it names no tag, and is
/// told from others by what it says.
fn bill(
    locked: &LockedVariant<'_>,
    variant: &Variant,
    text: &str,
) -> Result<(Vec<u8>, ImageFacts), MakeError> {
    let inventory = Inventory::of_lock(locked, &[]);
    let of_lock = ImageFacts {
        tag: None,
        identity: Digest::of(text),
        tool_version: None,
        ..lock_facts(locked, variant, text)?
    };
    let identity = Digest::of(document_in_image(&inventory, &of_lock)?);
    let facts = ImageFacts { identity, ..of_lock };
    Ok((document_in_image(&inventory, &facts)?, facts))
}

impl Assembly {
    /// Adds the lock, and the bill of materials that is made of it.
    ///
    /// # Errors
    ///
    /// When the image that this one stands on has no place for them.
    pub(super) fn add_lock(
        &mut self,
        locked: &LockedVariant<'_>,
        variant: &Variant,
        text: &str,
    ) -> Result<(), MakeError> {
        let mut contents = BTreeMap::new();
        let mut add = |path: &str, bytes: Vec<u8>| -> Result<(), MakeError> {
            let path = self.base.file_path(&ImagePath::new(path)?)?;
            contents.insert(path, Content::File { bytes, mode: 0o644 });
            Ok(())
        };
        add(LOCK_PATH, text.as_bytes().to_vec())?;
        let mut title = "the lock";
        if locked.format.has_bill_of_materials() {
            let (bill, facts) = bill(locked, variant, text)?;
            add(&bill_path(&self.base, &facts), bill)?;
            title = "the lock and the bill of materials";
        }
        let id = PartId::new("imgbuild", "lock");
        let timestamp = locked.variant.timestamp;
        let files = Files::new(id, title.to_owned(), Role::METADATA, None, contents, Owner::ROOT, timestamp);
        self.add(Box::new(files), Vec::new());
        Ok(())
    }
}
