//! Wheels made by hand, and a sink that shows what came of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use imgbuild_archive::ImagePath;
use imgbuild_layer::{EntryHead, EntrySink, Exclusions, SinkError, Source, SourceError, WriteOptions};
use imgbuild_lock::PypiPackage;
use imgbuild_oci::Digest;
use imgbuild_pypi::{Layout, Package, PackageError, Wheel, WheelFilename};

/// The time of all members: 2021-03-04 05:06:08.
const DATE: u16 = (2021 - 1980) << 9 | 3 << 5 | 4;
const TIME: u16 = 5 << 11 | 6 << 5 | 4;

/// A wheel that is being made.
#[derive(Clone)]
pub(crate) struct WheelBuilder {
    filename: String,
    members: Vec<(String, u32, Vec<u8>)>,
    record: Option<String>,
}

impl WheelBuilder {
    /// `NAME-VERSION-py3-none-any.whl` with metadata and nothing else.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let dist_info = format!("{name}-{version}.dist-info");
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nDescription\n");
        let builder = Self {
            filename: format!("{name}-{version}-py3-none-any.whl"),
            members: Vec::new(),
            record: None,
        };
        builder
            .file(
                &format!("{dist_info}/WHEEL"),
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            .file(&format!("{dist_info}/METADATA"), &metadata)
    }

    /// The same wheel under another file name.
    pub(crate) fn named(mut self, filename: &str) -> Self {
        self.filename = filename.to_owned();
        self
    }

    /// Adds a file, or replaces it.
    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.member(path, 0o100_644, content.as_bytes())
    }

    pub(crate) fn member(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.members.retain(|(it, _, _)| it != path);
        self.again(path, mode, content)
    }

    /// Adds a member, whatever there is of that name.
    pub(crate) fn again(mut self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.members.push((path.to_owned(), mode, content.to_vec()));
        self
    }

    pub(crate) fn without(mut self, path: &str) -> Self {
        self.members.retain(|(it, _, _)| it != path);
        self
    }

    /// The `RECORD` that would be written.
    pub(crate) fn record_text(&self) -> String {
        let files = self.members.iter().filter(|(path, _, _)| !path.ends_with('/'));
        let line = |(path, _, content): &(String, u32, Vec<u8>)| {
            let hash = URL_SAFE_NO_PAD.encode(Digest::of(content).as_bytes());
            let quote = if path.contains([',', '"']) { "\"" } else { "" };
            format!("{quote}{}{quote},sha256={hash},{}\n", path.replace('"', "\"\""), content.len())
        };
        let dist_info = self.dist_info();
        files.map(line).collect::<String>() + &format!("{dist_info}/RECORD,,\n")
    }

    fn dist_info(&self) -> &str {
        let (dist_info, _) = self.members[0].0.split_once('/').unwrap();
        dist_info
    }

    /// Replaces the `RECORD`.
    pub(crate) fn record(mut self, text: &str) -> Self {
        self.record = Some(text.to_owned());
        self
    }

    /// Writes the wheel into a folder.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let record = self.record.clone().unwrap_or_else(|| self.record_text());
        let record = (format!("{}/RECORD", self.dist_info()), 0o100_644, record.into_bytes());
        let path = folder.join(&self.filename);
        fs::write(&path, zip(self.members.iter().chain([&record]))).unwrap();
        path
    }
}

/// Deflated members, as wheels have them.
fn zip<'a>(members: impl Iterator<Item = &'a (String, u32, Vec<u8>)>) -> Vec<u8> {
    let narrow = |numbers: &[u16]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    let wide = |numbers: &[u32]| numbers.iter().flat_map(|it| it.to_le_bytes()).collect::<Vec<u8>>();
    let (mut file, mut directory, mut count) = (Vec::new(), Vec::new(), 0);
    for (name, mode, content) in members {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        let packed = encoder.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let offset = file.len() as u32;
        let shared = [
            narrow(&[20, 0x0800, 8, TIME, DATE]),
            wide(&[crc.sum(), packed.len() as u32, content.len() as u32]),
            narrow(&[name.len() as u16, 0]),
        ]
        .concat();
        file.extend([b"PK\x03\x04".as_slice(), &shared, name.as_bytes(), &packed].concat());
        directory.extend([b"PK\x01\x02".as_slice(), &narrow(&[0x0314]), &shared].concat());
        directory.extend([narrow(&[0, 0, 0]), wide(&[mode << 16, offset])].concat());
        directory.extend(name.as_bytes());
        count += 1;
    }
    let (size, offset) = (directory.len() as u32, file.len() as u32);
    file.extend(directory);
    file.extend(
        [b"PK\x05\x06".as_slice(), &narrow(&[0, 0, count, count]), &wide(&[size, offset]), &[0, 0]].concat(),
    );
    file
}

/// What a lock would say of a wheel.
pub(crate) fn locked(path: &Path) -> Result<PypiPackage, PackageError> {
    let text = path.file_name().unwrap().to_str().unwrap();
    let filename: WheelFilename = text.parse()?;
    let (_, wheel) = Wheel::open(path, &filename)?;
    let bytes = fs::read(path).unwrap();
    Ok(PypiPackage {
        name: filename.name.clone(),
        version: filename.version.to_string(),
        filename: text.to_owned(),
        url: None,
        size: Some(bytes.len() as u64),
        sha256: Digest::of(&bytes),
        origin: None,
        build: None,
        facts: wheel.facts(),
    })
}

/// A virtual environment at `/opt/venv` with Python 3.11.
pub(crate) fn venv() -> Arc<Layout> {
    let prefix = ImagePath::new("opt/venv").unwrap();
    Arc::new(Layout::virtual_environment(prefix, 11).unwrap())
}

pub(crate) fn package(locked: &PypiPackage, path: &Path) -> Package {
    Package::new(locked, venv(), path.to_owned()).unwrap()
}

/// What was written: path to head and content.
#[derive(Default)]
pub(crate) struct Written(pub(crate) BTreeMap<String, (EntryHead, Vec<u8>)>, bool);

impl EntrySink for Written {
    fn put(&mut self, head: &EntryHead, body: &mut dyn Read) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        let read = body.read_to_end(&mut bytes);
        read.map_err(|error| SinkError::Read { path: head.path.clone(), error })?;
        assert_eq!(bytes.len() as u64, head.size(), "{}", head.path);
        match self.0.insert(head.path.to_string(), (head.clone(), bytes)) {
            Some(_) => Err(SinkError::Twice { path: head.path.clone() }),
            None => Ok(()),
        }
    }

    fn options(&self) -> WriteOptions {
        NonZero::new(if self.1 { 3 } else { 1 }).unwrap().into()
    }
}

impl Written {
    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.0[path].1.clone()).unwrap()
    }

    /// A line for each path: mode, size, path.
    pub(crate) fn listing(&self) -> String {
        let line = |(path, (head, bytes)): (&String, &(EntryHead, Vec<u8>))| {
            format!("{:04o} {:>4} {path}", head.mode, bytes.len())
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Writes a package, and checks that it claims what it writes.
pub(crate) fn write(package: &Package, exclusions: &Exclusions) -> Result<Written, SourceError> {
    let claims = package.claims()?.into_iter().map(|claim| claim.path);
    let (mut written, mut by_several) = (Written::default(), Written(BTreeMap::new(), true));
    let again = package.write(exclusions, &mut by_several).map_err(|error| message(&error));
    let first = package.write(exclusions, &mut written);
    // However many threads unpack it.
    assert_eq!(first.as_ref().map_err(|error| message(error)), again.as_ref().map_err(Clone::clone));
    assert!(written.0 == by_several.0);
    first?;
    let mut claims: Vec<_> =
        claims.filter(|path| !exclusions.contains(path)).map(|path| path.to_string()).collect();
    claims.sort();
    assert_eq!(claims, written.0.keys().cloned().collect::<Vec<_>>());
    Ok(written)
}

/// A message with what stands behind it, and what to do.
pub(crate) fn message(error: &dyn miette::Diagnostic) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text.extend(imgbuild_diagnostic::hints(error).iter().map(|hint| format!("\nhint: {hint}")));
    text
}
