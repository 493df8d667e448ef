//! The merged view is what umoci unpacks, for layers of any kind; and layers that engines make different things of are
//! refused.
//!
//! Needs root and `umoci`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use imgbuild_archive::{ImagePath, LayerReader};
use imgbuild_layer::{Merged, NodeKind};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

/// An entry of a layer, by a path of few names, so that layers meet.
#[derive(Debug, Clone)]
enum Entry {
    File(String, Vec<u8>, u32),
    Folder(String, u32),
    Symlink(String, String),
    Hardlink(String, String),
    Whiteout(String),
    Opaque(String),
}

fn header(name: &str, entry_type: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_entry_type(entry_type);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut put = |mut header: Header, body: &[u8]| {
        header.set_cksum();
        builder.append(&header, body).unwrap();
    };
    let link = |name: &str, kind, target: &str| {
        let mut header = header(name, kind, 0o777, 0);
        header.set_link_name(target).unwrap();
        header
    };
    for entry in entries {
        match entry {
            Entry::File(name, body, mode) => {
                put(header(name, EntryType::Regular, *mode, body.len() as u64), body);
            }
            Entry::Folder(name, mode) => put(header(name, EntryType::Directory, *mode, 0), b""),
            Entry::Symlink(name, target) => put(link(name, EntryType::Symlink, target), b""),
            Entry::Hardlink(name, target) => put(link(name, EntryType::Link, target), b""),
            Entry::Whiteout(name) => {
                let (folder, name) = name.rsplit_once('/').map_or(("", name.as_str()), |(a, b)| (a, b));
                let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
                put(header(&format!("{folder}.wh.{name}"), EntryType::Regular, 0o644, 0), b"");
            }
            Entry::Opaque(folder) => {
                put(header(&format!("{folder}/.wh..wh..opq"), EntryType::Regular, 0o644, 0), b"");
            }
        }
    }
    builder.into_inner().unwrap()
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"))
}

fn entry() -> impl Strategy<Value = Entry> {
    let mode = prop_oneof![Just(0o644_u32), Just(0o755), Just(0o4755), Just(0o1777)];
    let body = prop::collection::vec(any::<u8>(), 0..8);
    prop_oneof![
        4 => (name(), body, mode.clone()).prop_map(|(name, body, mode)| Entry::File(name, body, mode)),
        4 => (name(), mode).prop_map(|(name, mode)| Entry::Folder(name, mode | 0o700)),
        2 => (name(), name()).prop_map(|(name, target)| Entry::Symlink(name, target)),
        1 => (name(), name()).prop_map(|(name, target)| Entry::Hardlink(name, target)),
        2 => name().prop_map(Entry::Whiteout),
        1 => name().prop_map(Entry::Opaque),
    ]
}

fn keep(_: &ImagePath) -> bool {
    true
}

/// The layers that can be laid over each other, of those that were drawn, and what they make.
fn merged(layers: &[Vec<Entry>]) -> (Vec<Vec<u8>>, Merged) {
    let (mut tars, mut merged) = (Vec::new(), Merged::new());
    for layer in layers {
        // Of a layer that is refused, as much as is not.
        for count in (0..=layer.len()).rev() {
            let bytes = tar(&layer[..count]);
            let mut next = merged.clone();
            if next.add(&mut LayerReader::new(bytes.as_slice(), 1 << 20), &keep).is_ok() {
                tars.push(bytes);
                merged = next;
                break;
            }
        }
    }
    (tars, merged)
}

type Tree = BTreeMap<String, (String, u32)>;

fn shown(merged: &Merged) -> Tree {
    let node = |(path, node): (&ImagePath, &imgbuild_layer::Node)| {
        let what = match &node.kind {
            NodeKind::File { .. } => format!("{:?}", merged.content(path).unwrap()),
            NodeKind::Directory => "folder".to_owned(),
            NodeKind::Symlink(target) => format!("-> {target}"),
            NodeKind::Special(_) => "special".to_owned(),
        };
        let mode = if matches!(node.kind, NodeKind::Symlink(_)) { 0o777 } else { node.mode };
        (path.as_str().to_owned(), (what, mode))
    };
    merged.iter().map(node).collect()
}

fn run(program: &str, words: &[&str], folder: &Path) {
    let output = Command::new(program).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What umoci unpacks.
fn unpacked(tars: &[Vec<u8>]) -> Tree {
    let folder = tempfile::tempdir().unwrap();
    let umoci = |words: &[&str]| run("umoci", words, folder.path());
    umoci(&["init", "--layout", "layout"]);
    umoci(&["new", "--image", "layout:x"]);
    for bytes in tars {
        std::fs::write(folder.path().join("layer.tar"), bytes).unwrap();
        umoci(&["raw", "add-layer", "--image", "layout:x", "layer.tar"]);
    }
    umoci(&["raw", "unpack", "--image", "layout:x", "root"]);
    let mut tree = Tree::new();
    walk(&folder.path().join("root"), "", &mut tree);
    tree
}

fn walk(folder: &Path, prefix: &str, tree: &mut Tree) {
    for item in std::fs::read_dir(folder).unwrap() {
        let item = item.unwrap();
        let name = format!("{prefix}{}", item.file_name().into_string().unwrap());
        let found = item.path().symlink_metadata().unwrap();
        let what = if found.is_dir() {
            walk(&item.path(), &format!("{name}/"), tree);
            "folder".to_owned()
        } else if found.is_symlink() {
            format!("-> {}", std::fs::read_link(item.path()).unwrap().display())
        } else {
            format!("{:?}", std::fs::read(item.path()).unwrap())
        };
        assert_eq!((found.uid(), found.gid()), (0, 0));
        tree.insert(name, (what, found.permissions().mode() & 0o7777));
    }
}

/// Whether a layer has a folder without an entry of its own below one that it makes opaque. What is below in lower layers is gone, and
/// so is that folder's mode: for umoci, which finds the folder on the disk, it is not. Engines write an entry for each folder.
fn implies_a_folder(layer: &[Entry]) -> bool {
    let path = |entry: &Entry| match entry {
        Entry::File(path, ..)
        | Entry::Folder(path, _)
        | Entry::Symlink(path, _)
        | Entry::Hardlink(path, _)
        | Entry::Whiteout(path)
        | Entry::Opaque(path) => path.clone(),
    };
    let opaque = layer.iter().filter(|it| matches!(it, Entry::Opaque(_))).map(|it| format!("{}/", path(it)));
    let is_below = |folder: &str| opaque.clone().any(|it| folder.starts_with(&it) || it == "/");
    let has_entry =
        |folder: &str| layer.iter().any(|it| matches!(it, Entry::Folder(path, _) if path == folder));
    layer.iter().map(path).any(|path| {
        let folders = path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
        folders.iter().any(|folder| is_below(folder) && !has_entry(folder))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_what_umoci_unpacks(layers in prop::collection::vec(prop::collection::vec(entry(), 1..10), 1..4)) {
        prop_assume!(!layers.iter().any(|layer| implies_a_folder(layer)));
        let (tars, merged) = merged(&layers);
        prop_assert_eq!(shown(&merged), unpacked(&tars));
    }

    #[test]
    fn resolving_ends_in_something_that_is_no_link(layers in prop::collection::vec(prop::collection::vec(entry(), 1..10), 1..4),
                                                   path in name()) {
        let (_, merged) = merged(&layers);
        if let Ok(Some(found)) = merged.resolve(&ImagePath::new(&path).unwrap()) {
            let is_link = |node: &imgbuild_layer::Node| matches!(node.kind, NodeKind::Symlink(_));
            prop_assert!(!merged.get(&found).is_some_and(is_link));
            prop_assert!(!found.ancestors().any(|it| merged.get(&it).is_some_and(is_link)));
        }
    }
}

#[test]
fn a_folder_that_is_implied_below_an_opaque_one_is_a_new_one() {
    let layers = [
        vec![Entry::Folder("c/a".to_owned(), 0o744)],
        vec![Entry::File("c/a/a".to_owned(), Vec::new(), 0o644), Entry::Opaque("c".to_owned())],
    ];
    assert!(implies_a_folder(&layers[1]) && !implies_a_folder(&layers[0]));
    let (_, merged) = merged(&layers);
    assert_eq!(merged.get(&ImagePath::new("c/a").unwrap()).unwrap().mode, 0o755);
}

fn file(name: &str) -> Entry {
    Entry::File(name.to_owned(), name.as_bytes().to_vec(), 0o644)
}

fn folder(name: &str) -> Entry {
    Entry::Folder(name.to_owned(), 0o755)
}

fn link(name: &str, target: &str) -> Entry {
    Entry::Symlink(name.to_owned(), target.to_owned())
}

fn whiteout(name: &str) -> Entry {
    Entry::Whiteout(name.to_owned())
}

fn of(layers: &[&[Entry]]) -> Result<Merged, String> {
    let mut merged = Merged::new();
    for entries in layers {
        let bytes = tar(entries);
        let mut reader = LayerReader::new(bytes.as_slice(), 1 << 20);
        merged.add(&mut reader, &keep).map_err(|error| error.to_string())?;
    }
    Ok(merged)
}

fn paths(layers: &[&[Entry]]) -> Vec<String> {
    of(layers).unwrap().iter().map(|(path, node)| format!("{path} {}", node.layer)).collect()
}

#[test]
fn whiteouts_hide_what_is_below_and_nothing_of_their_own_layer() {
    let lower: &[Entry] = &[folder("d"), file("d/a"), file("d/b"), file("e")];
    assert_eq!(paths(&[lower, &[whiteout("d/a")]]), ["/d 0", "/d/b 0", "/e 0"]);
    assert_eq!(paths(&[lower, &[whiteout("d")]]), ["/e 0"]);
    assert_eq!(paths(&[lower, &[whiteout("d"), file("d/c")]]), ["/d 1", "/d/c 1", "/e 0"]);
    let opaque = Entry::Opaque("d".to_owned());
    // Wherever it stands in its layer.
    assert_eq!(paths(&[lower, &[file("d/c"), opaque.clone()]]), ["/d 0", "/d/c 1", "/e 0"]);
    assert_eq!(paths(&[lower, &[opaque, file("d/c")]]), ["/d 0", "/d/c 1", "/e 0"]);
    // What is taken away can come back, and what was never there can be taken away.
    assert_eq!(
        paths(&[lower, &[whiteout("e"), whiteout("x")], &[file("e")]]),
        ["/d 0", "/d/a 0", "/d/b 0", "/e 2"]
    );
    // A file in place of a folder hides all of it.
    assert_eq!(paths(&[lower, &[file("d")]]), ["/d 1", "/e 0"]);
}

#[test]
fn what_engines_make_different_things_of_is_refused() {
    let refused = |layers: &[&[Entry]]| of(layers).expect_err("it should be refused");
    assert_eq!(
        refused(&[&[file("a"), whiteout("a")]]),
        "engines read `/a` in different ways: its layer holds it, and then takes it away"
    );
    // An engine that unpacks the layer by itself makes a folder where another one follows the link.
    assert_eq!(
        refused(&[&[folder("usr"), link("lib", "usr")], &[file("lib/x")]]),
        "engines read `/lib` in different ways: something of its layer stands below it, and it is a link or a file"
    );
    assert_eq!(
        refused(&[&[file("a")], &[file("a/b")]]),
        "engines read `/a` in different ways: something of its layer stands below it, and it is a link or a file"
    );
    assert_eq!(
        refused(&[&[file("a"), folder("a")]]),
        "engines read `/a` in different ways: its layer has it as a folder and as something else"
    );
    // The same, of a whiteout that comes before its folder.
    assert_eq!(
        refused(&[&[folder("usr"), file("usr/x"), link("lib", "usr")], &[whiteout("lib/x"), folder("lib")]]),
        "engines read `/lib` in different ways: something of its layer stands below it, and it is a link or a file"
    );
    let hard = Entry::Hardlink("b".to_owned(), "a".to_owned());
    assert_eq!(
        refused(&[&[file("a")], &[hard]]),
        "engines read `/b` in different ways: it is a hard link to no file before it in its layer"
    );
    // Where the link is stated anew as a folder, everyone reads the same.
    assert_eq!(paths(&[&[link("lib", "usr")], &[folder("lib"), file("lib/x")]]), ["/lib 1", "/lib/x 1"]);
}

#[test]
fn links_are_followed_inside_the_image_only() {
    let layer: &[Entry] = &[
        folder("usr"),
        folder("usr/lib"),
        file("usr/lib/c"),
        link("lib", "usr/lib"),
        link("absolute", "/usr/lib"),
        link("out", "../../../usr"),
        link("root", "/"),
        link("loop", "pool"),
        link("pool", "loop"),
        link("nowhere", "usr/gone"),
    ];
    let merged = of(&[layer]).unwrap();
    let resolve = |text: &str| match merged.resolve(&ImagePath::new(text).unwrap()) {
        Ok(Some(path)) => path.to_string(),
        Ok(None) => "/".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(resolve("lib/c"), "/usr/lib/c");
    assert_eq!(resolve("absolute/c"), "/usr/lib/c");
    assert_eq!(resolve("out/lib/c"), "/usr/lib/c");
    assert_eq!(resolve("root/lib"), "/usr/lib");
    assert_eq!(resolve("root"), "/");
    assert_eq!(resolve("nowhere/x"), "/usr/gone/x");
    assert_eq!(resolve("new/x"), "/new/x");
    assert_eq!(resolve("loop/x"), "`/loop/x` leads through more than 40 links");
    assert_eq!(resolve("lib/c/x"), "`/lib/c/x` leads through `/usr/lib/c`, which is not a folder");
    assert_eq!(merged.content(&ImagePath::new("out/lib/c").unwrap()), Some("usr/lib/c".as_bytes()));
}
