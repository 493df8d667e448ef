//! The pass in which a part is written: its sources go to the compiler on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};

use imgbuild_archive::{ImagePath, Owner};
use imgbuild_layer::{EntryHead, EntryKind, EntrySink, SinkError, WriteOptions};

use crate::bytecode_error::BytecodeError;
use crate::cached::Optimization;
use crate::compiler::{Compiler, LazyCompiler};
use crate::inspection::{Verdict, pass_over};
use crate::limits::SOURCE_LIMIT;
use crate::links::Links;
use crate::process::Compiled;
use crate::pyc::{PycHead, Stamp, source_hash};
use crate::spool::Spool;
use crate::target::Target;

/// What bytecode takes over from its source.
#[derive(Debug, Clone, Copy)]
struct Facts {
    mtime: i64,
    size: u64,
    mode: u32,
    owner: Owner,
}

/// Passes entries on, and has their sources compiled.
pub(crate) struct CompilingSink<'a> {
    target: &'a Target,
    compiler: &'a LazyCompiler,
    verdict: &'a Verdict,
    sink: &'a mut dyn EntrySink,
    sender: Sender<Compiled>,
    receiver: Receiver<Compiled>,
    made: Spool,
    /// What was sent, with the heads that it gets.
    sent: BTreeMap<(ImagePath, Optimization), (Facts, Stamp)>,
    files: BTreeMap<ImagePath, Facts>,
    links: Links,
    /// What stood where bytecode belongs, and was none.
    dropped: BTreeSet<ImagePath>,
    pub(crate) failure: Option<BytecodeError>,
}

impl<'a> CompilingSink<'a> {
    pub(crate) fn new(
        target: &'a Target,
        compiler: &'a LazyCompiler,
        verdict: &'a Verdict,
        sink: &'a mut dyn EntrySink,
    ) -> Self {
        let (sender, receiver) = channel();
        Self {
            target,
            compiler,
            verdict,
            sink,
            sender,
            receiver,
            made: Spool::default(),
            sent: BTreeMap::new(),
            files: BTreeMap::new(),
            links: Links::default(),
            dropped: BTreeSet::new(),
            failure: None,
        }
    }

    /// What a source of this name lacks.
    fn lacks(&self, source: &ImagePath) -> BTreeSet<Optimization> {
        let mut lacks = self.verdict.renewed.get(source).cloned().unwrap_or_default();
        let is_module = source.as_str().ends_with(".py") && self.target.folders.hold(source);
        let kept = self.target.tag.path(source, Optimization::None);
        if is_module && kept.is_some_and(|path| !self.verdict.kept.contains(&path)) {
            lacks.insert(Optimization::None);
        }
        lacks
    }

    /// The sources that are links, by the files that they lead to.
    fn linked(&self) -> BTreeMap<ImagePath, Vec<ImagePath>> {
        let mut linked: BTreeMap<ImagePath, Vec<ImagePath>> = BTreeMap::new();
        for link in self.links.names().filter(|link| !self.lacks(link).is_empty()) {
            let file = self.links.file(link);
            let small = |file: &ImagePath| self.files.get(file).is_some_and(|it| it.size <= SOURCE_LIMIT);
            if let Some(file) = file.filter(small) {
                linked.entry(file).or_default().push(link.clone());
            }
        }
        linked
    }

    fn send(&mut self, name: &ImagePath, facts: Facts, source: &[u8]) -> Result<(), BytecodeError> {
        for optimization in self.lacks(name) {
            let compiler = self.compiler.get()?;
            let mut stamp = Stamp { mtime: facts.mtime, size: facts.size, hash: None };
            if !stamp.is_reliable() {
                let long = self.target.tag.has_long_hash();
                stamp.hash = Some(source_hash(compiler.magic(), long, source));
            }
            self.sent.insert((name.clone(), optimization), (facts, stamp));
            compiler.compile(name.clone(), optimization, source.to_vec(), self.sender.clone())?;
            while let Ok(compiled) = self.receiver.try_recv() {
                self.take(compiled, compiler)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, compiled: Compiled, compiler: &Compiler) -> Result<(), BytecodeError> {
        let (source, optimization, result) = compiled;
        let sent = self.sent.get(&(source.clone(), optimization)).copied();
        let path = self.target.tag.path(&source, optimization);
        if let (Some(code), Some((facts, stamp)), Some(path)) = (result?, sent, path) {
            let mut bytes = PycHead::new(compiler.magic(), &stamp).bytes().to_vec();
            bytes.extend_from_slice(&code);
            let head = EntryHead {
                path,
                kind: EntryKind::File { size: bytes.len() as u64 },
                // Who may not read a source may not read it by its bytecode.
                mode: facts.mode & 0o666,
                owner: facts.owner,
                mtime: facts.mtime,
            };
            self.made.add(head, &bytes)?;
        }
        Ok(())
    }

    fn send_all(&mut self, names: &[ImagePath], facts: Facts, source: &[u8]) -> Result<(), SinkError> {
        for name in names {
            self.send(name, facts, source).map_err(|error| {
                // The sink's error cannot carry it; the caller takes it from here.
                self.failure = Some(error);
                SinkError::Write(io::Error::other("no bytecode can be made"))
            })?;
        }
        Ok(())
    }

    /// The files that have to be read once more, because sources that are links lead to them.
    pub(crate) fn late(&mut self) -> Option<LinkedSourceSink<'_, 'a>> {
        let linked = self.linked();
        (!linked.is_empty()).then_some(LinkedSourceSink { linked, compiling: self })
    }

    /// Waits for what is still being compiled. Gives what was made, and what was left out and not made anew.
    pub(crate) fn finish(mut self) -> Result<(Spool, BTreeSet<ImagePath>), BytecodeError> {
        drop(std::mem::replace(&mut self.sender, channel().0));
        if !self.sent.is_empty() {
            let compiler = self.compiler.get()?;
            while let Ok(compiled) = self.receiver.recv() {
                self.take(compiled, compiler)?;
            }
        }
        let dropped = self.verdict.dropped.iter().cloned().chain(self.dropped);
        let dropped = dropped.filter(|path| !self.made.holds(path)).collect();
        Ok((self.made, dropped))
    }
}

impl EntrySink for CompilingSink<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let removes = matches!(head.kind, EntryKind::Removed | EntryKind::Emptied);
        if !removes && self.target.is_place(&head.path, &head.kind) && !self.verdict.kept.contains(&head.path)
        {
            self.dropped.insert(head.path.clone());
            return pass_over(&head.path, body);
        }
        match &head.kind {
            EntryKind::Symlink { target } => self.links.symbolic(head.path.clone(), target),
            EntryKind::Hardlink { target } => self.links.hard(head.path.clone(), target.clone()),
            EntryKind::File { size } => {
                let facts = Facts { mtime: head.mtime, size: *size, mode: head.mode, owner: head.owner };
                self.files.insert(head.path.clone(), facts);
                if *size <= SOURCE_LIMIT && !self.lacks(&head.path).is_empty() {
                    let source = read(head, body)?;
                    self.sink.put(head, &mut source.as_slice())?;
                    return self.send_all(std::slice::from_ref(&head.path), facts, &source);
                }
            }
            EntryKind::Directory | EntryKind::Removed | EntryKind::Emptied => {}
        }
        self.sink.put(head, body)
    }

    fn note(&mut self, note: String) {
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}

/// One more pass, over parts with sources that are links: it passes nothing on.
pub(crate) struct LinkedSourceSink<'a, 'b> {
    linked: BTreeMap<ImagePath, Vec<ImagePath>>,
    compiling: &'a mut CompilingSink<'b>,
}

impl EntrySink for LinkedSourceSink<'_, '_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let facts = self.compiling.files.get(&head.path).copied();
        let Some((names, facts)) = self.linked.get(&head.path).zip(facts) else {
            return pass_over(&head.path, body);
        };
        let source = read(head, body)?;
        self.compiling.send_all(names, facts, &source)
    }

    fn options(&self) -> WriteOptions {
        self.compiling.options()
    }
}

fn read(head: &EntryHead, body: &mut dyn Read) -> Result<Vec<u8>, SinkError> {
    let mut source = Vec::new();
    body.read_to_end(&mut source).map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
    Ok(source)
}
