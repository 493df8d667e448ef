//! The texts of a package's licences. Builders put them into `info/licenses/`, which conda keeps beside its environments, in the folder of
//! unpacked packages. An image has no such folder, and most licences want their text wherever the program goes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use imgbuild_archive::{ImagePath, TarHead, TarKind};

use crate::conda_archive::ArchiveError;
use crate::limits::LICENCES_LIMIT;

/// The folder in which they stand in an archive.
const FOLDER: &str = "info/licenses/";

/// How much each text counts beside its bytes: of many that are empty there is an end as well.
const ROOM_OF_TEXT: u64 = 512;

/// The texts of one package, by their paths below that folder.
#[derive(Debug, Default)]
pub(crate) struct Licences {
    are_kept: bool,
    texts: BTreeMap<ImagePath, LicenceText>,
    /// The folders that the texts are in.
    folders: BTreeSet<ImagePath>,
    bytes: u64,
    /// The first that is not among them, and why.
    left_out: Option<(ImagePath, String)>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct LicenceText {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mtime: i64,
}

impl Licences {
    /// None yet, of a package whose texts are kept, or are not.
    pub(crate) fn new(are_kept: bool) -> Self {
        Self { are_kept, ..Self::default() }
    }

    /// Keeps an entry of the archive, where it is one of the texts.
    ///
    /// # Errors
    ///
    /// When the archive cannot be read.
    pub(crate) fn add(
        &mut self,
        path: &ImagePath,
        head: &TarHead,
        body: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let below = path.as_str().strip_prefix(FOLDER).filter(|_| self.are_kept);
        let Some(name) = below.and_then(|it| ImagePath::new(it).ok()) else { return Ok(()) };
        let bytes = self.bytes.saturating_add(head.size).saturating_add(ROOM_OF_TEXT);
        let folders: Vec<ImagePath> = name.ancestors().collect();
        let is_misplaced =
            || self.folders.contains(&name) || folders.iter().any(|it| self.texts.contains_key(it));
        let reason = match &head.kind {
            TarKind::Directory => return Ok(()),
            TarKind::File if is_misplaced() => Some("it is a file and a folder".to_owned()),
            TarKind::File if bytes <= LICENCES_LIMIT => None,
            TarKind::File => Some(format!("with it they would have more than {} MiB", LICENCES_LIMIT >> 20)),
            TarKind::Symlink(_) | TarKind::Hardlink(_) => Some("it is a link".to_owned()),
        };
        if let Some(reason) = reason {
            self.left_out.get_or_insert_with(|| (path.clone(), reason));
            return Ok(());
        }
        self.bytes = bytes;
        self.folders.extend(folders);
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
        // Installers unpack an archive entry by entry: the last one of a name is there in the end.
        self.texts.insert(name, LicenceText { bytes, mtime: head.mtime });
        Ok(())
    }

    /// What people should know of them.
    pub(crate) fn note(&self) -> Option<String> {
        let (path, reason) = self.left_out.as_ref()?;
        Some(format!("the text of a licence, `{}`, is left out: {reason}", path.as_str()))
    }

    /// The texts, in the order of their paths.
    pub(crate) fn into_texts(self) -> BTreeMap<ImagePath, LicenceText> {
        self.texts
    }
}
