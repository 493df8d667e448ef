//! A wheel as a source of entries, and writing it: what each of its files becomes, and the record of it all.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use imgbuild_archive::{ImagePath, Owner, ZipArchive, ZipFileError};
use imgbuild_layer::{Claim, EntryHead, EntryKind, EntrySink, Exclusions, Part, Source, SourceError};
use imgbuild_oci::{Digest, HashReader};

use crate::wheel::package::{Package, claims, direct_url};
use crate::wheel::package_error::PackageError;
use crate::wheel::record::{self, Hasher, Recorded};
use crate::wheel::shebang::shebang;
use crate::wheel::wheel_error::WheelError;
use crate::wheel::whole_wheel::{Member, Place, Wheel};

/// What `INSTALLER` says.
const INSTALLER: &str = "imgbuild";

/// How a script begins that wants the interpreter of wherever it is installed.
const PLACEHOLDER: &[u8] = b"#!python";

impl Package {
    fn read_claims(&self) -> Result<Vec<Claim>, PackageError> {
        let (_, wheel) = self.open()?;
        claims(&wheel, &self.locked, &self.layout)
    }

    fn write_all(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), PackageError> {
        let (archive, wheel) = self.open()?;
        Writer::new(self, &Arc::new(archive), &wheel, exclusions, sink).write()
    }
}

impl Source for Package {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        self.read_claims().map_err(SourceError::archive)
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        self.write_all(exclusions, sink).map_err(|error| match error {
            PackageError::Sink(error) => SourceError::Sink(error),
            error => SourceError::archive(error),
        })
    }
}

/// The state of writing one wheel.
pub(crate) struct Writer<'a> {
    package: &'a Package,
    archive: &'a Arc<ZipArchive>,
    wheel: &'a Wheel,
    exclusions: &'a Exclusions,
    sink: &'a mut dyn EntrySink,
    /// What is there in the end.
    recorded: Vec<Recorded>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        package: &'a Package,
        archive: &'a Arc<ZipArchive>,
        wheel: &'a Wheel,
        exclusions: &'a Exclusions,
        sink: &'a mut dyn EntrySink,
    ) -> Self {
        Self { package, archive, wheel, exclusions, sink, recorded: Vec::new() }
    }

    /// Writes the wheel's files in the order in which they stand in it, and then what installers add.
    pub(crate) fn write(mut self) -> Result<(), PackageError> {
        let layout = &self.package.layout;
        let mut members = Vec::new();
        for member in &self.wheel.members {
            if let Some(place) = self.wheel.target(member, layout)?
                && !self.exclusions.contains(&place)
            {
                members.push((member, place));
            }
        }
        let numbers = members.iter().map(|(member, _)| member.number).collect();
        let mut bodies = self.archive.bodies(numbers, self.sink.options().threads);
        for (member, place) in members {
            self.member(member, place, bodies.next_body())?;
        }
        let interpreter = layout.interpreter.to_string();
        for entry_point in self.wheel.entry_points().installed(layout.minor) {
            let script = entry_point.script(&interpreter);
            self.added(layout.script(&entry_point.name)?, script.as_bytes(), 0o755)?;
        }
        for name in self.package.added() {
            let content = match (name, &self.package.locked.origin) {
                ("INSTALLER", _) => INSTALLER.as_bytes().to_vec(),
                ("direct_url.json", Some(origin)) => direct_url(origin)?,
                _ => Vec::new(),
            };
            self.added(self.wheel.metadata_path(layout, name)?, &content, 0o644)?;
        }
        self.record()
    }

    fn member(&mut self, member: &Member, place: ImagePath, body: impl Read) -> Result<(), PackageError> {
        let Some((recorded, hasher)) =
            self.wheel.record().get(member.path.as_str()).and_then(|it| Some((it.clone(), it.hasher()?)))
        else {
            // A signature of `RECORD`: nothing vouches for it, and it is kept as it is.
            let mut body = body;
            return self.put(member, place, member.size, &mut body);
        };
        let mut body = HashBody { body, hasher };
        let path = self.package.layout.recorded(&place);
        if matches!(member.place, Place::Script(_)) {
            let changed = self.script(member, place, &mut body)?;
            recorded.compare(body.hasher)?;
            self.recorded.push(match changed {
                Some((sha256, size)) => Recorded::of(path, &sha256, size),
                None => Recorded { path, ..recorded },
            });
            return Ok(());
        }
        self.put(member, place, member.size, &mut body)?;
        recorded.compare(body.hasher)?;
        self.recorded.push(Recorded { path, ..recorded });
        Ok(())
    }

    /// Writes a script. Where its first line was changed, says what came of it.
    fn script(
        &mut self,
        member: &Member,
        place: ImagePath,
        body: &mut dyn Read,
    ) -> Result<Option<(Digest, u64)>, PackageError> {
        let unreadable = |error| WheelError::Zip(ZipFileError::Read(error));
        let mut body = BufReader::new(body);
        let mut start = Vec::new();
        (&mut body).take(PLACEHOLDER.len() as u64).read_to_end(&mut start).map_err(unreadable)?;
        if start != PLACEHOLDER {
            self.put(member, place, member.size, &mut start.as_slice().chain(body))?;
            return Ok(None);
        }
        // The rest of the line gives way too: `#!pythonw` is for other systems, options are not passed on.
        let line = PLACEHOLDER.len() as u64 + skip_line(&mut body).map_err(unreadable)?;
        let start = format!("{}\n", shebang(&self.package.layout.interpreter.to_string()));
        let size = start.len() as u64 + (member.size - line);
        let mut script = HashReader::new(start.as_bytes().chain(body));
        self.put(member, place, size, &mut script)?;
        Ok(Some(script.finish()))
    }

    fn put(
        &mut self,
        member: &Member,
        path: ImagePath,
        size: u64,
        body: &mut dyn Read,
    ) -> Result<(), PackageError> {
        // Of the mode only this much is told to installers: whether the file can be run. Scripts always can.
        let executable = member.executable || matches!(member.place, Place::Script(_));
        let head = EntryHead {
            path,
            kind: EntryKind::File { size },
            mode: if executable { 0o755 } else { 0o644 },
            owner: Owner::ROOT,
            mtime: member.mtime,
        };
        Ok(self.sink.put(&head, body)?)
    }

    /// Writes a file that is not the wheel's own.
    fn added(&mut self, path: ImagePath, content: &[u8], mode: u32) -> Result<(), PackageError> {
        if self.exclusions.contains(&path) {
            return Ok(());
        }
        let size = content.len() as u64;
        let recorded = self.package.layout.recorded(&path);
        self.recorded.push(Recorded::of(recorded, &Digest::of(content), size));
        self.put_added(path, content, mode)
    }

    fn put_added(&mut self, path: ImagePath, mut content: &[u8], mode: u32) -> Result<(), PackageError> {
        let head = EntryHead {
            path,
            kind: EntryKind::File { size: content.len() as u64 },
            mode,
            owner: Owner::ROOT,
            // What has no time of its own has the time of the wheel.
            mtime: self.package.locked.facts.timestamp,
        };
        Ok(self.sink.put(&head, &mut content)?)
    }

    /// Writes `RECORD`, which lists itself without a hash.
    fn record(mut self) -> Result<(), PackageError> {
        let place = self.wheel.metadata_path(&self.package.layout, "RECORD")?;
        if self.exclusions.contains(&place) {
            return Ok(());
        }
        let path = self.package.layout.recorded(&place);
        self.recorded.push(Recorded { path, hash: None, size: None });
        let text = record::text(std::mem::take(&mut self.recorded))
            .map_err(|error| PackageError::Write { file: "RECORD", error: error.into() })?;
        self.put_added(place, &text, 0o644)
    }
}

/// Reads on behind the end of a line, whichever of the three that there are; says how many bytes that took.
fn skip_line(body: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let bytes = body.fill_buf()?;
        let (count, ending) = match bytes.iter().position(|it| matches!(it, b'\n' | b'\r')) {
            Some(at) => (at + 1, bytes.get(at).copied()),
            None => (bytes.len(), None),
        };
        body.consume(count);
        skipped += count as u64;
        if ending == Some(b'\r') && body.fill_buf()?.first() == Some(&b'\n') {
            body.consume(1);
            skipped += 1;
        }
        if ending.is_some() || count == 0 {
            return Ok(skipped);
        }
    }
}

/// Bytes that are hashed on the way.
struct HashBody<R> {
    body: R,
    hasher: Hasher,
}

impl<R: Read> Read for HashBody<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
