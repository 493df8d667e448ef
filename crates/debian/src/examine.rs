//! What only a `.deb` says: its control files, the facts that the lock keeps, and the paths that it claims.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use archive::{ImagePath, Owner};
use layer::{Claim, EntryHead, EntryKind, Kind, PartId};
use lock::{DebianFacts, SpecialDirectory};

use crate::deb::{ArchiveError, Deb, What};
use crate::scripts::Scripts;
use crate::stanza::Stanza;

/// The control files of a package.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    /// Name to head and content; `control` itself is among them.
    pub(crate) files: BTreeMap<String, (EntryHead, Vec<u8>)>,
    /// The file `control`.
    pub(crate) stanza: Stanza,
}

/// A `.deb` that was read once from end to end.
#[derive(Debug, Clone)]
pub struct Examined {
    /// What the lock keeps.
    pub facts: DebianFacts,
    /// The paths that it holds, with those of dpkg's own files about it.
    pub claims: Vec<Claim>,
    /// Its maintainer scripts.
    pub scripts: Scripts,
}

impl Control {
    pub(crate) fn read(deb: &Deb) -> Result<Self, ArchiveError> {
        let mut files = BTreeMap::new();
        deb.control(&mut |member, body: &mut dyn Read| -> Result<(), ArchiveError> {
            let Some(head) = member.head else { return Ok(()) };
            let name = head.path.as_str().to_owned();
            let refuse = |rule| deb.error(What::Member { member: name.clone(), rule });
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
        let stanza =
            stanza.ok_or_else(|| deb.error(What::Format("it has no readable file `control`".to_owned())))?;
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
        names.map(|name| Ok((name.to_owned(), path(name).map_err(|it| deb.error(What::Path(it)))?))).collect()
    }
}

/// Reads a `.deb` from end to end. `installed_size` is the index's field, in KiB; it bounds what is unpacked.
///
/// # Errors
///
/// When it is damaged or hostile.
pub fn examine(path: &Path, installed_size: u64) -> Result<Examined, ArchiveError> {
    let deb = Deb::open(path)?;
    let control = Control::read(&deb)?;
    let scripts = Scripts::new(&control);
    let mut facts = DebianFacts { scripts: scripts.digest(), ..DebianFacts::default() };
    let mut claims = Vec::new();
    deb.data(installed_size, &mut |member, _: &mut dyn Read| -> Result<(), ArchiveError> {
        let Some(head) = member.head else { return Ok(()) };
        facts.timestamp = facts.timestamp.max(head.mtime);
        facts.installed_size += head.size();
        let kind = match head.kind {
            EntryKind::Directory => {
                if (head.mode, head.owner) != (0o755, Owner::ROOT) {
                    facts.directories.push(SpecialDirectory {
                        path: head.path,
                        mode: format!("{:o}", head.mode),
                        uid: head.owner.uid,
                        gid: head.owner.gid,
                    });
                }
                return Ok(());
            }
            EntryKind::Symlink { .. } => Kind::Symlink,
            _ => Kind::File,
        };
        claims.push(Claim { path: head.path, kind });
        Ok(())
    })?;
    claims.extend(control.info_paths(&deb)?.into_values().map(|path| Claim { path, kind: Kind::File }));
    facts.directories.sort();
    let part = [(PartId::new("debian", control.field("Package")), claims)];
    layer::resolve(&part).map_err(|it| deb.error(What::Conflict(it)))?;
    let [(_, claims)] = part;
    Ok(Examined { facts, claims, scripts })
}

/// The facts of a `.deb` that the lock keeps.
///
/// # Errors
///
/// When it is damaged or hostile.
pub fn facts(path: &Path, installed_size: u64) -> Result<DebianFacts, ArchiveError> {
    examine(path, installed_size).map(|it| it.facts)
}
