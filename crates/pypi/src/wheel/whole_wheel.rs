//! What a wheel says of itself, and whether all of it agrees.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use imgbuild_archive::{ImagePath, PathError, ZipArchive, ZipFileError, ZipLimits, ZipMember};
use imgbuild_layer::KeyHasher;
use imgbuild_lock::PypiFacts;
use pep440_rs::Version;

use crate::limits::{ALWAYS_ALLOWED, MOST_MEMBERS, MOST_RATIO, TEXT_LIMIT};
use crate::wheel::entry_points::{EntryPoints, is_interpreter};
use crate::wheel::filename::{WheelFilename, normalized};
use crate::wheel::headers::Headers;
use crate::wheel::layout::Layout;
use crate::wheel::metadata::{Metadata, check_format};
use crate::wheel::record::{Record, RecordError};
use crate::wheel::wheel_error::WheelError;

/// A wheel by its metadata: every member has a place, and everything that is stated twice agrees.
#[derive(Debug, Clone)]
pub struct Wheel {
    filename: WheelFilename,
    dist_info: String,
    metadata: Metadata,
    record: Record,
    entry_points: EntryPoints,
    pub(crate) members: Vec<Member>,
}

/// A file of a wheel.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its number in the zip.
    pub(crate) number: usize,
    /// Its path in the wheel, as `RECORD` lists it.
    pub(crate) path: ImagePath,
    pub(crate) size: u64,
    pub(crate) executable: bool,
    pub(crate) mtime: i64,
    pub(crate) place: Place,
}

/// Where a file belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below `site-packages`.
    SitePackages(ImagePath),
    /// Below the prefix.
    Data(ImagePath),
    /// Below the project's folder for headers.
    Headers(ImagePath),
    /// A command.
    Script(String),
    /// Nowhere: it is a file that installers write.
    Installer,
}

/// What installers write into the metadata's folder. A wheel that brings one has been installed before.
const INSTALLERS: [&str; 4] = ["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"];

/// Signatures of `RECORD`, which it cannot list.
const SIGNATURES: [&str; 2] = ["RECORD.jws", "RECORD.p7s"];

/// The files that are read of a wheel, in its folder of metadata.
pub(crate) const METADATA_FILES: [&str; 4] = ["METADATA", "WHEEL", "RECORD", "entry_points.txt"];

impl Wheel {
    /// Opens the wheel at `path`, and reads what it says of itself. `filename` is its real name; the file on the disk may
    /// be called otherwise.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not a wheel that may be installed.
    pub fn open(path: &Path, filename: &WheelFilename) -> Result<(ZipArchive, Self), WheelError> {
        let size = path.metadata().map_err(ZipFileError::Read)?.len();
        let limits = ZipLimits {
            members: MOST_MEMBERS,
            content: size.saturating_mul(MOST_RATIO).saturating_add(ALWAYS_ALLOWED),
        };
        let archive = ZipArchive::open(path, limits)?;
        let wheel = Self::read(filename, archive.members(), &mut |number| {
            let mut bytes = Vec::new();
            if let Some(mut body) = archive.body(number) {
                body.read_to_end(&mut bytes)?;
            }
            Ok(bytes)
        })?;
        Ok((archive, wheel))
    }

    /// Reads what a wheel says of itself: `members` are those of its zip's directory, and `content` reads one of them by
    /// its number. Only files of metadata are read.
    ///
    /// # Errors
    ///
    /// As for [`Wheel::open`].
    pub fn read(
        filename: &WheelFilename,
        members: &[ZipMember],
        content: &mut dyn FnMut(usize) -> Result<Vec<u8>, ZipFileError>,
    ) -> Result<Self, WheelError> {
        let files = files(members)?;
        let dist_info = dist_info(&files)?;
        let mut text = |name: &str| -> Result<Option<String>, WheelError> {
            let file = format!("{dist_info}/{name}");
            let wrong = |rule| WheelError::Text { file: file.clone(), rule };
            let Some((number, _)) = files.iter().find(|(_, path)| path.as_str() == file) else {
                return Ok(None);
            };
            if members.get(*number).is_some_and(|member| member.size() > TEXT_LIMIT) {
                return Err(wrong("is larger than 64 MiB"));
            }
            String::from_utf8(content(*number)?).map(Some).map_err(|_| wrong("is not valid UTF-8"))
        };
        let mut needed =
            |name: &str| text(name)?.ok_or_else(|| WheelError::Missing(format!("{dist_info}/{name}")));
        check_format(&Headers::read(&needed("WHEEL")?))?;
        let metadata = Metadata::read(&Headers::read(&needed("METADATA")?))?;
        let record = Record::read(&needed("RECORD")?)?;
        let entry_points = EntryPoints::read(&text("entry_points.txt")?.unwrap_or_default())?;
        check_name(filename, &dist_info, &metadata)?;
        let members = files
            .into_iter()
            .filter_map(|(number, path)| members.get(number).map(|member| (number, path, member)))
            .map(|(number, path, member)| {
                Ok(Member {
                    number,
                    place: place(&path, &dist_info)?,
                    path,
                    size: member.size(),
                    executable: member.mode() & 0o111 != 0,
                    mtime: member.mtime(),
                })
            })
            .collect::<Result<Vec<_>, WheelError>>()?;
        check_record(&record, &members, &dist_info)?;
        Ok(Self { filename: filename.clone(), dist_info, metadata, record, entry_points, members })
    }

    /// The name of its file.
    pub fn filename(&self) -> &WheelFilename {
        &self.filename
    }

    /// What its `METADATA` says.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Its list of files.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Its commands.
    pub fn entry_points(&self) -> &EntryPoints {
        &self.entry_points
    }

    /// The facts that the lock keeps.
    pub fn facts(&self) -> PypiFacts {
        let mut paths: Vec<&str> = self.members.iter().map(|member| member.path.as_str()).collect();
        paths.sort_unstable();
        PypiFacts {
            paths: KeyHasher::new("wheel paths").list("path", paths).finish(),
            installed_size: self.members.iter().map(|member| member.size).sum(),
            timestamp: self.members.iter().map(|member| member.mtime).max().unwrap_or(0),
            entry_points: self.entry_points.as_slice().iter().map(ToString::to_string).collect(),
            requires_python: self.metadata.requires_python.clone(),
            requires_dist: self.metadata.requires_dist.clone(),
            licence: self.metadata.licence.clone(),
            author: self.metadata.author.clone(),
        }
    }

    /// Where a file of the metadata's folder is once it is installed.
    pub(crate) fn metadata_path(&self, layout: &Layout, name: &str) -> Result<ImagePath, PathError> {
        layout.site_packages.join(&format!("{}/{name}", self.dist_info))
    }

    /// Where a member goes; nothing where it is not installed: because installers write that file, or because a script of
    /// the same name is written for an entry point, as pip and uv have it.
    pub(crate) fn target(&self, member: &Member, layout: &Layout) -> Result<Option<ImagePath>, PathError> {
        Ok(Some(match &member.place {
            Place::SitePackages(path) => layout.site_packages.join_path(path)?,
            Place::Data(path) => layout.prefix.join_path(path)?,
            Place::Headers(path) => layout.headers.join(&self.filename.name)?.join_path(path)?,
            Place::Script(name) if self.is_generated(name, layout) => return Ok(None),
            Place::Script(name) => layout.script(name)?,
            Place::Installer => return Ok(None),
        }))
    }

    /// Whether an entry point brings a script. Old tools put such scripts into wheels, for Windows as well.
    fn is_generated(&self, script: &str, layout: &Layout) -> bool {
        let endings = [".exe", "-script.py", ".pya"];
        let name = endings.iter().find_map(|ending| script.strip_suffix(ending)).unwrap_or(script);
        self.entry_points.installed(layout.minor).iter().any(|it| it.name == name)
    }
}

/// The files of a zip, with their numbers. Folders are not needed: what has a file has its folders.
fn files(members: &[ZipMember]) -> Result<Vec<(usize, ImagePath)>, WheelError> {
    let mut files = Vec::new();
    for (number, member) in members.iter().enumerate() {
        let (name, kind) = (member.name(), member.mode() & 0o170_000);
        let refused = |rule| WheelError::Member { path: name.to_owned(), rule };
        if let Some(folder) = name.strip_suffix('/') {
            ImagePath::new(folder)?;
            continue;
        }
        let path = ImagePath::new(name)?;
        // The type of a file is stated by Unix only, and not by all.
        if !matches!(kind, 0 | 0o100_000) {
            return Err(refused("is a link or a device"));
        }
        files.push((number, path));
    }
    Ok(files)
}

/// The one top-level folder of metadata.
fn dist_info(files: &[(usize, ImagePath)]) -> Result<String, WheelError> {
    let folders = files.iter().filter_map(|(_, path)| path.as_str().split_once('/')).map(|(top, _)| top);
    let folders: BTreeSet<&str> = folders.filter(|folder| folder.ends_with(".dist-info")).collect();
    let folders: Vec<String> = folders.into_iter().map(str::to_owned).collect();
    match <[String; 1]>::try_from(folders) {
        Ok([folder]) => Ok(folder),
        Err(folders) => Err(WheelError::DistInfo { folders }),
    }
}

/// The name of the file, the folder of metadata and the metadata must be those of one project in one version.
fn check_name(filename: &WheelFilename, dist_info: &str, metadata: &Metadata) -> Result<(), WheelError> {
    let agrees = |name: &str, version: &str| {
        let version = Version::from_str(version);
        // An index may add a local version to a file's name (`+cu118`) that its metadata does not know.
        normalized(name) == filename.name
            && version
                .is_ok_and(|it| it == filename.version || it == filename.version.clone().without_local())
    };
    let wrong = |place, found| Err(WheelError::Name { filename: filename.to_string(), place, found });
    let folder = dist_info.strip_suffix(".dist-info").unwrap_or(dist_info);
    if !folder.rsplit_once('-').is_some_and(|(name, version)| agrees(name, version)) {
        return wrong("folder of metadata", dist_info.to_owned());
    }
    if !agrees(&metadata.name, &metadata.version) {
        return wrong("`METADATA`", format!("{} {}", metadata.name, metadata.version));
    }
    Ok(())
}

fn place(path: &ImagePath, dist_info: &str) -> Result<Place, WheelError> {
    let refused = |rule| Err(WheelError::Member { path: path.as_str().to_owned(), rule });
    let (top, rest) = path.as_str().split_once('/').unwrap_or((path.as_str(), ""));
    if top == dist_info && INSTALLERS.contains(&rest) {
        return Ok(Place::Installer);
    }
    if rest.is_empty() || !top.ends_with(".data") {
        return Ok(Place::SitePackages(path.clone()));
    }
    if top.strip_suffix(".data") != dist_info.strip_suffix(".dist-info") {
        return refused("is in a `.data` folder that is not this wheel's");
    }
    let (key, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if rest.is_empty() {
        return refused("is in no part of the `.data` folder");
    }
    let inner = ImagePath::new(rest)?;
    match key {
        "purelib" | "platlib" => match rest.split_once('/') {
            Some((top, _)) if top.ends_with(".dist-info") => refused("is metadata in the `.data` folder"),
            _ => Ok(Place::SitePackages(inner)),
        },
        "data" if hides_interpreter(rest) => refused("would take the place of the interpreter"),
        "data" if is_folder_of_environment(rest) => {
            refused("would take the place of a folder of the environment")
        }
        "data" => Ok(Place::Data(inner)),
        "headers" => Ok(Place::Headers(inner)),
        "scripts" if rest.contains('/') => refused("is in a folder below `scripts`"),
        "scripts" if is_interpreter(rest) => refused("would take the place of the interpreter"),
        "scripts" => Ok(Place::Script(rest.to_owned())),
        _ => refused("is in a part of the `.data` folder that there is not"),
    }
}

/// Whether a file of the environment is an interpreter, or stands where one would have to be a folder.
fn hides_interpreter(path: &str) -> bool {
    let name = path.strip_prefix("bin/").map(|rest| rest.split('/').next().unwrap_or(rest));
    name.is_some_and(is_interpreter)
}

/// Whether a path is that of a folder which every environment has: as a file it would take all away that is in it.
fn is_folder_of_environment(path: &str) -> bool {
    let library =
        |path: &str| path.strip_prefix("lib/").or(path.strip_prefix("include/")).is_some_and(is_interpreter);
    matches!(path, "bin" | "lib" | "lib64" | "include" | "share" | "etc" | "conda-meta") || library(path)
}

/// Every file is listed, and every listed file is there. Hashes are compared when the files are read.
fn check_record(record: &Record, members: &[Member], dist_info: &str) -> Result<(), WheelError> {
    let own = |path: &str, names: &[&str]| {
        path.strip_prefix(dist_info).and_then(|it| it.strip_prefix('/')).is_some_and(|it| names.contains(&it))
    };
    for member in members {
        let path = member.path.as_str();
        let signature = own(path, &SIGNATURES) && record.get(path).is_none();
        if !signature && !own(path, &["RECORD"]) {
            record.check(path, member.size)?;
        }
    }
    let held: BTreeSet<&str> = members.iter().map(|member| member.path.as_str()).collect();
    match record.paths().find(|path| !held.contains(path)) {
        Some(path) => Err(RecordError::Absent(path.to_owned()).into()),
        None => Ok(()),
    }
}
