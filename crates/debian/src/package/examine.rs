//! What only a `.deb` says: its control files, the facts that the lock keeps, and the paths that it claims.

use std::io::Read;
use std::path::Path;

use imgbuild_archive::Owner;
use imgbuild_layer::{Claim, EntryKind, KeyHasher, Kind, PartId};
use imgbuild_lock::{DebianFacts, SpecialDirectory};
use imgbuild_oci::Digest;
use serde::{Deserialize, Serialize};

use crate::package::control::Control;
use crate::package::copyright;
use crate::package::deb::{ArchiveError, Deb, DebFault};
use crate::package::scripts::Scripts;

/// A `.deb` that was read once from end to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// What the lock keeps.
    pub facts: DebianFacts,
    /// The paths that it holds, with those of dpkg's own files about it.
    pub claims: Vec<Claim>,
    /// Its maintainer scripts.
    pub scripts: Scripts,
}

/// What is known of a `.deb` is kept under: all that [`examine`] depends on.
pub(crate) fn examined_key(sha256: &Digest, installed_size: u64) -> Digest {
    let hasher = KeyHasher::new("examined deb").field("sha256", sha256.as_bytes());
    hasher.field("installed size", installed_size.to_string()).finish()
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
    let place = copyright::path(control.field("Package"));
    deb.data(installed_size, &mut |member, body: &mut dyn Read| -> Result<(), ArchiveError> {
        let Some(head) = member.head else { return Ok(()) };
        if head.path.as_str() == place && matches!(head.kind, EntryKind::File { .. }) {
            let text = copyright::read(body).map_err(|error| deb.error(DebFault::Read(error)))?;
            facts.licence = copyright::stated(&text);
        }
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
    imgbuild_layer::resolve(&part).map_err(|it| deb.error(DebFault::Conflict(it)))?;
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
