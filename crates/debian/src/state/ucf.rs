//! `ucf`'s records of the configuration files that packages had it write (`ucf(1)`).

use md5::{Digest as _, Md5};

use super::StateError;
use super::read::ReadPackage;
use super::tree::Tree;

const FOLDER: &str = "/var/lib/ucf";

/// The configuration files, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Records {
    hashes: Vec<String>,
    owners: Vec<String>,
}

impl Records {
    /// Writes a configuration file that is not there yet, and keeps what it was.
    pub(crate) fn install(
        &mut self,
        package: &ReadPackage,
        from: &str,
        to: &str,
        tree: &mut Tree,
    ) -> Result<(), StateError> {
        let (head, bytes) = package.file(from)?;
        tree.file(to, head.mode, "root", bytes);
        tree.file(&format!("{FOLDER}/cache/{}", to.replace('/', ":")), head.mode, "root", bytes);
        self.hashes.push(format!("{}  {to}\n", hex::encode(Md5::digest(bytes))));
        self.owners.push(format!("{} \t {to}\n", package.name));
        Ok(())
    }

    /// Writes the records. Their numbered backups are not kept, as those of the packages that dpkg configures are not.
    pub(crate) fn write(&self, tree: &mut Tree) {
        for (name, lines) in [("hashfile", &self.hashes), ("registry", &self.owners)] {
            tree.file(&format!("{FOLDER}/{name}"), 0o644, "root", lines.concat().as_bytes());
        }
    }
}
