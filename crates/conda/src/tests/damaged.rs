//! Packages that contradict themselves, and others that only look so.

use proptest::prelude::*;
use serde_json::json;

use super::{Entry, Made, Tree, by_rattler, file, hardlink, install, listed, symlink};
use crate::info::Damaged;

/// How rattler's tree is compared.
#[derive(Clone, Copy, PartialEq)]
enum Rattler {
    /// It makes the same.
    Same,
    /// It fails.
    Fails,
    /// What it makes depends on chance, or on the file system.
    Varies,
    /// It panics, in a debug build at least.
    Panics,
}

fn made(paths: &[&str], entries: &[Entry]) -> Made {
    let paths = paths.iter().map(|path| listed(path)).collect();
    Made { paths, entries: entries.to_vec(), ..Made::default() }
}

fn pure(paths: &[&str], entries: &[Entry]) -> Made {
    Made { noarch: Some("python"), ..made(paths, entries) }
}

/// What comes of a package, as it is and accepted, in words.
fn outcome(made: &Made, rattler: Rattler) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let archive = made.write(scratch.path());
    let theirs = || by_rattler(&archive, tempfile::tempdir().unwrap().path());
    let [plain, accepted] =
        [Damaged::Refused, Damaged::Accepted].map(|damaged| install(&archive, damaged, &[]));
    match rattler {
        Rattler::Same => {
            // Its threads race for a path that is named twice, and then it sometimes fails: it is asked again.
            let theirs = std::iter::repeat_with(theirs).take(20).find_map(Result::ok).unwrap();
            assert_eq!(accepted.as_ref().unwrap().0, theirs, "accepted");
            plain.iter().for_each(|(tree, _)| assert_eq!(*tree, theirs));
        }
        Rattler::Fails => drop(theirs().unwrap_err()),
        Rattler::Varies | Rattler::Panics => {}
    }
    let shown = |outcome: &Result<(Tree, Vec<String>), String>| match outcome {
        Err(error) => format!("refused: {error}"),
        Ok((_, notes)) => {
            ["installed".to_owned()].into_iter().chain(notes.clone()).collect::<Vec<_>>().join("\n  ")
        }
    };
    if plain.is_ok() && plain == accepted {
        shown(&plain)
    } else {
        format!("{}\naccepted: {}", shown(&plain), shown(&accepted))
    }
}

#[test]
fn what_is_unambiguous_is_installed_as_rattler_does() {
    let mut table = String::new();
    let mut case = |name: &str, made: &Made, rattler| {
        table.push_str(&format!("== {name}\n{}\n", outcome(made, rattler)));
    };
    let x = "share/x";
    case("a slash twice", &made(&["share//x"], &[file("share//x", "a")]), Rattler::Same);
    case("a dot", &made(&["./share/./x"], &[file("./share/x", "a")]), Rattler::Same);
    case("listed twice, alike", &made(&[x, x], &[file(x, "a")]), Rattler::Same);
    case("listed twice, spelled differently", &made(&[x, "share//x"], &[file(x, "a")]), Rattler::Same);
    case("held twice, alike", &made(&[x], &[file(x, "a"), file(x, "a")]), Rattler::Same);
    let sized = |size: u64| json!({ "_path": x, "path_type": "hardlink", "size_in_bytes": size });
    let wrong = |size| Made { paths: vec![sized(size)], ..made(&[], &[file(x, "abc")]) };
    case("too small a size", &wrong(1), Rattler::Same);
    case("too large a size", &wrong(1000), Rattler::Same);
    let hash = json!({ "_path": x, "path_type": "hardlink", "sha256": "00".repeat(32) });
    case("a wrong hash", &Made { paths: vec![hash], ..made(&[], &[file(x, "a")]) }, Rattler::Same);
    case("what is not listed", &made(&[x], &[file(x, "a"), file("share/y", "b")]), Rattler::Same);
    case("modes with more than permissions", &made(&[x], &[file(x, "a").mode(0o6755)]), Rattler::Same);
    let two = ["site-packages/x.py", "lib/python3.11/site-packages/x.py"];
    case("two sources of one place, alike", &pure(&two, &two.map(|it| file(it, "a"))), Rattler::Same);
    let script = "python-scripts/run";
    let scripted = Made { entry_points: vec!["run = x:main"], ..pure(&[script], &[file(script, "a")]) };
    case("a script that is an entry point", &scripted, Rattler::Varies);
    let again = |points: Vec<&'static str>| Made { entry_points: points, ..pure(&[], &[]) };
    case("an entry point twice", &again(vec!["run = x:main", "run = x:main"]), Rattler::Same);
    case("an entry point twice, another function", &again(vec!["run = x:a", "run = x:b"]), Rattler::Varies);
    case(
        "a hard link to a hard link",
        &made(
            &[x, "share/y", "share/z"],
            &[file(x, "a"), hardlink("share/y", x), hardlink("share/z", "share/y")],
        ),
        Rattler::Same,
    );
    case(
        "a hard link with a mode of its own",
        &made(&[x, "share/y"], &[file(x, "a").mode(0o755), hardlink("share/y", x)]),
        Rattler::Same,
    );
    case(
        "a hard link to what is not listed",
        &made(&["share/y"], &[file(x, "a"), hardlink("share/y", x)]),
        Rattler::Same,
    );
    let old = Made {
        info: vec![
            file("info/files", "share/x\nbin/run\n"),
            file("info/has_prefix", "/old/prefix text share/x\n"),
            file("info/no_link", "share/x\n"),
        ],
        ..made(&[], &[file(x, "at /old/prefix\n"), file("bin/run", "#!/bin/sh\n").mode(0o755)])
    };
    case("no paths.json, as before 2017", &old, Rattler::Same);
    let names = ["share/Case", "share/case", "share/é", "share/e\u{301}", "share/a b'\"$`%\\"];
    case(
        "names that other systems hold for one",
        &made(&names, &names.map(|it| file(it, it))),
        Rattler::Same,
    );
    insta::assert_snapshot!(table);
}

#[test]
fn what_two_readers_read_differently_is_refused_until_it_is_accepted() {
    let mut table = String::new();
    let mut case = |name: &str, made: &Made, rattler| {
        table.push_str(&format!("== {name}\n{}\n", outcome(made, rattler)));
    };
    let x = "share/x";
    case("held twice, with other texts", &made(&[x], &[file(x, "a"), file(x, "b")]), Rattler::Same);
    case(
        "held twice, with other modes",
        &made(&[x], &[file(x, "a"), file(x, "a").mode(0o755)]),
        Rattler::Same,
    );
    case(
        "held twice, spelled differently",
        &made(&[x], &[file("share//x", "a"), file(x, "b")]),
        Rattler::Same,
    );
    case(
        "held twice, and a link between",
        &made(&[x, "share/y"], &[file(x, "a"), hardlink("share/y", x), file(x, "b")]),
        Rattler::Same,
    );
    case(
        "held twice, as a file and a link",
        &made(&[x, "share/y"], &[file("share/y", "a"), file(x, "b"), symlink(x, "y")]),
        Rattler::Varies,
    );
    let replaced =
        json!({ "_path": x, "path_type": "hardlink", "prefix_placeholder": "/old", "file_mode": "text" });
    case(
        "listed twice, with a placeholder and without",
        &Made { paths: vec![listed(x), replaced], ..made(&[], &[file(x, "at /old")]) },
        Rattler::Varies,
    );
    let two = ["lib/python3.11/site-packages/x.py", "site-packages/x.py"];
    case("two sources of one place", &pure(&two, &[file(two[0], "a"), file(two[1], "b")]), Rattler::Varies);
    case(
        "a link that is declared a file",
        &made(&[x, "share/y"], &[file("share/y", "a"), symlink(x, "y")]),
        Rattler::Varies,
    );
    let link = json!({ "_path": x, "path_type": "softlink" });
    case(
        "a file that is declared a link",
        &Made { paths: vec![link.clone()], ..made(&[], &[file(x, "a")]) },
        Rattler::Fails,
    );
    case(
        "a link that is not there",
        &Made { paths: vec![link, listed("share/y")], ..made(&[], &[file("share/y", "a")]) },
        Rattler::Panics,
    );
    insta::assert_snapshot!(table);
}

#[test]
fn what_nobody_installs_is_never_accepted() {
    let mut table = String::new();
    let mut case = |name: &str, made: &Made| {
        table.push_str(&format!("== {name}\n{}\n", outcome(made, Rattler::Panics)));
    };
    let x = "share/x";
    let folder = |name: &str| Entry { kind: tar::EntryType::Directory, ..file(name, "") };
    case("a file that is not there", &made(&[x], &[]));
    case("a folder that is declared a file", &made(&[x], &[folder(x)]));
    let declared = json!({ "_path": x, "path_type": "directory" });
    case(
        "a link that is declared a folder",
        &Made { paths: vec![declared], ..made(&[], &[symlink(x, "/etc")]) },
    );
    case("a path out of the prefix", &made(&["../x"], &[file("../x", "a")]));
    case("an absolute path", &made(&["/etc/x"], &[file("/etc/x", "a")]));
    case("a device", &made(&[x], &[Entry { kind: tar::EntryType::Char, ..file(x, "") }]));
    case("a hard link out of the prefix", &made(&[x], &[hardlink(x, "../../etc/passwd")]));
    case("neither paths.json nor files", &Made { info: vec![file("info/other", "")], ..made(&[], &[]) });
    insta::assert_snapshot!(table);
}

/// A hard link whose target belongs to another package becomes a file of its own: with the mode that the file has.
#[test]
fn a_hard_link_that_becomes_a_file_has_the_files_mode() {
    let scratch = tempfile::tempdir().unwrap();
    let entries = [file("bin/x", "a").mode(0o755), hardlink("bin/y", "bin/x"), hardlink("bin/z", "bin/y")];
    let archive = made(&["bin/x", "bin/y", "bin/z"], &entries).write(scratch.path());
    let (tree, notes) = install(&archive, Damaged::Refused, &["bin/x"]).unwrap();
    let shown: Vec<String> = tree.iter().map(|(path, shown)| format!("{path} {shown}")).collect();
    assert_eq!((shown, notes), (vec!["bin/y 755 a".to_owned(), "bin/z 755 a".to_owned()], vec![]));
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let name = prop_oneof![Just("a/x"), Just("a//x"), Just("./a/y"), Just("a/y"), Just("b")];
    let target = prop_oneof![Just("a/x"), Just("a/y"), Just("b")];
    prop_oneof![
        4 => (name.clone(), "[ab]?", prop_oneof![Just(0o644), Just(0o755)])
            .prop_map(|(name, text, mode)| file(name, &text).mode(mode)),
        1 => (name, target).prop_map(|(name, target)| hardlink(name, target)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    /// Whatever is listed and held, how often and in which order: what we accept is what rattler makes.
    #[test]
    fn what_is_accepted_is_what_rattler_makes(
        paths in proptest::collection::vec(prop_oneof![Just("a/x"), Just("a//x"), Just("a/y"), Just("b")], 0..5),
        entries in proptest::collection::vec(any_entry(), 0..6),
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let archive = made(&paths, &entries).write(scratch.path());
        if let Ok(theirs) = by_rattler(&archive, scratch.path()) {
            let (ours, _) = install(&archive, Damaged::Accepted, &[]).unwrap();
            prop_assert_eq!(&ours, &theirs);
            if let Ok((plain, _)) = install(&archive, Damaged::Refused, &[]) {
                prop_assert_eq!(&plain, &theirs);
            }
        }
    }
}
