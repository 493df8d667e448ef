//! Bytecode as a source around a source: the inner one's entries pass, and the `.pyc` files that they lack are added.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, ImagePath, KeyHasher, Kind, Owner, Part, RecipeHash,
    SinkError, Source, SourceError, TarReader,
};
use oci::Digest;
use store::{Store, StoreError};

use crate::compiler::{Compiled, Compiler, CompilerError, LazyCompiler};
use crate::links;
use crate::pyc::{HEAD, PycHead, pyc_path};
use crate::spool::Spool;

/// The version of how bytecode is made: of `compile.py`, and of what is compiled.
const METHOD: &str = "2";
/// A source larger than this is left without bytecode: it is data.
const SOURCE_LIMIT: u64 = 32 << 20;

/// Why a package's bytecode cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BytecodeError {
    /// The compiler fails.
    #[error(transparent)]
    Compiler(#[from] CompilerError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store holds is damaged.
    #[error("the cached bytecode is damaged")]
    Cache(#[from] layer::TarError),
    /// A temporary file cannot be written.
    #[error("cannot keep bytecode in a temporary file")]
    Spool(#[from] io::Error),
}

/// The folders whose sources are importable and so get bytecode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BytecodeFolders(pub Vec<ImagePath>);

impl BytecodeFolders {
    fn hold(&self, path: &ImagePath) -> bool {
        self.0.iter().any(|folder| path.strip_prefix(folder).is_some())
    }

    fn source(&self, path: &ImagePath) -> bool {
        path.as_str().ends_with(".py") && self.hold(path)
    }

    fn bytecode(&self, path: &ImagePath) -> bool {
        path.as_str().ends_with(".pyc") && self.hold(path)
    }
}

/// A source that gives its sources of Python with their bytecode.
pub struct Bytecode<S> {
    inner: S,
    part: Part,
    folders: BytecodeFolders,
    compiler: Arc<LazyCompiler>,
    store: Store,
    ships: bool,
}

impl<S: Source> Bytecode<S> {
    /// Wraps `inner`. What was compiled is kept in `store`. `ships` says whether archives of this kind may hold bytecode
    /// of their own: then they are read twice, to find out which of it is stale.
    pub fn new(
        inner: S,
        folders: BytecodeFolders,
        compiler: Arc<LazyCompiler>,
        store: Store,
        ships: bool,
    ) -> Self {
        let mut part = inner.part().clone();
        let recipe = KeyHasher::new("bytecode")
            .field("inner", part.recipe.0.as_bytes())
            .field("method", METHOD)
            .field("python", compiler.version())
            .list("folder", folders.0.iter().map(ImagePath::as_str));
        part.recipe = RecipeHash(recipe.finish());
        Self { inner, part, folders, compiler, store, ships }
    }

    /// What the bytecode depends on: another budget or codec makes other layers of the same bytecode.
    fn key(&self, exclusions: &Exclusions) -> Digest {
        KeyHasher::new("bytecode of a part")
            .field("recipe", self.part.recipe.0.as_bytes())
            .list("excluded", exclusions.iter().map(ImagePath::as_str))
            .finish()
    }

    fn write_cached(
        &self,
        cached: File,
        exclusions: &Exclusions,
        sink: &mut dyn EntrySink,
    ) -> Result<(), SourceError> {
        let mut reader = TarReader::new(BufReader::new(cached), u64::MAX);
        let mut heads = BTreeMap::new();
        let read = |error| SourceError::archive(BytecodeError::Cache(error));
        // Two passes: a shipped file that the cache replaces must be left out before the replacement is reached.
        while let Some(head) = reader.next_entry().map_err(read)? {
            heads.extend(head.path.map(|path| (path, head.size)));
        }
        let replaced = heads.keys().cloned().collect();
        self.inner.write(exclusions, &mut Without { replaced: &replaced, sink: &mut *sink })?;
        let path = self
            .store
            .bytecode(&self.key(exclusions))
            .map_err(|error| SourceError::archive(BytecodeError::Store(error)))?;
        let file = path
            .map(File::open)
            .transpose()
            .map_err(|error| SourceError::archive(BytecodeError::Spool(error)))?;
        let Some(file) = file else { return Ok(()) };
        let mut reader = TarReader::new(BufReader::new(file), u64::MAX);
        while let Some(head) = reader.next_entry().map_err(read)? {
            // An empty entry stands for a stale file whose source does not compile: it is left out and not replaced.
            let (Some(path), true) = (head.path, head.size > 0) else { continue };
            put(sink, path, head.size, head.owner, head.mtime, &mut reader.body())?;
        }
        Ok(())
    }

    fn write_compiled(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let claims = self.inner.claims()?;
        let ships = self.ships && claims.iter().any(|claim| self.folders.bytecode(&claim.path));
        let is_link = |claim: &Claim| claim.kind == Kind::Symlink && self.folders.source(&claim.path);
        let mut inspection = Inspection {
            folders: &self.folders,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            shipped: BTreeMap::new(),
        };
        if ships || claims.iter().any(is_link) {
            self.inner.write(exclusions, &mut inspection)?;
        }
        let failed = |error: BytecodeError| SourceError::archive(error);
        // A package without importable sources needs no interpreter; whether it has any is known when it has passed.
        let (valid, stale) = if inspection.shipped.is_empty() {
            (BTreeSet::new(), BTreeSet::new())
        } else {
            let compiler = self.compiler.get().map_err(|error| failed(error.into()))?;
            inspection.judge(compiler)
        };
        let (sender, receiver) = channel();
        let mut pass = Compiling {
            source: &self.compiler,
            folders: &self.folders,
            links: inspection.links,
            valid,
            stale,
            sink: &mut *sink,
            sender,
            receiver,
            made: Spool::default(),
            sources: BTreeMap::new(),
            failure: None,
        };
        let written = self.inner.write(exclusions, &mut pass);
        if let Some(error) = pass.failure.take() {
            return Err(failed(error));
        }
        written?;
        let (mut made, dropped) = pass.finish().map_err(failed)?;
        made.put_all(sink)?;
        made.keep(&self.store, &self.key(exclusions), &dropped).map_err(failed)
    }
}

impl<S: Source> Source for Bytecode<S> {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.inner.claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let failed = |error: BytecodeError| SourceError::archive(error);
        match self.store.bytecode(&self.key(exclusions)).map_err(|error| failed(error.into()))? {
            Some(path) => {
                let file = File::open(path).map_err(|error| failed(error.into()))?;
                self.write_cached(file, exclusions, sink)
            }
            None => self.write_compiled(exclusions, sink),
        }
    }
}

pub(crate) fn put(
    sink: &mut dyn EntrySink,
    path: ImagePath,
    size: u64,
    owner: Owner,
    mtime: i64,
    body: &mut dyn Read,
) -> Result<(), SinkError> {
    sink.put(&EntryHead { path, kind: EntryKind::File { size }, mode: 0o644, owner, mtime }, body)
}

/// Passes everything but what is replaced.
struct Without<'a> {
    replaced: &'a BTreeSet<ImagePath>,
    sink: &'a mut dyn EntrySink,
}

impl EntrySink for Without<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if self.replaced.contains(&head.path) { Ok(()) } else { self.sink.put(head, body) }
    }
}

/// The first pass over a package that ships bytecode, or has sources that are links: what of it is valid, and where the
/// links lead.
struct Inspection<'a> {
    folders: &'a BytecodeFolders,
    /// Time and size of each file.
    files: BTreeMap<ImagePath, (i64, u64)>,
    /// The sources that are symbolic links, by where they lead.
    links: BTreeMap<ImagePath, Vec<ImagePath>>,
    shipped: BTreeMap<ImagePath, PycHead>,
}

impl EntrySink for Inspection<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if let EntryKind::Symlink { target } = &head.kind
            && self.folders.source(&head.path)
            && let Some(target) = links::target(&head.path, target)
        {
            self.links.entry(target).or_default().push(head.path.clone());
        }
        let EntryKind::File { size } = head.kind else { return Ok(()) };
        self.files.insert(head.path.clone(), (head.mtime, size));
        if self.folders.bytecode(&head.path) && size >= HEAD as u64 {
            let mut bytes = [0; HEAD];
            body.read_exact(&mut bytes)
                .map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
            self.shipped.insert(head.path.clone(), PycHead::parse(&bytes));
        }
        Ok(())
    }
}

impl Inspection<'_> {
    /// The sources whose shipped bytecode is valid, and the shipped bytecode that is not.
    fn judge(&self, compiler: &Compiler) -> (BTreeSet<ImagePath>, BTreeSet<ImagePath>) {
        let (mut valid, mut stale) = (BTreeSet::new(), BTreeSet::new());
        let own = self.files.iter().filter(|(path, _)| self.folders.source(path));
        let linked = self.links.iter().filter_map(|(target, links)| Some((links, self.files.get(target)?)));
        let linked = linked.flat_map(|(links, facts)| links.iter().map(move |link| (link, facts)));
        for (source, (mtime, size)) in own.chain(linked) {
            let Some(bytecode) = pyc_path(source, compiler.tag()) else { continue };
            match self.shipped.get(&bytecode) {
                Some(head) if head.is_valid(compiler.magic(), *mtime, *size) => {
                    valid.insert(source.clone());
                }
                Some(_) => {
                    stale.insert(bytecode);
                }
                None => {}
            }
        }
        (valid, stale)
    }
}

/// The second pass: sources go to the compiler on their way.
struct Compiling<'a> {
    source: &'a LazyCompiler,
    folders: &'a BytecodeFolders,
    links: BTreeMap<ImagePath, Vec<ImagePath>>,
    valid: BTreeSet<ImagePath>,
    stale: BTreeSet<ImagePath>,
    sink: &'a mut dyn EntrySink,
    sender: Sender<Compiled>,
    receiver: Receiver<Compiled>,
    made: Spool,
    /// Owner and time of the sources that were sent.
    sources: BTreeMap<ImagePath, (Owner, i64)>,
    failure: Option<BytecodeError>,
}

impl EntrySink for Compiling<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        if self.stale.contains(&head.path) {
            return Ok(());
        }
        let names = self.names(head);
        if names.is_empty() {
            return self.sink.put(head, body);
        }
        let mut source = Vec::new();
        body.read_to_end(&mut source).map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
        self.sink.put(head, &mut source.as_slice())?;
        for name in names {
            self.send(head, name, source.clone()).map_err(|error| {
                // The sink's error cannot carry it; the caller takes it from here.
                self.failure = Some(error);
                SinkError::Write(io::Error::other("no bytecode can be made"))
            })?;
        }
        Ok(())
    }
}

impl Compiling<'_> {
    /// The names under which a file is a source that lacks bytecode: its own, and those of links to it.
    fn names(&self, head: &EntryHead) -> Vec<ImagePath> {
        if !matches!(head.kind, EntryKind::File { size } if size <= SOURCE_LIMIT) {
            return Vec::new();
        }
        let own = Some(&head.path).filter(|path| self.folders.source(path));
        let links = self.links.get(&head.path).into_iter().flatten();
        own.into_iter().chain(links).filter(|path| !self.valid.contains(*path)).cloned().collect()
    }

    fn send(&mut self, head: &EntryHead, name: ImagePath, source: Vec<u8>) -> Result<(), BytecodeError> {
        self.sources.insert(name.clone(), (head.owner, head.mtime));
        self.source.get()?.compile(name, source, self.sender.clone())?;
        while let Ok(compiled) = self.receiver.try_recv() {
            self.take(compiled)?;
        }
        Ok(())
    }

    fn take(&mut self, (source, result): Compiled) -> Result<(), BytecodeError> {
        let Some((owner, mtime)) = self.sources.get(&source).copied() else { return Ok(()) };
        let tag = self.source.get()?.tag();
        if let (Some(bytes), Some(path)) = (result?, pyc_path(&source, tag)) {
            self.made.add(path, owner, mtime, &bytes)?;
        }
        Ok(())
    }

    /// Waits for what is still being compiled. Gives what was made, and the stale files that nothing replaces.
    fn finish(mut self) -> Result<(Spool, BTreeSet<ImagePath>), BytecodeError> {
        drop(std::mem::replace(&mut self.sender, channel().0));
        while let Ok(compiled) = self.receiver.recv() {
            self.take(compiled)?;
        }
        let dropped = self.stale.into_iter().filter(|path| !self.made.holds(path)).collect();
        Ok((self.made, dropped))
    }
}
