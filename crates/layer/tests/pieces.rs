//! The pieces of a part: each entry is in one of them, with all that it needs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::collections::BTreeSet;
use std::num::NonZero;

use imgbuild_archive::{ImagePath, Owner, TarReader};
use imgbuild_layer::{
    Claim, Codec, Cut, EntryHead, EntryKind, EntrySink, Exclusions, FileSizes, FormatVersion, Layer,
    LayerError, Parents, Part, PartId, Piece, RecipeHash, Role, Source, SourceError, layer_key, write_layer,
    write_pieces,
};
use imgbuild_oci::Digest;
use proptest::prelude::*;

fn path(text: &str) -> ImagePath {
    ImagePath::new(text).unwrap()
}

/// A source of these entries.
struct Entries {
    part: Part,
    entries: Vec<(EntryHead, String)>,
}

impl Entries {
    /// Files with a body each, links, `NAME = TARGET`, and symbolic links, `NAME -> TARGET`, below `opt`.
    fn new(entries: &[&str]) -> Self {
        let opt = |name: &str| path(&format!("opt/{name}"));
        let entry = |text: &&str| {
            let (path, kind, body) = match (text.split_once(" = "), text.split_once(" -> ")) {
                (Some((name, target)), _) => (opt(name), EntryKind::Hardlink { target: opt(target) }, ""),
                (_, Some((name, to))) => (opt(name), EntryKind::Symlink { target: to.to_owned() }, ""),
                _ if text.ends_with('/') => (opt(text.trim_end_matches('/')), EntryKind::Directory, ""),
                _ => (opt(text), EntryKind::File { size: text.len() as u64 }, *text),
            };
            (EntryHead { path, kind, mode: 0o644, owner: Owner::ROOT, mtime: 7 }, body.to_owned())
        };
        let part = Part {
            id: PartId::new("test", "part"),
            title: "part".to_owned(),
            recipe: RecipeHash(Digest::of("part")),
            archive: None,
            role: Role::PACKAGE,
            weight: 0,
            root: Some(path("opt")),
        };
        Self { part, entries: entries.iter().map(entry).collect() }
    }

    /// Its pieces, where each begins with one of these paths. Sizes make the fences: nothing else can.
    fn cut(fences: &[&str]) -> Vec<Piece> {
        let mut files = FileSizes::from([(path("!"), 100)]);
        files.extend(fences.iter().map(|fence| (path(fence), 100)));
        let pieces = Cut::new(&PartId::new("test", "part"), &files, 100).unwrap().pieces();
        assert_eq!(pieces.len(), fences.len() + 1);
        pieces
    }

    fn pieces(&self, pieces: &[Piece]) -> Result<Vec<(Layer, Vec<u8>)>, LayerError> {
        let beside =
            |path: &ImagePath| path.as_str().strip_suffix(".pyc").map(|it| self::path(&format!("{it}.py")));
        let (none, parents) = (Exclusions::new(), Parents::default());
        let wanted = pieces.iter().map(|piece| (piece, Vec::new())).collect();
        write_pieces(&[(self, &none)], beside, &parents, Codec::None, NonZero::<u32>::MIN, wanted)
    }

    fn whole(&self) -> Result<(Layer, Vec<u8>), LayerError> {
        let (none, parents) = (Exclusions::new(), Parents::default());
        write_layer(&[(self, &none)], &parents, Codec::None, NonZero::<u32>::MIN, Vec::new())
    }
}

impl Source for Entries {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        Ok(Vec::new())
    }

    fn write(&self, _: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        sink.note("a note".to_owned());
        for (head, body) in &self.entries {
            sink.put(head, &mut body.as_bytes())?;
        }
        Ok(())
    }
}

/// What stands in a layer, but for folders.
fn names(bytes: &[u8]) -> Vec<String> {
    let mut reader = TarReader::new(bytes, u64::MAX);
    let mut names = Vec::new();
    while let Some(head) = reader.next_entry().unwrap() {
        names.extend(head.path.filter(|_| head.kind != imgbuild_archive::TarKind::Directory));
    }
    names.iter().map(|path| path.as_str().trim_start_matches("opt/").to_owned()).collect()
}

fn shown(layers: &[(Layer, Vec<u8>)]) -> Vec<String> {
    layers.iter().map(|(_, bytes)| names(bytes).join(" ")).collect()
}

#[test]
fn each_entry_is_in_the_piece_of_its_path_and_a_link_in_that_of_its_file() {
    let source = Entries::new(&["x/z", "a/1", "a/link = x/z", "b -> a/1", "c/2", "x/again = a/link", "x/y"]);
    let layers = source.pieces(&Entries::cut(&["b", "x"])).unwrap();
    assert_eq!(shown(&layers), ["a/1", "b c/2", "x/z a/link x/again x/y"]);
}

#[test]
fn what_stands_beside_another_file_is_in_its_piece() {
    let source = Entries::new(&["a/m.py", "b/n.py", "a/m.pyc", "b/n.pyc"]);
    let layers = source.pieces(&Entries::cut(&["a/m.pyd"])).unwrap();
    assert_eq!(shown(&layers), ["a/m.py a/m.pyc", "b/n.py b/n.pyc"]);
    // The fence is between the two names, and they are together.
    let layers = source.pieces(&Entries::cut(&["a/m.pyb", "b/n.pyb"])).unwrap();
    assert_eq!(shown(&layers), ["a/m.py a/m.pyc", "b/n.py b/n.pyc", ""]);
}

#[test]
fn a_piece_is_the_same_with_others_and_alone() {
    let source = Entries::new(&["x/z", "a/1", "a/link = x/z", "c/2", "x/y", "c/3"]);
    let pieces = Entries::cut(&["b", "x"]);
    let all = source.pieces(&pieces).unwrap();
    for (piece, together) in pieces.iter().zip(&all) {
        assert_eq!(&source.pieces(std::slice::from_ref(piece)).unwrap()[0], together);
    }
    assert_eq!(source.pieces(&pieces[1..]).unwrap(), all[1..]);
    // What is to be told is told once.
    let notes: Vec<_> = all.iter().map(|(layer, _)| layer.notes.len()).collect();
    assert_eq!(notes, [1, 0, 0]);
}

#[test]
fn threads_change_nothing() {
    let source = Entries::new(&["a/1", "b/2", "c/3"]);
    let pieces = Entries::cut(&["b"]);
    for codec in [Codec::Zstd, Codec::Gzip, Codec::None] {
        let (none, parents) = (Exclusions::new(), Parents::default());
        let with = |threads| {
            let wanted = pieces.iter().map(|piece| (piece, Vec::new())).collect();
            let threads = NonZero::new(threads).unwrap();
            write_pieces(&[(&source, &none)], |_| None, &parents, codec, threads, wanted).unwrap()
        };
        assert_eq!(with(1), with(16));
    }
}

#[test]
fn pieces_contradict_each_other_no_more_than_one_layer_does() {
    for entries in [
        // The link is in the piece of its file, and its name is of another one.
        &["a/1", "x/z = a/1", "x/z"][..],
        &["x/z", "a/1", "x/z = a/1"],
        &["x/z = a/1"],
        &["a -> x", "a/b"],
        &["b/c", "b"],
    ] {
        let source = Entries::new(entries);
        let pieces = Entries::cut(&["a/b", "b"]);
        let whole = source.whole().unwrap_err();
        let told = |error: &LayerError| std::error::Error::source(error).unwrap().to_string();
        for some in [&pieces[..], &pieces[..1], &pieces[1..2], &pieces[2..]] {
            assert_eq!(told(&source.pieces(some).unwrap_err()), told(&whole), "{entries:?}");
        }
    }
}

#[test]
fn a_body_of_another_size_is_refused_in_pieces_that_are_not_wanted() {
    let mut source = Entries::new(&["a/1", "x/z"]);
    source.entries[1].1.push_str("more");
    let error = source.pieces(&Entries::cut(&["b"])[..1]).unwrap_err();
    let error = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error, "`/opt/x/z` has more bytes than the 3 that its header declares");
}

#[test]
fn each_piece_has_a_key_of_its_own_which_knows_its_own_ends_alone() {
    let source = Entries::new(&[]);
    let (none, parents) = (Exclusions::new(), Parents::default());
    let key =
        |piece| layer_key(FormatVersion::LATEST, &[(&source.part, &none)], piece, &parents, Codec::Zstd);
    let (two, three) = (Entries::cut(&["b", "x"]), Entries::cut(&["b", "m", "x"]));
    let keys: BTreeSet<_> = two.iter().map(|piece| key(Some(piece))).chain([key(None)]).collect();
    assert_eq!(keys.len(), 4);
    assert_eq!(key(Some(&two[0])), key(Some(&three[0])));
    assert_ne!(key(Some(&two[1])), key(Some(&three[1])));
    assert_eq!(key(Some(&two[2])), key(Some(&three[3])));
}

proptest! {
    #[test]
    fn pieces_have_together_what_one_layer_has(
        names in proptest::collection::btree_set("[a-d]/[a-z]{1,3}", 1..40),
        links in proptest::collection::vec((any::<prop::sample::Index>(), "[a-d]/L[a-z]{2}"), 0..10),
        fences in proptest::collection::btree_set("[a-d]/[a-z]{1,2}", 1..5),
        order in any::<u64>(),
    ) {
        let mut entries: Vec<String> = names.iter().cloned().collect();
        entries.sort_by_key(|name| *Digest::of(format!("{order} {name}")).as_bytes());
        let linked: BTreeSet<String> = links.iter().map(|(_, link)| link.clone()).collect();
        for (link, (target, _)) in linked.iter().zip(&links) {
            entries.push(format!("{link} = {}", target.get(&entries).split(" = ").next().unwrap()));
        }
        let source = Entries::new(&entries.iter().map(String::as_str).collect::<Vec<_>>());
        let layers = source.pieces(&Entries::cut(&fences.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        let mut all: Vec<String> = layers.iter().flat_map(|(_, bytes)| self::names(bytes)).collect();
        let mut whole = self::names(&source.whole().unwrap().1);
        all.sort();
        whole.sort();
        prop_assert_eq!(all, whole);
    }
}
