//! `/usr/share/doc/NAME/copyright`, where it is in the form that machines read (Debian's "machine-readable copyright format 1.0").

use imgbuild_archive::ImagePath;

use super::{FileMetadata, Reader, Told};

const FOLDER: &str = "usr/share/doc";

pub(super) fn reader(path: &ImagePath) -> Option<Reader> {
    let folder = path.parent()?;
    let is_of_a_package = folder.parent().is_some_and(|it| it.as_str() == FOLDER);
    (path.file_name() == "copyright" && is_of_a_package).then_some(read)
}

fn read(path: &ImagePath, text: &str) -> Option<FileMetadata> {
    let licence = imgbuild_debian::licences(text)?;
    let package = path.parent()?.file_name().to_owned();
    Some(FileMetadata { told: Some(Told::Licence { package, licence }), owned: Vec::new() })
}
