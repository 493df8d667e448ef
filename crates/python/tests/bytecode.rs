//! Bytecode around a source, made by the Python of this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZero;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, ImagePath, Kind, Owner, Part, PartId, RecipeHash,
    Role, SinkError, Source, SourceError,
};
use oci::Digest;
use python::{Bytecode, BytecodeFolders, CompilerError, Interpreter, LazyCompiler};
use store::Store;

fn path(text: &str) -> ImagePath {
    ImagePath::new(text).unwrap()
}

/// Files in a fixed order, all with one time.
struct Files(Part, Vec<(ImagePath, Vec<u8>)>);

const MTIME: i64 = 1_700_000_000;

impl Files {
    fn new(files: Vec<(&str, Vec<u8>)>) -> Self {
        let part = Part {
            id: PartId::new("test", "files"),
            title: "files".into(),
            recipe: RecipeHash(Digest::of(format!("{files:?}"))),
            role: Role::Package,
            weight: 0,
            root: None,
        };
        Self(part, files.into_iter().map(|(name, body)| (path(name), body)).collect())
    }
}

impl Source for Files {
    fn part(&self) -> &Part {
        &self.0
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        Ok(self.1.iter().map(|(path, _)| Claim { path: path.clone(), kind: Kind::File }).collect())
    }

    fn write(&self, _: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        for (path, body) in &self.1 {
            let kind = EntryKind::File { size: body.len() as u64 };
            let head = EntryHead { path: path.clone(), kind, mode: 0o644, owner: Owner::ROOT, mtime: MTIME };
            sink.put(&head, &mut body.as_slice())?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Collected(Vec<(ImagePath, Vec<u8>)>);

impl EntrySink for Collected {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).unwrap();
        assert!(!self.0.iter().any(|(path, _)| *path == head.path), "{} twice", head.path);
        self.0.push((head.path.clone(), bytes));
        Ok(())
    }
}

struct Machine {
    version: String,
    tag: String,
    program: String,
}

fn machine() -> Machine {
    let script =
        "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.implementation.cache_tag, sys.executable)";
    let output = Command::new("python3").args(["-c", script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.trim().splitn(3, ' ').map(str::to_owned);
    let mut word = || words.next().unwrap();
    Machine { version: word(), tag: word(), program: word() }
}

fn compiler(version: &str, processes: usize, started: &Arc<AtomicUsize>) -> Arc<LazyCompiler> {
    let (wanted, started) = (version.to_owned(), Arc::clone(started));
    let interpreter = move || {
        started.fetch_add(1, Ordering::SeqCst);
        Ok(Interpreter { command: vec![machine().program.into()], home: None, version: wanted.clone() })
    };
    Arc::new(LazyCompiler::new(version.to_owned(), NonZero::new(processes).unwrap(), interpreter))
}

struct Made {
    order: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    started: usize,
}

fn make(files: Vec<(&str, Vec<u8>)>, store: &Store, processes: usize) -> Made {
    let started = Arc::new(AtomicUsize::new(0));
    let compiler = compiler(&machine().version, processes, &started);
    let folders = BytecodeFolders(vec![path("lib/python")]);
    let source = Bytecode::new(Files::new(files), folders, compiler, store.clone(), true);
    let mut sink = Collected::default();
    source.write(&Exclusions::new(), &mut sink).unwrap();
    let order = sink.0.iter().map(|(path, _)| path.as_str().to_owned()).collect();
    let files = sink.0.into_iter().map(|(path, body)| (path.as_str().to_owned(), body)).collect();
    Made { order, files, started: started.load(Ordering::SeqCst) }
}

fn sources() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("lib/python/b.py", b"def f():\n    return 'b'\n".to_vec()),
        ("lib/python/broken.py", b"def f(:\n".to_vec()),
        ("lib/python/nul.py", b"x = 1\0\n".to_vec()),
        ("lib/python/p/a.py", "# é\nclass A:\n    names = {'x', 'y', 'z'}\n".as_bytes().to_vec()),
        ("lib/other.py", b"x = 1\n".to_vec()),
        ("lib/python/data.txt", b"x = 1\n".to_vec()),
    ]
}

#[test]
fn missing_bytecode_is_added_sorted_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let made = make(sources(), &store, 2);
    let tag = machine().tag;
    let mut expected: Vec<String> = sources().into_iter().map(|(name, _)| name.to_owned()).collect();
    expected.push(format!("lib/python/__pycache__/b.{tag}.pyc"));
    expected.push(format!("lib/python/p/__pycache__/a.{tag}.pyc"));
    assert_eq!(made.order, expected);
    let bytes = &made.files[&expected[6]];
    assert_eq!(bytes[4..8], [1, 0, 0, 0], "unchecked and hash-based");
    assert!(bytes.windows(16).any(|it| it == b"/lib/python/b.py"), "the path inside the image");
}

#[test]
fn what_was_compiled_is_never_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let first = make(sources(), &store, 2);
    let second = make(sources(), &store, 2);
    assert_eq!((first.started, second.started), (1, 0));
    assert_eq!((first.order, first.files), (second.order, second.files));
}

#[test]
fn order_and_processes_change_no_byte() {
    let one = tempfile::tempdir().unwrap();
    let first = make(sources(), &Store::open(one.path()).unwrap(), 1);
    let other = tempfile::tempdir().unwrap();
    let mut reversed = sources();
    reversed.reverse();
    let second = make(reversed, &Store::open(other.path()).unwrap(), 4);
    assert_eq!(first.files, second.files);
}

/// The bytecode that this machine's Python writes for a source with a time.
fn timestamped(source: &[u8], mtime: i64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.py");
    std::fs::write(&file, source).unwrap();
    let script = "import os, py_compile, sys
os.utime(sys.argv[1], (int(sys.argv[2]),) * 2)
py_compile.compile(sys.argv[1], sys.argv[1] + 'c', doraise=True, invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)";
    let status =
        Command::new("python3").args(["-c", script]).arg(&file).arg(mtime.to_string()).status().unwrap();
    assert!(status.success());
    std::fs::read(folder.path().join("m.pyc")).unwrap()
}

#[test]
fn shipped_bytecode_stays_where_it_is_valid_and_is_renewed_where_it_is_stale() {
    let tag = machine().tag;
    let source = b"x = 1\n".to_vec();
    let (good, stale) = (timestamped(&source, MTIME), timestamped(&source, MTIME - 1));
    let name = |module: &str| format!("lib/python/__pycache__/{module}.{tag}.pyc");
    let (good_name, stale_name, broken_name) = (name("good"), name("stale"), name("broken"));
    let files = || {
        vec![
            (good_name.as_str(), good.clone()),
            (stale_name.as_str(), stale.clone()),
            (broken_name.as_str(), stale.clone()),
            ("lib/python/good.py", source.clone()),
            ("lib/python/stale.py", source.clone()),
            ("lib/python/broken.py", b"def f(:\n".to_vec()),
        ]
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for run in ["compiled", "from the store"] {
        let made = make(files(), &store, 2);
        assert_eq!(made.files[&good_name], good, "{run}");
        assert_eq!(made.files[&stale_name][4..8], [1, 0, 0, 0], "{run}");
        assert!(
            !made.files.contains_key(&broken_name),
            "{run}: what is stale and does not compile is left out"
        );
    }
}

#[test]
fn an_interpreter_of_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let compiler = compiler("2.7.18", 1, &Arc::default());
    let found = machine().version;
    let error = compiler.get().err().unwrap();
    assert_eq!(error.to_string(), format!("the interpreter is Python {found}, and the image's is 2.7.18"));
    let folders = BytecodeFolders(vec![path("lib/python")]);
    let source = Bytecode::new(Files::new(sources()), folders, compiler, store, true);
    let error = source.write(&Exclusions::new(), &mut Collected::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("the interpreter is Python {found}, and the image's is 2.7.18"));
}

#[test]
fn an_interpreter_that_does_not_start_is_an_error() {
    let interpreter =
        Interpreter { command: vec!["/nowhere/python".into()], home: None, version: "3.11.2".into() };
    let compiler = LazyCompiler::new("3.11.2".into(), NonZero::<usize>::MIN, move || Ok(interpreter.clone()));
    let error = compiler.get().err().unwrap();
    assert!(matches!(error, CompilerError::Start { .. }));
    assert!(
        error.to_string().starts_with("the interpreter `/nowhere/python` does not start on this machine: ")
    );
}
