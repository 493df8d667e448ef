//! Parts that several layers hold: each is read once, and what it is made of is kept until the other layers are written.
//!
//! The groups of small packages of a matrix's images differ, and hold mostly the same packages: unpacking one again costs more than
//! writing it again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use imgbuild_archive::ImagePath;

use crate::{Claim, EntryHead, EntrySink, Exclusions, Part, SinkError, Source, SourceError, WriteOptions};

/// What a part was written as, once it was.
#[derive(Debug, Default)]
pub struct Repetition(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    /// Nobody has read it.
    #[default]
    Unread,
    /// Somebody reads it now: nobody waits for that.
    Read,
    /// It is there.
    Kept(Arc<Recording>),
}

/// Entries, with their bodies in a file one behind the other.
#[derive(Debug)]
struct Recording {
    file: File,
    entries: Vec<(EntryHead, u64)>,
    notes: Vec<String>,
}

impl Recording {
    fn put_all(&self, sink: &mut dyn EntrySink) -> Result<(), SinkError> {
        self.notes.iter().for_each(|note| sink.note(note.clone()));
        for (head, offset) in &self.entries {
            let body = KeptBody { file: &self.file, offset: *offset };
            sink.put(head, &mut body.take(head.size()))?;
        }
        Ok(())
    }
}

/// Reads from a byte on, whoever else reads.
struct KeptBody<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for KeptBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// A source whose entries are kept when they are written first, and come from there afterwards.
pub struct Repeated<'a> {
    source: &'a dyn Source,
    repetition: &'a Repetition,
    /// Where what is kept is written; nothing is kept where there is no such file.
    file: &'a (dyn Fn() -> Option<File> + Sync),
}

impl<'a> Repeated<'a> {
    /// A source, and what is kept of it: of the same source and the same exclusions always.
    pub fn new(
        source: &'a dyn Source,
        repetition: &'a Repetition,
        file: &'a (dyn Fn() -> Option<File> + Sync),
    ) -> Self {
        Self { source, repetition, file }
    }

    /// No thread leaves it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.repetition.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let Some(file) = (self.file)() else { return self.source.write(exclusions, sink) };
        let recording = Recording { file, entries: Vec::new(), notes: Vec::new() };
        let mut recorder = Recorder { sink, recording, end: 0, is_whole: true };
        let written = self.source.write(exclusions, &mut recorder);
        let Recorder { recording, is_whole, .. } = recorder;
        match &written {
            Ok(()) if is_whole => *self.state() = State::Kept(Arc::new(recording)),
            Err(SourceError::Restart) => *self.state() = State::Unread,
            _ => {}
        }
        written
    }
}

impl Source for Repeated<'_> {
    fn part(&self) -> &Part {
        self.source.part()
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.source.claims()
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        let is_first = {
            let mut state = self.state();
            match &*state {
                State::Kept(recording) => {
                    let recording = Arc::clone(recording);
                    drop(state);
                    return Ok(recording.put_all(sink)?);
                }
                State::Read => false,
                State::Unread => {
                    *state = State::Read;
                    true
                }
            }
        };
        if is_first { self.record(exclusions, sink) } else { self.source.write(exclusions, sink) }
    }

    fn rewritten(&self) -> Result<Option<Vec<ImagePath>>, SourceError> {
        self.source.rewritten()
    }
}

/// Passes entries on, and keeps them.
struct Recorder<'a> {
    sink: &'a mut dyn EntrySink,
    recording: Recording,
    end: u64,
    /// Whether everything could be kept. What could not, such as where a disk is full, is no failure: it is read again.
    is_whole: bool,
}

impl EntrySink for Recorder<'_> {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let start = self.end;
        let mut kept = KeepingReader {
            body,
            file: &self.recording.file,
            end: &mut self.end,
            is_whole: &mut self.is_whole,
        };
        self.sink.put(head, &mut kept)?;
        self.is_whole &= self.end - start == head.size();
        self.recording.entries.push((head.clone(), start));
        Ok(())
    }

    fn note(&mut self, note: String) {
        self.recording.notes.push(note.clone());
        self.sink.note(note);
    }

    fn options(&self) -> WriteOptions {
        self.sink.options()
    }
}

/// Writes what is read to a file.
struct KeepingReader<'a> {
    body: &'a mut dyn Read,
    file: &'a File,
    end: &'a mut u64,
    is_whole: &'a mut bool,
}

impl Read for KeepingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        if *self.is_whole {
            let mut file = self.file;
            *self.is_whole = file.write_all(&buffer[..read]).is_ok();
            *self.end += read as u64;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use imgbuild_archive::Owner;
    use imgbuild_oci::Digest;

    use super::*;
    use crate::{EntryKind, PartId, RecipeHash, Role};

    /// A source that counts how often it is read, and may fail.
    struct Counted {
        part: Part,
        reads: AtomicUsize,
        /// Why it fails when it is read for that time, the first being 0.
        error: fn(usize) -> Option<SourceError>,
    }

    impl Counted {
        fn new() -> Self {
            Self::failing(|_| None)
        }

        fn failing(error: fn(usize) -> Option<SourceError>) -> Self {
            let (id, recipe) = (PartId::new("conda", "six"), RecipeHash(Digest::of("six")));
            let (title, role) = ("six 1".to_owned(), Role::PACKAGE);
            let part = Part { title, id, recipe, archive: None, role, weight: 1, root: None };
            Self { part, reads: AtomicUsize::new(0), error }
        }
    }

    impl Source for Counted {
        fn part(&self) -> &Part {
            &self.part
        }

        fn claims(&self) -> Result<Vec<Claim>, SourceError> {
            Ok(Vec::new())
        }

        fn write(&self, _: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
            let before = self.reads.fetch_add(1, Ordering::Relaxed);
            sink.note("a note".to_owned());
            for (path, kind, body) in [
                ("lib", EntryKind::Directory, ""),
                ("lib/six.py", EntryKind::File { size: 5 }, "print"),
                ("lib/empty", EntryKind::File { size: 0 }, ""),
                ("lib/link", EntryKind::Symlink { target: "six.py".to_owned() }, ""),
                ("lib/same.py", EntryKind::Hardlink { target: ImagePath::new("lib/six.py").unwrap() }, ""),
                ("lib/two", EntryKind::File { size: 3 }, "two"),
            ] {
                let path = ImagePath::new(path).unwrap();
                sink.put(
                    &EntryHead { path, kind, mode: 0o644, owner: Owner::ROOT, mtime: 7 },
                    &mut body.as_bytes(),
                )?;
            }
            (self.error)(before).map_or(Ok(()), Err)
        }
    }

    /// What a layer is given.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Listing {
        entries: Vec<(EntryHead, String)>,
        notes: Vec<String>,
    }

    impl EntrySink for Listing {
        fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
            let mut text = String::new();
            body.read_to_string(&mut text).unwrap();
            self.entries.push((head.clone(), text));
            Ok(())
        }

        fn note(&mut self, note: String) {
            self.notes.push(note);
        }

        fn options(&self) -> WriteOptions {
            WriteOptions::default()
        }
    }

    fn written(repeated: &Repeated<'_>) -> Listing {
        let mut listing = Listing::default();
        repeated.write(&Exclusions::new(), &mut listing).unwrap();
        listing
    }

    #[test]
    fn a_part_is_read_once_and_is_the_same_each_time() {
        let (source, repetition) = (Counted::new(), Repetition::default());
        let file = || tempfile::tempfile().ok();
        let repeated = Repeated::new(&source, &repetition, &file);
        let mut alone = Listing::default();
        source.write(&Exclusions::new(), &mut alone).unwrap();
        for _ in 0..3 {
            assert_eq!(written(&repeated), alone);
        }
        assert_eq!(source.reads.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_cannot_be_kept_is_read_again() {
        for file in [|| None, || File::open("/dev/null").ok()] as [fn() -> Option<File>; 2] {
            let (source, repetition) = (Counted::new(), Repetition::default());
            let repeated = Repeated::new(&source, &repetition, &file);
            assert_eq!(written(&repeated), written(&repeated));
            assert_eq!(source.reads.load(Ordering::Relaxed), 2);
        }
    }

    #[test]
    fn of_what_failed_nothing_is_kept() {
        let fails = |_| Some(SinkError::Write(io::Error::other("no more")).into());
        let (source, repetition) = (Counted::failing(fails), Repetition::default());
        let file = || tempfile::tempfile().ok();
        let repeated = Repeated::new(&source, &repetition, &file);
        for _ in 0..2 {
            assert!(repeated.write(&Exclusions::new(), &mut Listing::default()).is_err());
        }
        assert_eq!(source.reads.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_is_written_anew_is_kept_then() {
        let restarts = |before| (before == 0).then_some(SourceError::Restart);
        let (source, repetition) = (Counted::failing(restarts), Repetition::default());
        let file = || tempfile::tempfile().ok();
        let repeated = Repeated::new(&source, &repetition, &file);
        let first = repeated.write(&Exclusions::new(), &mut Listing::default());
        assert!(matches!(first, Err(SourceError::Restart)));
        assert_eq!(written(&repeated), written(&repeated));
        assert_eq!(source.reads.load(Ordering::Relaxed), 2);
    }
}
