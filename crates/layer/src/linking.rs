//! Files that a package has alike in several environments of an image: they are in its layer once, under all their names, as conda
//! itself links them.
//!
//! Whether two are alike is decided by their bytes: what holds the prefix, and bytecode, which holds the path of its source, is not.

use std::collections::HashMap;
use std::io::{self, Read, Seek, Write};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_oci::{Digest, HashWriter};
use tempfile::SpooledTempFile;

use crate::{EntryHead, EntryKind, EntrySink, SinkError, WriteOptions};

/// Up to which size a file is compared in memory, in bytes.
const IN_MEMORY: usize = 8 << 20;

/// The files of one archive that a layer has so far, by their paths below the prefix.
#[derive(Default)]
pub(crate) struct SharedFiles(HashMap<String, SharedFile>);

struct SharedFile {
    path: ImagePath,
    size: u64,
    mode: u32,
    owner: Owner,
    mtime: i64,
    digest: Digest,
}

impl SharedFile {
    fn may_be(&self, head: &EntryHead, size: u64) -> bool {
        (self.size, self.mode, self.owner, self.mtime) == (size, head.mode, head.owner, head.mtime)
    }
}

/// A layer that takes the entries of one of several sources of the same archive.
pub(crate) struct LinkingSink<'a> {
    pub(crate) layer: &'a mut dyn EntrySink,
    /// The prefix of the source.
    pub(crate) root: &'a ImagePath,
    pub(crate) shared: &'a mut SharedFiles,
}

impl EntrySink for LinkingSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let EntryKind::File { size } = head.kind else { return self.layer.put(head, body) };
        let Some(below) = head.path.strip_prefix(self.root) else { return self.layer.put(head, body) };
        let below = below.to_string();
        if self.put_again(head, size, body)? {
            return Ok(());
        }
        let mut hashed = HashedReader { body, hash: HashWriter::new(io::sink()) };
        self.layer.put(head, &mut hashed)?;
        let (_, digest, _) = hashed.hash.finish();
        let EntryHead { path, mode, owner, mtime, .. } = head.clone();
        // Of several that differ, the first counts.
        self.shared.0.entry(below).or_insert(SharedFile { path, size, mode, owner, mtime, digest });
        Ok(())
    }

    fn note(&mut self, note: String) {
        self.layer.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.layer.options()
    }
}

impl LinkingSink<'_> {
    /// A file whose like may be there: as another name of that one, where it is.
    fn put_again(&mut self, head: &EntryHead, size: u64, body: &mut dyn Read) -> Result<bool, SinkError> {
        let Some(known) = self.known(head, size) else { return Ok(false) };
        let read = |error| SinkError::Read { path: head.path.clone(), error };
        let mut copy = HashWriter::new(SpooledTempFile::new(IN_MEMORY));
        // One byte more, so that the layer sees where a body has more than its head says.
        io::copy(&mut body.take(size.saturating_add(1)), &mut copy).map_err(read)?;
        let (mut copy, digest, length) = copy.finish();
        if length == size && digest == known.digest {
            let kind = EntryKind::Hardlink { target: known.path.clone() };
            self.layer.put(&EntryHead { kind, ..head.clone() }, &mut io::empty())?;
        } else {
            copy.rewind().map_err(read)?;
            self.layer.put(head, &mut copy)?;
        }
        Ok(true)
    }

    fn known(&self, head: &EntryHead, size: u64) -> Option<&SharedFile> {
        let below = head.path.strip_prefix(self.root)?;
        self.shared.0.get(below).filter(|known| known.may_be(head, size))
    }
}

/// Hashes what is read.
struct HashedReader<'a> {
    body: &'a mut dyn Read,
    hash: HashWriter<io::Sink>,
}

impl Read for HashedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.hash.write_all(&buffer[..count])?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a layer was given.
    #[derive(Default)]
    struct Listing(Vec<String>);

    impl EntrySink for Listing {
        fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
            let mut bytes = String::new();
            body.read_to_string(&mut bytes).unwrap();
            let what = match &head.kind {
                EntryKind::Hardlink { target } => format!("like {target}"),
                EntryKind::Symlink { target } => format!("to {target}"),
                _ => bytes,
            };
            self.0.push(format!("{} {:o} {what}", head.path, head.mode));
            Ok(())
        }

        fn options(&self) -> WriteOptions {
            WriteOptions::default()
        }
    }

    fn written(files: [&[(&str, u32, &str)]; 2]) -> Vec<String> {
        let mut listing = Listing::default();
        let mut shared = SharedFiles::default();
        for (root, files) in ["opt/conda/envs/a", "opt/conda/envs/b"].into_iter().zip(files) {
            let root = ImagePath::new(root).unwrap();
            let mut sink = LinkingSink { layer: &mut listing, root: &root, shared: &mut shared };
            for (path, mode, bytes) in files {
                let head = EntryHead {
                    path: root.join(path).unwrap(),
                    kind: EntryKind::File { size: bytes.len() as u64 },
                    mode: *mode,
                    owner: Owner::ROOT,
                    mtime: 7,
                };
                sink.put(&head, &mut bytes.as_bytes()).unwrap();
            }
        }
        listing.0
    }

    #[test]
    fn what_two_environments_have_alike_is_there_once() {
        let one = [("lib/m.so", 0o755, "code"), ("bin/m", 0o755, "#!/opt/a"), ("share/m", 0o644, "text")];
        let other = [
            ("lib/m.so", 0o755, "code"),
            ("bin/m", 0o755, "#!/opt/b"),
            ("share/m", 0o755, "text"),
            ("m", 0o644, "code"),
        ];
        insta::assert_debug_snapshot!(written([&one, &other]), @r#"
        [
            "/opt/conda/envs/a/lib/m.so 755 code",
            "/opt/conda/envs/a/bin/m 755 #!/opt/a",
            "/opt/conda/envs/a/share/m 644 text",
            "/opt/conda/envs/b/lib/m.so 755 like /opt/conda/envs/a/lib/m.so",
            "/opt/conda/envs/b/bin/m 755 #!/opt/b",
            "/opt/conda/envs/b/share/m 755 text",
            "/opt/conda/envs/b/m 644 code",
        ]
        "#);
    }
}
