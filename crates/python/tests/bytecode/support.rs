//! Entries, the Python of this machine, and what it says of a tree.

use std::io::Read;
use std::num::NonZero;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, Kind, Part, PartId, RecipeHash, Role, SinkError,
    Source, SourceError, WriteOptions,
};
use imgbuild_oci::Digest;
use imgbuild_python::{BytecodeFolders, CacheTag, Interpreter, LazyCompiler, Target, Unconfined};

pub(crate) const MTIME: i64 = 1_700_000_000;

pub(crate) fn path(text: &str) -> ImagePath {
    ImagePath::new(text).unwrap()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) head: EntryHead,
    pub(crate) body: Vec<u8>,
}

impl Entry {
    fn new(name: &str, kind: EntryKind, body: &[u8]) -> Self {
        let head = EntryHead { path: path(name), kind, mode: 0o644, owner: Owner::ROOT, mtime: MTIME };
        Self { head, body: body.to_vec() }
    }

    pub(crate) fn at(mut self, mtime: i64) -> Self {
        self.head.mtime = mtime;
        self
    }
}

pub(crate) fn file(name: &str, body: &[u8]) -> Entry {
    Entry::new(name, EntryKind::File { size: body.len() as u64 }, body)
}

pub(crate) fn link(name: &str, target: &str) -> Entry {
    Entry::new(name, EntryKind::Symlink { target: target.to_owned() }, b"")
}

pub(crate) fn hard(name: &str, target: &str) -> Entry {
    Entry::new(name, EntryKind::Hardlink { target: path(target) }, b"")
}

pub(crate) fn folder(name: &str) -> Entry {
    Entry::new(name, EntryKind::Directory, b"")
}

/// A source of these entries, in this order.
pub(crate) struct Entries {
    part: Part,
    entries: Vec<Entry>,
    rewritten: Option<Vec<ImagePath>>,
    /// How often it was read.
    reads: Arc<AtomicUsize>,
}

impl Entries {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        let part = Part {
            id: PartId::new("test", "files"),
            title: "files".into(),
            recipe: RecipeHash(Digest::of(format!("{entries:?}"))),
            role: Role::PACKAGE,
            archive: None,
            weight: 0,
            root: None,
        };
        Self { part, entries, rewritten: None, reads: Arc::default() }
    }

    /// One that says that it writes these, and no others, otherwise than they were.
    pub(crate) fn rewriting(self, paths: &[&str]) -> Self {
        Self { rewritten: Some(paths.iter().map(|it| path(it)).collect()), ..self }
    }

    pub(crate) fn reads(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.reads)
    }
}

impl Source for Entries {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        let claim = |entry: &Entry| {
            let kind = match entry.head.kind {
                EntryKind::Directory => return None,
                EntryKind::Symlink { .. } => Kind::Symlink,
                _ => Kind::File,
            };
            Some(Claim { path: entry.head.path.clone(), kind })
        };
        Ok(self.entries.iter().filter_map(claim).collect())
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        for entry in self.entries.iter().filter(|entry| !exclusions.contains(&entry.head.path)) {
            let mut body = entry.body.as_slice();
            sink.put(&entry.head, &mut body)?;
            // Wheels compare hashes of what was read.
            assert!(body.is_empty(), "{} is not read to its end", entry.head.path);
        }
        Ok(())
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        Ok(self.rewritten.clone())
    }
}

/// Entries, and whether they may be written anew.
#[derive(Default)]
pub(crate) struct Collected(pub(crate) Vec<Entry>, bool);

impl EntrySink for Collected {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).unwrap();
        let is_there = self.0.iter().any(|entry| entry.head.path == head.path);
        assert!(!is_there || head.kind == EntryKind::Emptied, "{} twice", head.path);
        self.0.push(Entry { head: head.clone(), body: bytes });
        Ok(())
    }

    fn options(&self) -> WriteOptions {
        WriteOptions { can_restart: self.1, ..WriteOptions::default() }
    }
}

/// What is written where it can be written anew; nothing where it has to be.
pub(crate) fn written_once(source: &dyn Source, exclusions: &Exclusions) -> Option<Vec<Entry>> {
    let mut sink = Collected(Vec::new(), true);
    match source.write(exclusions, &mut sink) {
        Ok(()) => Some(sink.0),
        Err(SourceError::Restart) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// What was written.
pub(crate) struct Made {
    pub(crate) entries: Vec<Entry>,
    /// How often an interpreter was started.
    pub(crate) started: usize,
}

impl Made {
    pub(crate) fn of(source: &dyn Source, exclusions: &Exclusions, started: &AtomicUsize) -> Self {
        let mut sink = Collected::default();
        source.write(exclusions, &mut sink).unwrap();
        Self { entries: sink.0, started: started.load(Ordering::SeqCst) }
    }

    pub(crate) fn paths(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.head.path.as_str()).collect()
    }

    /// Whether there is a path; `TAG` stands for the tag of this machine's Python.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.paths().contains(&name.replace("TAG", &cache_tag().to_string()).as_str())
    }

    pub(crate) fn body(&self, name: &str) -> Vec<u8> {
        let found = self.entries.iter().find(|entry| entry.head.path.as_str() == name);
        found.unwrap_or_else(|| panic!("there is no `{name}`")).body.clone()
    }

    /// The modules in the folders that Python itself takes bytecode for.
    pub(crate) fn taken(&self) -> Vec<String> {
        let tree = tempfile::tempdir().unwrap();
        for Entry { head, body } in &self.entries {
            let place = tree.path().join(head.path.as_str());
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            match &head.kind {
                EntryKind::File { .. } => {
                    std::fs::write(&place, body).unwrap();
                    // Some file systems know no such times.
                    let time = std::time::UNIX_EPOCH
                        + std::time::Duration::from_secs(u64::try_from(head.mtime).unwrap_or(0));
                    std::fs::File::open(&place).unwrap().set_modified(time).unwrap();
                }
                EntryKind::Symlink { target } => {
                    let root = tree.path().display();
                    let target = target.strip_prefix('/').map_or(target.clone(), |it| format!("{root}/{it}"));
                    std::os::unix::fs::symlink(target, &place).unwrap();
                }
                EntryKind::Hardlink { target } => {
                    std::fs::hard_link(tree.path().join(target.as_str()), &place).unwrap();
                }
                kind => assert_eq!(*kind, EntryKind::Directory),
            }
        }
        let output = Command::new(machine().program).args(["-c", TAKEN]).arg(tree.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

/// What `importlib` does before it takes bytecode; sources that have none are passed over.
const TAKEN: &str = "
import importlib.util, os, sys
from importlib import _bootstrap_external as machinery
for folder, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        path = os.path.join(folder, name)
        cached = importlib.util.cache_from_source(path) if name.endswith('.py') else ''
        if not os.path.isfile(cached) or not os.path.isfile(path):
            continue
        data = open(cached, 'rb').read()
        flags = machinery._classify_pyc(data, path, {})
        if flags & 1:
            assert flags == 3, 'unchecked'
            machinery._validate_hash_pyc(data, importlib.util.source_hash(open(path, 'rb').read()), path, {})
        else:
            stat = os.stat(path)
            machinery._validate_timestamp_pyc(data, int(stat.st_mtime), stat.st_size, path, {})
        machinery._compile_bytecode(memoryview(data)[16:], path, cached)
        print(os.path.relpath(path, sys.argv[1]))
";

#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) version: String,
    pub(crate) minor: u64,
    pub(crate) program: String,
}

/// The Python of this machine.
pub(crate) fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE.get_or_init(asked).clone()
}

fn asked() -> Machine {
    let script = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.version_info[1], sys.executable)";
    let output = Command::new("python3").args(["-c", script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.trim().splitn(3, ' ').map(str::to_owned);
    let mut word = || words.next().unwrap();
    Machine { version: word(), minor: word().parse().unwrap(), program: word() }
}

pub(crate) fn cache_tag() -> CacheTag {
    CacheTag::cpython(machine().minor)
}

/// A compiler that counts how often it was started.
pub(crate) fn compiler(version: &str, processes: usize) -> (Arc<LazyCompiler>, Arc<AtomicUsize>) {
    let started = Arc::new(AtomicUsize::new(0));
    let (wanted, counted) = (version.to_owned(), Arc::clone(&started));
    let interpreter = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let (command, version) = (vec![machine().program.into()], wanted.clone());
        Ok(Interpreter { command, home: None, version, tag: cache_tag(), launcher: Arc::new(Unconfined) })
    };
    let compiler = LazyCompiler::new(version.to_owned(), NonZero::new(processes).unwrap(), interpreter);
    (Arc::new(compiler), started)
}

/// This machine's Python, with modules in `lib/python`.
pub(crate) fn target(processes: usize) -> (Target, Arc<AtomicUsize>) {
    let (compiler, started) = compiler(&machine().version, processes);
    let folders = BytecodeFolders(vec![path("lib/python")]);
    (Target { tag: cache_tag(), folders, compiler: Some(compiler) }, started)
}

/// The bytecode that this machine's Python writes for `lib/python/m.py` with a time.
pub(crate) fn pyc(source: &[u8], mtime: i64) -> Vec<u8> {
    let script = "import sys, marshal, importlib.util as u, struct
source = sys.stdin.buffer.read()
code = compile(source, sys.argv[1], 'exec', 0, True, 0)
sys.stdout.buffer.write(u.MAGIC_NUMBER + struct.pack('<III', 0, int(sys.argv[2]), len(source)) + marshal.dumps(code))";
    let mut child = Command::new(machine().program)
        .args(["-c", script, "/lib/python/m.py", &mtime.to_string()])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), source).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// The hash by which this machine's Python knows a source.
pub(crate) fn source_hash(source: &[u8]) -> [u8; 8] {
    let script =
        "import sys, importlib.util as u; sys.stdout.buffer.write(u.source_hash(sys.argv[1].encode()))";
    let text = std::str::from_utf8(source).unwrap();
    let output = Command::new(machine().program).args(["-c", script, text]).output().unwrap();
    output.stdout.try_into().unwrap()
}
