//! A whole layer: its folders, its refusals, and the golden digests of every codec.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::io::Read;
use std::num::NonZero;

use imgbuild_archive::{ImagePath, Owner, TarKind, TarReader};
use imgbuild_layer::{Codec, EntryHead, EntryKind, EntrySink, LayerWriter, Parents, SinkError};
use imgbuild_oci::Digest;

fn path(text: &str) -> ImagePath {
    ImagePath::new(text).unwrap()
}

fn file(name: &str, size: u64) -> EntryHead {
    EntryHead { path: path(name), kind: EntryKind::File { size }, mode: 0o644, owner: Owner::ROOT, mtime: 7 }
}

/// Bytes that neither compress to nothing nor not at all, the same on every machine.
fn body(size: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = state.to_le_bytes();
        bytes.extend_from_slice(&word[..3]);
        bytes.extend_from_slice(b"import numpy as np\n");
    }
    bytes.truncate(size);
    bytes
}

struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7919 + 1;
        let read = self.1.min(buffer.len()).min(self.0.len());
        buffer[..read].copy_from_slice(&self.0[..read]);
        self.0 = &self.0[read..];
        Ok(read)
    }
}

fn sample(codec: Codec, threads: u32, dribble: bool) -> (imgbuild_layer::Layer, Vec<u8>) {
    let parents = Parents::default();
    let mut writer = LayerWriter::new(Vec::new(), codec, NonZero::new(threads).unwrap(), &parents).unwrap();
    for (name, size) in
        [("opt/conda/lib/a.py", 20_000_000), ("opt/conda/lib/b.py", 100), ("opt/conda/bin/x", 0)]
    {
        let body = body(size);
        if dribble {
            writer.put(&file(name, size as u64), &mut Dribble(&body, 1)).unwrap();
        } else {
            writer.put(&file(name, size as u64), &mut body.as_slice()).unwrap();
        }
    }
    writer.finish().unwrap()
}

#[test]
fn the_bytes_of_each_codec_are_golden() {
    imgbuild_layer::check_libraries().unwrap();
    let golden = |codec| {
        let (layer, bytes) = sample(codec, 2, false);
        assert_eq!(layer.descriptor.digest, Digest::of(&bytes));
        assert_eq!(layer.descriptor.size, bytes.len() as u64);
        (layer.descriptor.digest.to_string(), layer.diff_id.to_string())
    };
    let diff_id = "sha256:8767008855d669ee7d50a2e6f3d68a739e419badf207792ba64b2dde75465bbd";
    for (codec, digest) in [
        (Codec::Zstd, "sha256:0612c5ece7ad07838c094d08f94e3b75d44c3539be9d774cdb6cd4a4cd4a84e3"),
        (Codec::Gzip, "sha256:dd50d6b87eac4ee53ae44bad7dab0815f47802a2163f73d563ea0b661516553d"),
        (Codec::None, diff_id),
    ] {
        assert_eq!(golden(codec), (digest.to_owned(), diff_id.to_owned()), "{codec:?}");
    }
}

#[test]
fn threads_and_the_sizes_of_writes_change_nothing() {
    for codec in [Codec::Zstd, Codec::Gzip, Codec::None] {
        let (one, _) = sample(codec, 1, false);
        for threads in [2, 3, 8] {
            assert_eq!(sample(codec, threads, false).0, one);
        }
        assert_eq!(sample(codec, 2, true).0, one);
    }
}

fn entries(write: impl FnOnce(&mut dyn EntrySink)) -> Vec<(String, TarKind, u32, Owner, i64)> {
    let mut parents = Parents::default();
    parents.insert(path("tmp"), 0o1777, Owner::ROOT);
    parents.insert(path("home/user"), 0o700, Owner { uid: 1000, gid: 100 });
    let mut writer = LayerWriter::new(Vec::new(), Codec::None, NonZero::<u32>::MIN, &parents).unwrap();
    write(&mut writer);
    let (_, bytes) = writer.finish().unwrap();
    let mut reader = TarReader::new(bytes.as_slice(), u64::MAX);
    let mut entries = Vec::new();
    while let Some(head) = reader.next_entry().unwrap() {
        entries.push((head.path.unwrap().to_string(), head.kind, head.mode, head.owner, head.mtime));
    }
    entries
}

#[test]
fn folders_are_the_same_in_every_layer() {
    let directory = |name: &str, mode| EntryHead {
        path: path(name),
        kind: EntryKind::Directory,
        mode,
        owner: Owner::ROOT,
        mtime: 1234,
    };
    let user = Owner { uid: 1000, gid: 100 };
    let entries = entries(|sink| {
        sink.put(&file("tmp/a/b", 0), &mut std::io::empty()).unwrap();
        sink.put(&file("home/user/x", 0), &mut std::io::empty()).unwrap();
        sink.put(&directory("tmp/a", 0o755), &mut std::io::empty()).unwrap();
        sink.put(&directory("var/lib", 0o755), &mut std::io::empty()).unwrap();
        sink.put(&directory("var/private", 0o700), &mut std::io::empty()).unwrap();
    });
    let folder = |name: &str, mode, owner| (name.to_owned(), TarKind::Directory, mode, owner, 0);
    let plain = |name: &str| (name.to_owned(), TarKind::File, 0o644, Owner::ROOT, 7);
    assert_eq!(
        entries,
        [
            folder("/tmp", 0o1777, Owner::ROOT),
            folder("/tmp/a", 0o755, Owner::ROOT),
            plain("/tmp/a/b"),
            folder("/home", 0o755, Owner::ROOT),
            folder("/home/user", 0o700, user),
            plain("/home/user/x"),
            folder("/var", 0o755, Owner::ROOT),
            folder("/var/lib", 0o755, Owner::ROOT),
            folder("/var/private", 0o700, Owner::ROOT),
        ]
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    entries(|sink| {
        let mut put =
            |head: &EntryHead, body: &[u8]| sink.put(head, &mut &*body).map_err(|error| error.to_string());
        let link = |name: &str, kind| EntryHead { kind, ..file(name, 0) };
        put(&file("lib/x", 0), b"").unwrap();
        assert_eq!(put(&file("lib/x", 0), b"").unwrap_err(), "`/lib/x` is written twice");
        put(&link("out", EntryKind::Symlink { target: "/etc".into() }), b"").unwrap();
        assert_eq!(
            put(&file("out/passwd", 0), b"").unwrap_err(),
            "`/out/passwd` lies below `/out`, which is not a folder"
        );
        assert_eq!(
            put(&file("lib/x/y", 0), b"").unwrap_err(),
            "`/lib/x/y` lies below `/lib/x`, which is not a folder"
        );
        assert_eq!(
            put(&link("hard", EntryKind::Hardlink { target: path("out") }), b"").unwrap_err(),
            "the hard link `/hard` points to `/out`, which is not a file before it in its package"
        );
        put(&link("hard", EntryKind::Hardlink { target: path("lib/x") }), b"").unwrap();
    });
}

#[test]
fn names_by_which_engines_delete_are_refused_in_every_kind_of_entry() {
    let target = path("lib/x");
    let kinds = [
        EntryKind::File { size: 0 },
        EntryKind::Directory,
        EntryKind::Symlink { target: "x".into() },
        EntryKind::Hardlink { target },
        EntryKind::Removed,
        EntryKind::Emptied,
    ];
    entries(|sink| {
        sink.put(&file("lib/x", 0), &mut std::io::empty()).unwrap();
        for name in [".wh.x", "lib/.wh.x", "lib/.wh..wh..opq", ".wh..wh.plnk", "a/.wh.b/c", "lib/.wh."] {
            for kind in &kinds {
                let head = EntryHead { kind: kind.clone(), ..file(name, 0) };
                assert_eq!(
                    sink.put(&head, &mut std::io::empty()).unwrap_err().to_string(),
                    format!(
                        "`/{name}` cannot be put into a layer: engines delete files of other layers by names that begin with `.wh.`"
                    )
                );
            }
        }
        for name in [".wh", ".WH.x", "lib/x.wh.y", "lib/.who"] {
            sink.put(&file(name, 0), &mut std::io::empty()).unwrap();
        }
    });
}

#[test]
fn what_was_removed_is_said_in_the_words_of_layers() {
    let owner = Owner { uid: 1, gid: 2 };
    let entries = entries(|sink| {
        let mut put = |head: &EntryHead| sink.put(head, &mut std::io::empty()).map_err(|it| it.to_string());
        put(&EntryHead { owner, mtime: 9, ..EntryHead::removed(path("lib/x")) }).unwrap();
        put(&EntryHead::removed(path("top"))).unwrap();
        put(&EntryHead::emptied(path("lib"))).unwrap();
        // A layer takes away what is below it, and nothing of its own: some engines would do both.
        assert_eq!(put(&file("lib/x", 0)).unwrap_err(), "`/lib/x` is written twice");
        assert_eq!(
            put(&file("lib/x/y", 0)).unwrap_err(),
            "`/lib/x/y` lies below `/lib/x`, which is not a folder"
        );
        put(&file("lib/y", 0)).unwrap();
        assert_eq!(put(&EntryHead::removed(path("lib/y"))).unwrap_err(), "`/lib/y` is written twice");
        let long = "x".repeat(255);
        assert_eq!(
            put(&EntryHead::removed(path(&long))).unwrap_err(),
            format!("the removal of `/{long}` cannot be put into a layer")
        );
    });
    let whiteout = |name: &str| (name.to_owned(), TarKind::File, 0o644, Owner::ROOT, 0);
    let folder = ("/lib".to_owned(), TarKind::Directory, 0o755, Owner::ROOT, 0);
    let own = ("/lib/y".to_owned(), TarKind::File, 0o644, Owner::ROOT, 7);
    let expected = [folder, whiteout("/lib/.wh.x"), whiteout("/.wh.top"), whiteout("/lib/.wh..wh..opq"), own];
    assert_eq!(entries, expected);
}

#[test]
fn all_names_of_a_file_say_the_same_of_it() {
    let user = Owner { uid: 1000, gid: 100 };
    let entries = entries(|sink| {
        let first = EntryHead { mode: 0o600, owner: user, ..file("x", 0) };
        sink.put(&first, &mut std::io::empty()).unwrap();
        let kind = EntryKind::Hardlink { target: path("x") };
        let second = EntryHead { kind, mode: 0o755, mtime: 99, ..file("y", 0) };
        sink.put(&second, &mut std::io::empty()).unwrap();
        let kind = EntryKind::Hardlink { target: path("y") };
        sink.put(&EntryHead { kind, ..file("z", 0) }, &mut std::io::empty()).unwrap();
    });
    let link = |name: &str, target: &str| (name.to_owned(), TarKind::Hardlink(path(target)), 0o600, user, 7);
    let file = ("/x".to_owned(), TarKind::File, 0o600, user, 7);
    assert_eq!(entries, [file, link("/y", "x"), link("/z", "y")]);
}

#[test]
fn a_body_has_the_size_that_its_head_says() {
    let parents = Parents::default();
    let put = |size, body: &[u8]| {
        let mut writer = LayerWriter::new(Vec::new(), Codec::None, NonZero::<u32>::MIN, &parents).unwrap();
        writer.put(&file("x", size), &mut &*body)
    };
    let fewer = put(5, b"abc").unwrap_err();
    assert!(matches!(&fewer, SinkError::Size { more: false, .. }));
    assert_eq!(fewer.to_string(), "`/x` has fewer bytes than the 5 that its header declares");
    assert_eq!(
        put(2, b"abc").unwrap_err().to_string(),
        "`/x` has more bytes than the 2 that its header declares"
    );
    put(3, b"abc").unwrap();
}
