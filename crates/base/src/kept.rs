//! What the layers of bases hold, as the store keeps it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use imgbuild_layer::KeyHasher;
use imgbuild_lock::ImageBase;
use imgbuild_oci::{Digest, Platform, StoredImage};
use imgbuild_store::Store;

use crate::failure::{BaseFailure, Named};
use crate::view::BaseView;

/// Changes whenever another view would be made of the same layers.
const FORM: &str = "5";
/// Where the store keeps them: as plain JSON, which people and their tests look into.
const FOLDER: &str = "bases-v1";

/// What the layers hold: from the store where it was read before.
pub(crate) fn view(
    stored: &StoredImage,
    platform: Platform,
    store: &Store,
    named: &Named,
) -> Result<BaseView, BaseFailure> {
    let diff_ids = stored.layers.iter().map(|layer| layer.diff_id.to_string());
    let path = view_path(&view_key(&stored.digest, platform, diff_ids), store);
    if let Some(image) = read_view(&path) {
        return Ok(image);
    }
    let image = BaseView::read(stored, platform).map_err(|error| BaseFailure::of(named, error))?;
    write_view(&path, &image).map_err(|error| BaseFailure::Keep { path, error })?;
    Ok(image)
}

fn view_key(manifest: &Digest, platform: Platform, diff_ids: impl Iterator<Item = String>) -> Digest {
    KeyHasher::new("base")
        .field("form", FORM)
        .field("manifest", manifest.to_string())
        .field("platform", platform.to_string())
        .list("diff ids", diff_ids)
        .finish()
}

pub(crate) fn key(locked: &ImageBase, platform: Platform) -> Digest {
    view_key(&locked.manifest, platform, locked.layers.iter().map(|layer| layer.diff_id.to_string()))
}

pub(crate) fn view_path(key: &Digest, store: &Store) -> PathBuf {
    store.repodata_folder().join(FOLDER).join(format!("{}.json", key.hex()))
}

/// What cannot be read is read from the layers once more.
pub(crate) fn read_view(path: &Path) -> Option<BaseView> {
    serde_json::from_slice(&imgbuild_folder::read_regular(path).ok()?).ok()
}

fn write_view(path: &Path, image: &BaseView) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".imgbuild-").tempfile_in(folder)?;
    file.write_all(&serde_json::to_vec(image)?)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
