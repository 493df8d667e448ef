//! Bytecode around a source, made by the Python of this machine, and judged by it.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;

use crate::support::{
    Entries, Entry, MTIME, Made, cache_tag, compiler, file, hard, link, machine, path, pyc, target,
    written_once,
};
use imgbuild_layer::{Codec, EntryKind, Exclusions, Parents, Source, WriteOptions, write_layer};
use imgbuild_python::{
    Bytecode, BytecodeFolders, CompilerError, Interpreter, LazyCompiler, Target, Unconfined,
};
use imgbuild_store::Store;

/// Writes entries with their bytecode, into a store of their own.
fn make(entries: Vec<Entry>) -> Made {
    let folder = tempfile::tempdir().unwrap();
    make_in(entries, &Store::open(folder.path()).unwrap(), &Exclusions::new())
}

fn make_in(entries: Vec<Entry>, store: &Store, exclusions: &Exclusions) -> Made {
    let (target, started) = target(2);
    let folder = tempfile::tempdir().unwrap();
    let store_of_other = Store::open(folder.path()).unwrap();
    let other = Bytecode::new(Entries::new(entries.clone()).rewriting(&[]), target.clone(), store_of_other);
    let made = Made::of(&Bytecode::new(Entries::new(entries), target, store.clone()), exclusions, &started);
    compare(&made, written_once(&other, exclusions));
    made
}

/// Whoever reads once writes the same, or nothing.
fn compare(made: &Made, once: Option<Vec<Entry>>) {
    assert!(once.is_none_or(|once| once == made.entries));
}

/// Without a compiler.
fn make_none(entries: Vec<Entry>) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let (with, started) = target(1);
    let target = Target { compiler: None, ..with };
    let store = Store::open(folder.path()).unwrap();
    let source = Bytecode::new(Entries::new(entries).rewriting(&[]), target, store);
    let made = Made::of(&source, &Exclusions::new(), &started);
    compare(&made, written_once(&source, &Exclusions::new()));
    made
}

fn sources() -> Vec<Entry> {
    vec![
        file("lib/python/b.py", b"def f():\n    return 'b'\n"),
        file("lib/python/broken.py", b"def f(:\n"),
        file("lib/python/nul.py", b"x = 1\0\n"),
        file("lib/python/p/a.py", "# é\nclass A:\n    names = {'x', 'y', 'z'}\n".as_bytes()),
        file("lib/other.py", b"x = 1\n"),
        file("lib/python/data.txt", b"x = 1\n"),
    ]
}

#[test]
fn missing_bytecode_is_added_sorted_at_the_end() {
    let made = make(sources());
    let tag = cache_tag();
    let mut expected: Vec<String> =
        sources().into_iter().map(|entry| entry.head.path.as_str().to_owned()).collect();
    expected.push(format!("lib/python/__pycache__/b.{tag}.pyc"));
    expected.push(format!("lib/python/p/__pycache__/a.{tag}.pyc"));
    assert_eq!(made.paths(), expected);
    let bytes = made.body(&expected[6]);
    let (mtime, size) = (u32::try_from(MTIME).unwrap(), 24_u32);
    assert_eq!(bytes[4..8], [0; 4], "by time and size");
    assert_eq!(bytes[8..12], mtime.to_le_bytes());
    assert_eq!(bytes[12..16], size.to_le_bytes());
    assert!(bytes.windows(16).any(|it| it == b"/lib/python/b.py"), "the path inside the image");
    assert_eq!(made.taken(), ["lib/python/b.py", "lib/python/p/a.py"]);
}

#[test]
fn what_was_compiled_is_never_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let shipped = || {
        let stale = pyc(b"x = 0\n", MTIME);
        let cached = |name: &str| format!("lib/python/__pycache__/{name}.{}.pyc", cache_tag());
        let kept = pyc(b"x = 1\n", MTIME);
        let more = vec![
            file("lib/python/kept.py", b"x = 1\n"),
            file(&cached("kept"), &kept),
            file("lib/python/stale.py", b"x = 22\n"),
            file(&cached("stale"), &stale),
            file(&cached("orphan"), &stale),
            hard("lib/python/hard.py", "lib/python/kept.py"),
        ];
        sources().into_iter().chain(more).collect::<Vec<_>>()
    };
    let first = make_in(shipped(), &store, &Exclusions::new());
    let second = make_in(shipped(), &store, &Exclusions::new());
    assert_eq!((first.started, second.started), (1, 0));
    assert_eq!(first.entries, second.entries);
    assert!(
        first.has("lib/python/__pycache__/hard.TAG.pyc")
            && !first.has("lib/python/__pycache__/orphan.TAG.pyc")
    );
    // What is left out is another thing to make.
    let without = BTreeSet::from([path("lib/python/b.py")]);
    let third = make_in(shipped(), &store, &without);
    assert!(
        !third.has("lib/python/__pycache__/b.TAG.pyc") && third.has("lib/python/p/__pycache__/a.TAG.pyc")
    );
}

#[test]
fn order_and_processes_change_no_byte() {
    let bodies = |made: Made| {
        let mut all: Vec<_> = made.entries.into_iter().map(|entry| (entry.head, entry.body)).collect();
        all.sort_by(|one, other| one.0.path.cmp(&other.0.path));
        all
    };
    let first = bodies(make(sources()));
    let folder = tempfile::tempdir().unwrap();
    let (target, started) = target(4);
    let mut reversed = sources();
    reversed.reverse();
    let source = Bytecode::new(Entries::new(reversed), target, Store::open(folder.path()).unwrap());
    assert_eq!(bodies(Made::of(&source, &Exclusions::new(), &started)), first);
}

/// Everything that may stand where bytecode belongs, and whether it stays.
#[test]
fn shipped_bytecode_stays_where_it_is_valid_and_is_made_anew_where_it_is_not() {
    let source = b"x = 1\n";
    let good = pyc(source, MTIME);
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let hash = crate::support::source_hash(source);
    let hashed = |flags: u8, hash: [u8; 8]| {
        let mut changed = with(4, &[flags]);
        changed[8..16].copy_from_slice(&hash);
        changed
    };
    let name = format!("lib/python/__pycache__/m.{}.pyc", cache_tag());
    let shipped = |body: &[u8]| file(&name, body);
    let cases = [
        ("valid", shipped(&good), true),
        ("by a hash that is checked", shipped(&hashed(3, hash)), true),
        ("by another hash", shipped(&hashed(3, [9; 8])), false),
        // It fits, and would hide every later change.
        ("by a hash that nobody checks", shipped(&hashed(1, hash)), false),
        ("by another hash that nobody checks", shipped(&hashed(1, [9; 8])), false),
        ("of another time", shipped(&with(8, &[1])), false),
        ("of another size", shipped(&with(12, &[99])), false),
        ("of another version", shipped(&with(0, &[1])), false),
        ("with unknown flags", shipped(&with(4, &[16])), false),
        ("empty", shipped(b""), false),
        ("half a head", shipped(&good[..9]), false),
        ("a head and nothing behind it", shipped(&good[..16]), false),
        ("a symbolic link", link(&name, "../other"), false),
        ("a symbolic link to bytecode", link(&name, "good.pyc"), false),
        ("a hard link", hard(&name, "lib/python/m.py"), false),
        ("a folder", crate::support::folder(&name), false),
    ];
    for (number, (what, entry, stays)) in cases.into_iter().enumerate() {
        // Before its source, or behind it.
        let first = number % 2 == 0;
        let module = file("lib/python/m.py", source);
        let other = file("lib/python/__pycache__/good.pyc", &good);
        let is_hard = matches!(entry.head.kind, EntryKind::Hardlink { .. });
        let entries = match first && !is_hard {
            true => vec![entry.clone(), module, other],
            false => vec![module, other, entry.clone()],
        };
        let made = make(entries.clone());
        assert_eq!(made.body(&name) == entry.body, stays, "{what}");
        assert_eq!(made.taken(), ["lib/python/m.py"], "{what}");
        // Where none is made, what is valid stays, and nothing else does.
        let made = make_none(entries);
        assert_eq!(made.has("lib/python/__pycache__/m.TAG.pyc"), stays, "{what}, none made");
        assert_eq!(made.started, 0);
        // What is no bytecode of this Python is left alone.
        assert!(made.has("lib/python/__pycache__/good.pyc"));
    }
}

/// Two reads are needed only where bytecode is stale: to know it before what stands before it in the archive is written.
#[test]
fn a_part_whose_bytecode_is_valid_is_read_once() {
    let source = b"x = 1\n";
    let good = file(&format!("lib/python/__pycache__/m.{}.pyc", cache_tag()), &pyc(source, MTIME));
    let module = file("lib/python/m.py", source);
    // What comes after tells how far it was read.
    let last = || file("lib/python/last.txt", b"");
    let read_of = |entries: Entries| {
        let (reads, folder) = (entries.reads(), tempfile::tempdir().unwrap());
        let (with, _) = target(1);
        let store = Store::open(folder.path()).unwrap();
        let source = Bytecode::new(entries, Target { compiler: None, ..with }, store);
        let once = written_once(&source, &Exclusions::new()).is_some();
        (once, reads.load(std::sync::atomic::Ordering::SeqCst))
    };
    let read = |entries: Vec<Entry>, rewritten: &[&str]| read_of(Entries::new(entries).rewriting(rewritten));
    for entries in [[module.clone(), good.clone(), last()], [good.clone(), module.clone(), last()]] {
        assert_eq!(read(entries.to_vec(), &[]), (true, 1));
        // Of others nothing is made.
        assert_eq!(read(entries.to_vec(), &["lib/python/last.txt"]), (true, 1));
        assert_eq!(read(entries.to_vec(), &["lib/python/m.py"]), (true, 2));
        // Of which nothing is known is not tried.
        assert_eq!(read_of(Entries::new(entries.to_vec())), (true, 2));
        let stale = entries.map(|entry| if entry == module { entry.at(MTIME + 1) } else { entry });
        assert_eq!(read(stale.to_vec(), &[]), (false, 1));
        assert_eq!(read(stale.to_vec(), &["lib/python/m.py"]), (true, 2));
    }
    assert_eq!(read(vec![module, last()], &[]), (true, 1));
    assert_eq!(read(vec![good, last()], &[]), (false, 1));
}

/// What is read once gets bytecode of what lacks it as well, and keeps it.
#[test]
fn what_lacks_bytecode_beside_valid_bytecode_gets_it() {
    let source = b"x = 1\n";
    let entries = || {
        vec![
            file("lib/python/m.py", source),
            file(&format!("lib/python/__pycache__/m.{}.pyc", cache_tag()), &pyc(source, MTIME)),
            file("lib/python/b.py", b"y = 2\n"),
            hard("lib/python/hard.py", "lib/python/b.py"),
            link("lib/python/soft.py", "b.py"),
        ]
    };
    let made = make(entries());
    for name in ["b", "m", "soft"] {
        assert!(made.has(&format!("lib/python/__pycache__/{name}.TAG.pyc")), "{name}");
    }
    let (folder, (target, _)) = (tempfile::tempdir().unwrap(), target(1));
    let store = Store::open(folder.path()).unwrap();
    // The second one takes it from the store.
    for _ in 0..2 {
        let source = Bytecode::new(Entries::new(entries()).rewriting(&[]), target.clone(), store.clone());
        assert_eq!(written_once(&source, &Exclusions::new()).as_ref(), Some(&made.entries));
    }
}

/// What would be left out because of where it stands may be what a layer refuses.
#[test]
fn what_a_layer_refuses_is_looked_at_before_it_is_written() {
    let source = b"x = 1\n";
    let name = |name: &str| format!("lib/python/__pycache__/{name}.{}.pyc", cache_tag());
    for odd in [format!("{}/below", name("m")), name(".wh.m")] {
        let entries = vec![
            file("lib/python/m.py", source),
            file(&name("m"), &pyc(source, MTIME)),
            file(&odd, &[7; 40]),
        ];
        let (folder, (with, _)) = (tempfile::tempdir().unwrap(), target(1));
        let store = Store::open(folder.path()).unwrap();
        let source =
            Bytecode::new(Entries::new(entries).rewriting(&[]), Target { compiler: None, ..with }, store);
        let (none, parents) = (Exclusions::new(), Parents::default());
        let write = |can_restart| {
            let options = WriteOptions { can_restart, ..WriteOptions::default() };
            write_layer(&[(&source, &none)], &parents, Codec::None, options, Vec::new())
        };
        assert!(write(true).unwrap_err().is_restart(), "{odd}");
        // It is known now.
        let (again, _) = write(true).unwrap();
        assert_eq!(again, write(false).unwrap().0, "{odd}");
    }
}

#[test]
fn bytecode_without_its_source_is_left_out() {
    let tag = cache_tag();
    let good = pyc(b"x = 1\n", MTIME);
    let orphan = format!("lib/python/__pycache__/m.{tag}.pyc");
    let entries = || {
        vec![
            file(&orphan, &good),
            // For others, or where Python takes it without a source: files like any other.
            file("lib/python/__pycache__/m.cpython-27.pyc", b""),
            file("lib/python/__pycache__/m.pyc", b"x"),
            file("lib/python/alone.pyc", &good),
            // A link out of the package, and one that goes round in circles: nobody knows what they lead to.
            link("lib/python/out.py", "/etc/passwd"),
            file(&format!("lib/python/__pycache__/out.{tag}.pyc"), &good),
            link("lib/python/round.py", "round.py"),
            file(&format!("lib/python/__pycache__/round.{tag}.pyc"), &good),
        ]
    };
    let kept = [
        "lib/python/__pycache__/m.cpython-27.pyc",
        "lib/python/__pycache__/m.pyc",
        "lib/python/alone.pyc",
        "lib/python/out.py",
        "lib/python/round.py",
    ];
    assert_eq!(make(entries()).paths(), kept);
    assert_eq!(make_none(entries()).paths(), kept);
    // The source is another package's.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let both = vec![file("lib/python/m.py", b"x = 1\n"), file(&orphan, &good)];
    let made = make_in(both, &store, &BTreeSet::from([path("lib/python/m.py")]));
    assert_eq!(made.paths(), [""; 0]);
}

#[test]
fn optimized_bytecode_is_shipped_or_not_there() {
    let tag = cache_tag();
    let source = b"def f():\n    '''text'''\n    assert False\n";
    let name = |number: u8| format!("lib/python/__pycache__/m.{tag}.opt-{number}.pyc");
    let good = pyc(source, MTIME);
    let module = || file("lib/python/m.py", source);
    assert_eq!(make(vec![module()]).paths().len(), 2);
    // What is stale is made anew, with what its name says left out; what is no level of Python's is a file.
    let made = make(vec![module(), file(&name(1), &good), file(&name(2), b"old"), file(&name(3), b"?")]);
    assert_eq!(made.body(&name(1)), good);
    assert_eq!(made.body(&name(3)), b"?");
    let anew = made.body(&name(2));
    assert_eq!(anew[..16], good[..16]);
    assert!(!anew.windows(4).any(|it| it == b"text"));
    assert!(made.body(&format!("lib/python/__pycache__/m.{tag}.pyc")).windows(4).any(|it| it == b"text"));
}

#[test]
fn sources_that_are_links_have_bytecode_of_their_own() {
    let made = make(vec![
        file("lib/python/a.py", b"x = 1\n"),
        hard("lib/python/hard.py", "lib/python/a.py"),
        hard("lib/python/harder.py", "lib/python/hard.py"),
        link("lib/python/soft.py", "../python/a.py"),
        link("lib/python/softer.py", "/lib/python/soft.py"),
        file("share/module.txt", b"y = 2\n"),
        link("lib/python/odd.py", "../../share/module.txt"),
        hard("lib/python/odder.py", "share/module.txt"),
        link("lib/python/dangling.py", "nowhere.py"),
        link("lib/python/broken.py", "broken.txt"),
        file("lib/python/broken.txt", b"def f(:\n"),
    ]);
    let names = ["a", "hard", "harder", "odd", "odder", "soft", "softer"];
    assert_eq!(made.taken(), names.map(|name| format!("lib/python/{name}.py")));
    // Each was compiled as what it is called, and belongs to the file.
    let of = |name: &str| made.body(&format!("lib/python/__pycache__/{name}.{}.pyc", cache_tag()));
    for name in names {
        let place = format!("/lib/python/{name}.py");
        assert!(of(name).windows(place.len()).any(|it| it == place.as_bytes()), "{name}");
        assert_eq!(of(name)[..16], of(if name.starts_with("odd") { "odd" } else { "a" })[..16]);
    }
}

#[test]
fn a_folder_of_bytecode_is_a_folder() {
    for entry in [
        link("lib/python/__pycache__", "/tmp"),
        file("lib/python/__pycache__", b""),
        hard("lib/python/__pycache__", "lib/python/m.py"),
    ] {
        let made = make(vec![file("lib/python/m.py", b"x = 1\n"), entry.clone()]);
        assert_eq!(made.taken(), ["lib/python/m.py"]);
        assert!(!made.has("lib/python/__pycache__"));
        // Where no modules are, it is whatever somebody makes of it.
        let elsewhere = Entry {
            head: imgbuild_layer::EntryHead { path: path("lib/__pycache__"), ..entry.head },
            ..entry
        };
        assert!(make(vec![file("lib/python/m.py", b"x = 1\n"), elsewhere]).has("lib/__pycache__"));
    }
    let below = format!("lib/python/__pycache__/m.{}.pyc/x", cache_tag());
    let made = make(vec![file("lib/python/m.py", b"x = 1\n"), file(&below, b"")]);
    assert_eq!(made.taken(), ["lib/python/m.py"]);
}

#[test]
fn bytecode_outside_of_the_folders_is_judged_where_it_is_shipped() {
    let name = format!("share/tool/__pycache__/m.{}.pyc", cache_tag());
    let source = || file("share/tool/m.py", b"x = 1\n");
    assert_eq!(make(vec![source()]).paths(), ["share/tool/m.py"]);
    let good = pyc(b"x = 1\n", MTIME);
    assert_eq!(make(vec![source(), file(&name, &good)]).body(&name), good);
    let made = make(vec![source(), file(&name, b"old")]);
    assert_eq!(made.body(&name)[..16], good[..16]);
    assert_eq!(made.taken(), ["share/tool/m.py"]);
}

#[test]
fn every_time_gives_bytecode_that_holds() {
    for mtime in [0, 1, 315_532_800, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 33, -1, -86_400] {
        let source = file("lib/python/m.py", b"x = 1\n").at(mtime);
        assert_eq!(make(vec![source]).taken(), ["lib/python/m.py"], "{mtime}");
    }
}

#[test]
fn who_may_not_read_a_source_may_not_read_its_bytecode() {
    for (mode, expected) in [(0o644, 0o644), (0o755, 0o644), (0o600, 0o600), (0o640, 0o640), (0o4711, 0o600)]
    {
        let mut source = file("lib/python/m.py", b"x = 1\n");
        source.head.mode = mode;
        source.head.owner = imgbuild_archive::Owner { uid: 7, gid: 8 };
        let made = make(vec![source]);
        let head = &made.entries[1].head;
        assert_eq!((head.mode, head.owner.uid, head.mtime), (expected, 7, MTIME), "{mode:o}");
    }
}

#[test]
fn the_key_is_that_of_what_bytecode_depends_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let recipe = |target: Target| Bytecode::new(Entries::new(sources()), target, store.clone()).part().recipe;
    let (base, _) = target(1);
    let other = LazyCompiler::new("3.1.4".into(), NonZero::<usize>::MIN, || {
        Err(CompilerError::Unavailable { why: "not asked".into(), hint: None })
    });
    let mut recipes = vec![
        recipe(base.clone()),
        recipe(Target { compiler: None, ..base.clone() }),
        recipe(Target { compiler: Some(Arc::new(other)), ..base.clone() }),
        recipe(Target { folders: BytecodeFolders(Vec::new()), ..base.clone() }),
        recipe(Target { tag: imgbuild_python::CacheTag::cpython(1), ..base.clone() }),
    ];
    assert_eq!(recipe(base), recipes[0]);
    recipes.sort();
    recipes.dedup();
    assert_eq!(recipes.len(), 5);
}

#[test]
fn an_interpreter_of_another_version_is_refused() {
    let (compiler, _) = compiler("2.7.18", 1);
    let found = machine().version;
    let error = compiler.get().err().unwrap();
    assert_eq!(error.to_string(), format!("the interpreter is Python {found}, and the image's is 2.7.18"));
    let folder = tempfile::tempdir().unwrap();
    let (target, _) = target(1);
    let target = Target { compiler: Some(compiler), ..target };
    let source = Bytecode::new(Entries::new(sources()), target, Store::open(folder.path()).unwrap());
    let error = source.write(&Exclusions::new(), &mut crate::support::Collected::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("the interpreter is Python {found}, and the image's is 2.7.18"));
}

#[test]
fn an_interpreter_that_names_its_bytecode_otherwise_is_refused() {
    let own = machine();
    let tag = imgbuild_python::CacheTag::other("pypy", 9);
    let interpreter = Interpreter {
        command: vec![own.program.into()],
        home: None,
        version: own.version,
        tag,
        launcher: Arc::new(Unconfined),
    };
    let compiler =
        LazyCompiler::new(
            interpreter.version.clone(),
            NonZero::<usize>::MIN,
            move || Ok(interpreter.clone()),
        );
    assert_eq!(
        imgbuild_diagnostic::told(&compiler.get().err().unwrap()),
        format!(
            "the interpreter that compiles bytecode names it for `{}`, and the image's for `pypy39`\nhint: `bytecode = false` in `[layers]` makes an image without bytecode",
            cache_tag()
        )
    );
}

#[test]
fn an_interpreter_that_does_not_start_is_an_error() {
    let command = vec!["/nowhere/python".into()];
    let interpreter = Interpreter {
        command,
        home: None,
        version: "3.11.2".into(),
        tag: cache_tag(),
        launcher: Arc::new(Unconfined),
    };
    let compiler = LazyCompiler::new("3.11.2".into(), NonZero::<usize>::MIN, move || Ok(interpreter.clone()));
    let error = compiler.get().err().unwrap();
    assert!(matches!(error, CompilerError::Start { .. }));
    assert!(
        error.to_string().starts_with("the interpreter `/nowhere/python` does not start on this machine: ")
    );
}
