//! The control files of a package.

use std::collections::BTreeMap;
use std::io::Read;

use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntryKind};

use crate::package::deb::{ArchiveError, Deb, DebFault};
use crate::package::stanza::Stanza;

/// The control files of a package.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    /// Name to head and content; `control` itself is among them.
    pub(crate) files: BTreeMap<String, (EntryHead, Vec<u8>)>,
    /// The file `control`.
    pub(crate) stanza: Stanza,
}

impl Control {
    pub(crate) fn read(deb: &Deb) -> Result<Self, ArchiveError> {
        let mut files = BTreeMap::new();
        deb.control(&mut |member, body: &mut dyn Read| -> Result<(), ArchiveError> {
            let Some(head) = member.head else { return Ok(()) };
            let name = head.path.as_str().to_owned();
            let refuse = |rule| deb.error(DebFault::Member { member: name.clone(), rule });
            if !matches!(head.kind, EntryKind::File { .. }) || name.contains('/') {
                return Err(refuse("is not a plain control file"));
            }
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes).map_err(|it| deb.error(it.into()))?;
            if files.insert(name.clone(), (head, bytes)).is_some() {
                return Err(refuse("is a control file that is there twice"));
            }
            Ok(())
        })?;
        let text = files.get("control").map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
        let stanza =
            Stanza::read_all(text.as_deref().unwrap_or("")).ok().and_then(|it| it.into_iter().next());
        let stanza = stanza
            .ok_or_else(|| deb.error(DebFault::Format("it has no readable file `control`".to_owned())))?;
        Ok(Self { files, stanza })
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.files.get(name).map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned())
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.stanza.get(name).unwrap_or("")
    }

    /// The name by which dpkg calls its files: with the architecture, where several may be installed at once.
    pub(crate) fn info_name(&self) -> String {
        let name = self.field("Package");
        if self.field("Multi-Arch") == "same" {
            format!("{name}:{}", self.field("Architecture"))
        } else {
            name.to_owned()
        }
    }

    /// The paths of dpkg's own files about the package, in order: its control files, and the list of its paths.
    pub(crate) fn info_paths(&self, deb: &Deb) -> Result<BTreeMap<String, ImagePath>, ArchiveError> {
        let names = self.files.keys().map(String::as_str).filter(|name| *name != "control").chain(["list"]);
        let path = |name: &str| ImagePath::new(&format!("var/lib/dpkg/info/{}.{name}", self.info_name()));
        names
            .map(|name| Ok((name.to_owned(), path(name).map_err(|it| deb.error(DebFault::Path(it)))?)))
            .collect()
    }
}
