//! `[[copy]]`: the user's own files, as a source.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;
use imgbuild_archive::{ImagePath, Owner, Whiteout};
use imgbuild_base::BaseImage;
use imgbuild_folder::{IGNORE_FILE, ignored, secret};
use imgbuild_layer::{
    Claim, EntryHead, EntryKind, EntrySink, Exclusions, KeyHasher, Kind, Part, PartId, RecipeHash, Role,
    SinkError, Source, SourceError,
};
use imgbuild_oci::{Digest, HashReader};
use imgbuild_spec::CopyRule;

use crate::failure::CopyFailure;

/// What stands at one path of the image.
enum Item {
    File { from: PathBuf, size: u64, digest: Digest, mode: u32 },
    Symlink { target: String },
    Directory { mode: u32 },
}

/// The mode of folders of which the spec says nothing.
const FOLDER_MODE: u32 = 0o755;

/// All files that a spec copies. Where two copies write one path, the later one has it.
pub struct Copies {
    part: Part,
    items: BTreeMap<ImagePath, (Item, Owner)>,
    mtime: i64,
}

impl Copies {
    /// Reads what is to be copied from `folder`, the spec's. Nothing where nothing is.
    ///
    /// # Errors
    ///
    /// When something cannot be read, or must not be copied.
    pub fn read(folder: &Path, copies: &[CopyRule], mtime: i64) -> Result<Option<Self>, CopyFailure> {
        if copies.is_empty() {
            return Ok(None);
        }
        let ignored = ignored(folder)?;
        let mut items = BTreeMap::new();
        for copy in copies {
            let owner = copy.owner.unwrap_or(Owner::ROOT);
            let mut walk = Walk { folder, ignored: &ignored, copy, owner, items: &mut items, reads: true };
            walk.start()?;
        }
        Ok(Some(Self::new(items, mtime)))
    }

    /// Checks what [`Copies::read`] does, without reading the files.
    ///
    /// # Errors
    ///
    /// As [`Copies::read`].
    pub fn check(folder: &Path, copies: &[CopyRule]) -> Result<(), CopyFailure> {
        if copies.is_empty() {
            return Ok(());
        }
        let ignored = ignored(folder)?;
        let mut items = BTreeMap::new();
        for copy in copies {
            let owner = Owner::ROOT;
            let mut walk = Walk { folder, ignored: &ignored, copy, owner, items: &mut items, reads: false };
            walk.start()?;
        }
        Ok(())
    }

    /// The same files, at paths that lead through no link of an image and hide nothing of it but files.
    ///
    /// # Errors
    ///
    /// When a file would stand in place of a folder or a link, or a folder in place of something else.
    pub fn onto(self, image: &BaseImage) -> Result<Self, CopyFailure> {
        let mut items = BTreeMap::new();
        for (path, (item, owner)) in self.items {
            match item {
                // Folders that are there stay as they are.
                Item::Directory { .. } => {
                    if let Some(path) = image.new_folder(&path)? {
                        items.insert(path, (item, owner));
                    }
                }
                Item::File { .. } | Item::Symlink { .. } => {
                    items.insert(image.file_path(&path)?, (item, owner));
                }
            }
        }
        Ok(Self::new(items, self.mtime))
    }

    /// The paths of what is copied, but for folders.
    pub fn paths(&self) -> impl Iterator<Item = &ImagePath> {
        let items = self.items.iter().filter(|(_, (item, _))| !matches!(item, Item::Directory { .. }));
        items.map(|(path, _)| path)
    }

    fn new(items: BTreeMap<ImagePath, (Item, Owner)>, mtime: i64) -> Self {
        let mut hasher = KeyHasher::new("copies").field("mtime", mtime.to_le_bytes());
        let mut weight = 0;
        for (path, (item, owner)) in &items {
            hasher =
                hasher.field("path", path.as_str()).field("owner", format!("{}:{}", owner.uid, owner.gid));
            hasher = match item {
                Item::File { digest, mode, size, .. } => {
                    weight += size;
                    hasher.field("file", digest.as_bytes()).field("mode", mode.to_le_bytes())
                }
                Item::Symlink { target } => hasher.field("link", target),
                Item::Directory { mode: FOLDER_MODE } => hasher.field("folder", ""),
                Item::Directory { mode } => hasher.field("folder", mode.to_le_bytes()),
            };
        }
        let part = Part {
            id: PartId::new("copy", "files"),
            title: "copied files".to_owned(),
            recipe: RecipeHash(hasher.finish()),
            archive: None,
            role: Role::COPY,
            weight,
            root: None,
        };
        Self { part, items, mtime }
    }
}

struct Walk<'a> {
    folder: &'a Path,
    ignored: &'a Gitignore,
    copy: &'a CopyRule,
    owner: Owner,
    items: &'a mut BTreeMap<ImagePath, (Item, Owner)>,
    /// Whether the files are read.
    reads: bool,
}

impl Walk<'_> {
    fn start(&mut self) -> Result<(), CopyFailure> {
        // `link/.` is the link, as `link` is: what stands behind it need not be in the spec's folder.
        let named: PathBuf = self.copy.from.as_path().components().collect();
        let from = self.folder.join(named);
        let to = ImagePath::from_absolute(self.copy.to.as_str())?;
        let found = fs::symlink_metadata(&from).map_err(|error| self.unreadable(&from, error))?;
        self.check_name(&from, &to)?;
        if found.is_dir() {
            self.put_directory(&to);
            self.folder(&from, &to)
        } else {
            // A file that is named by itself is meant, whatever it holds.
            self.item(&from, &to, true)
        }
    }

    fn folder(&mut self, from: &Path, to: &ImagePath) -> Result<(), CopyFailure> {
        let read = |error| self.unreadable(from, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(from).map_err(read)? {
            names.push(entry.map_err(read)?.file_name());
        }
        names.sort();
        for name in names {
            let path = from.join(&name);
            let found = fs::symlink_metadata(&path).map_err(|error| self.unreadable(&path, error))?;
            if name == IGNORE_FILE || self.ignored.matched(&path, found.is_dir()).is_ignore() {
                continue;
            }
            let text =
                name.to_str().ok_or_else(|| self.uncopyable(&path, "has a name that is not valid UTF-8"))?;
            let to = to.join(text)?;
            self.check_name(&path, &to)?;
            if found.is_dir() {
                self.put_directory(&to);
                self.folder(&path, &to)?;
            } else {
                self.item(&path, &to, false)?;
            }
        }
        Ok(())
    }

    /// A folder stays the first copy's that has it; but whoever names a mode for it means it.
    fn put_directory(&mut self, to: &ImagePath) {
        let named = self.copy.folder_mode.map(|mode| mode.bits());
        let new = (Item::Directory { mode: named.unwrap_or(FOLDER_MODE) }, self.owner);
        let (item, _) = self.items.entry(to.clone()).or_insert(new);
        if let (Item::Directory { mode }, Some(named)) = (item, named) {
            *mode = named;
        }
    }

    /// A layer could not hold it: engines would remove files by it.
    fn check_name(&self, from: &Path, to: &ImagePath) -> Result<(), CopyFailure> {
        let what = "would have a name that begins with `.wh.`, by which layers take files away";
        if Whiteout::is_reserved(to) { Err(self.uncopyable(from, what)) } else { Ok(()) }
    }

    fn item(&mut self, from: &Path, to: &ImagePath, named: bool) -> Result<(), CopyFailure> {
        let read = |error| self.unreadable(from, error);
        let found = fs::symlink_metadata(from).map_err(read)?;
        let item = if found.is_symlink() {
            let target = fs::read_link(from).map_err(read)?;
            let target = target
                .to_str()
                .ok_or_else(|| self.uncopyable(from, "is a link to a name that is not UTF-8"))?;
            Item::Symlink { target: target.to_owned() }
        } else if found.is_file() {
            if !named && let Some(what) = secret(from).map_err(read)? {
                let asked = vec![self.copy.origin.snippet("it was asked for here", "this folder is copied")];
                return Err(CopyFailure::Secret { path: from.to_owned(), what, asked });
            }
            let mut reader = HashReader::new(File::open(from).map_err(read)?);
            if self.reads {
                std::io::copy(&mut reader, &mut std::io::sink()).map_err(read)?;
            }
            let (digest, size) = reader.finish();
            // The umask of whoever checked the files out must not reach the image.
            let normal = if found.permissions().mode() & 0o100 != 0 { 0o755 } else { 0o644 };
            let mode = self.copy.mode.map_or(normal, |mode| mode.bits());
            Item::File { from: from.to_owned(), size, digest, mode }
        } else {
            return Err(self.uncopyable(from, "is neither a file, a folder nor a link"));
        };
        self.items.insert(to.clone(), (item, self.owner));
        Ok(())
    }

    fn unreadable(&self, path: &Path, error: std::io::Error) -> CopyFailure {
        let asked = vec![self.copy.origin.snippet("it was asked for here", "this is copied")];
        CopyFailure::Unreadable { path: path.to_owned(), error, asked }
    }

    fn uncopyable(&self, path: &Path, what: &'static str) -> CopyFailure {
        let asked = vec![self.copy.origin.snippet("it was asked for here", "this is copied")];
        CopyFailure::Uncopyable { path: path.to_owned(), what, asked }
    }
}

impl Source for Copies {
    fn part(&self) -> &Part {
        &self.part
    }

    fn claims(&self) -> Result<Vec<Claim>, SourceError> {
        let claim = |(path, (item, _)): (&ImagePath, &(Item, Owner))| {
            let kind = match item {
                Item::File { .. } => Kind::File,
                Item::Symlink { .. } => Kind::Symlink,
                Item::Directory { .. } => return None,
            };
            Some(Claim { path: path.clone(), kind })
        };
        Ok(self.items.iter().filter_map(claim).collect())
    }

    fn write(&self, exclusions: &Exclusions, sink: &mut dyn EntrySink) -> Result<(), SourceError> {
        for (path, (item, owner)) in self.items.iter().filter(|(path, _)| !exclusions.contains(*path)) {
            let head =
                |kind, mode| EntryHead { path: path.clone(), kind, mode, owner: *owner, mtime: self.mtime };
            match item {
                Item::Directory { mode } => {
                    sink.put(&head(EntryKind::Directory, *mode), &mut std::io::empty())?;
                }
                Item::Symlink { target } => {
                    let kind = EntryKind::Symlink { target: target.clone() };
                    sink.put(&head(kind, 0o777), &mut std::io::empty())?;
                }
                Item::File { from, size, digest, mode } => {
                    let file =
                        File::open(from).map_err(|error| SinkError::Read { path: path.clone(), error })?;
                    let mut reader = HashReader::new(file);
                    sink.put(&head(EntryKind::File { size: *size }, *mode), &mut reader)?;
                    if reader.finish().0 != *digest {
                        return Err(SourceError::archive(FileChange(from.clone())));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A file that is not what it was when its layer's key was computed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{}` changed while it was copied", .0.display())]
struct FileChange(PathBuf);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use imgbuild_oci::Platform;
    use imgbuild_spec::Spec;
    use tempfile::TempDir;

    use super::*;

    /// A folder with a spec that copies, and the files that it copies.
    fn folder(copies: &str, files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(folder.path().join("spec.toml"), format!("name = \"x\"\nbase = \"scratch\"\n{copies}"))
            .unwrap();
        folder
    }

    fn read(folder: &TempDir) -> Result<Copies, CopyFailure> {
        let spec = Spec::load(&folder.path().join("spec.toml")).unwrap();
        let variants = spec.variants(Platform::LinuxAmd64).unwrap();
        Copies::read(spec.folder(), &variants[0].copy, 7).map(Option::unwrap)
    }

    fn shown(copies: &Copies) -> Vec<String> {
        let item = |(path, (item, owner)): (&ImagePath, &(Item, Owner))| {
            let what = match item {
                Item::File { size, mode, .. } => format!("{mode:o} {size}"),
                Item::Symlink { target } => format!("-> {target}"),
                Item::Directory { mode: FOLDER_MODE } => "folder".to_owned(),
                Item::Directory { mode } => format!("folder {mode:o}"),
            };
            format!("{path} {what} {}:{}", owner.uid, owner.gid)
        };
        copies.items.iter().map(item).collect()
    }

    fn refusal(folder: &TempDir) -> String {
        let error = read(folder).err().unwrap().to_string();
        error.replace(&folder.path().display().to_string(), "FOLDER")
    }

    const SRC: &str = "[[copy]]\nfrom = \"src\"\nto = \"/app\"\n";

    #[test]
    fn modes_are_normal_and_ignored_files_stay_behind() {
        let ignore = "*.log\n/src/cache/\n!keep.log\n";
        let files = [
            ("src/a.py", "x"),
            ("src/run.sh", "#!/bin/sh"),
            ("src/x.log", ""),
            ("src/keep.log", ""),
            ("src/cache/y", ""),
            (".imgbuildignore", ignore),
        ];
        let folder = folder(SRC, &files);
        symlink("a.py", folder.path().join("src/link")).unwrap();
        let mode = |name: &str, mode| {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("src/a.py", 0o600);
        mode("src/run.sh", 0o700);
        let first = read(&folder).unwrap();
        assert_eq!(
            shown(&first),
            [
                "/app folder 0:0",
                "/app/a.py 644 1 0:0",
                "/app/keep.log 644 0 0:0",
                "/app/link -> a.py 0:0",
                "/app/run.sh 755 9 0:0",
            ]
        );
        mode("src/a.py", 0o666);
        assert_eq!(read(&folder).unwrap().part.recipe, first.part.recipe);
        fs::write(folder.path().join("src/a.py"), "y").unwrap();
        assert_ne!(read(&folder).unwrap().part.recipe, first.part.recipe);
    }

    #[test]
    fn the_later_copy_wins_and_says_whose_it_is() {
        let copies = format!(
            "{SRC}[[copy]]\nfrom = \"b.py\"\nto = \"/app/a.py\"\nowner = \"1000:100\"\nmode = \"0640\"\n"
        );
        let folder = folder(&copies, &[("src/a.py", "x"), ("b.py", "yy")]);
        assert_eq!(shown(&read(&folder).unwrap()), ["/app folder 0:0", "/app/a.py 640 2 1000:100"]);
    }

    #[test]
    fn folders_have_the_mode_that_is_asked_for() {
        let copies = format!("{SRC}mode = \"0600\"\nfolder-mode = \"1777\"\n");
        let folder = folder(&copies, &[("src/deep/a.py", "x")]);
        let read = read(&folder).unwrap();
        assert_eq!(
            shown(&read),
            ["/app folder 1777 0:0", "/app/deep folder 1777 0:0", "/app/deep/a.py 600 1 0:0"]
        );
    }

    #[test]
    fn a_later_copy_gives_a_folder_the_mode_that_it_names() {
        let later = "[[copy]]\nfrom = \"src\"\nto = \"/app\"\nfolder-mode = \"1777\"\n[[copy]]\nfrom = \"src\"\nto = \"/app\"\n";
        let folder = folder(&format!("{SRC}owner = \"7:8\"\n{later}"), &[("src/a.py", "x")]);
        assert_eq!(shown(&read(&folder).unwrap())[0], "/app folder 1777 7:8");
    }

    #[test]
    fn secrets_are_refused_unless_they_are_named() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
        let with_key = folder(SRC, &[("src/deep/id", key)]);
        let expected = "`FOLDER/src/deep/id` is a private key, and is not copied into an image by accident";
        assert_eq!(refusal(&with_key), expected);
        let with_env = folder(SRC, &[("src/.env", "TOKEN=x"), ("src/.env.example", "TOKEN=")]);
        let expected = "`FOLDER/src/.env` is a file of environment variables, and is not copied into an image by accident";
        assert_eq!(refusal(&with_env), expected);
        let named = folder("[[copy]]\nfrom = \"src/.env\"\nto = \"/app/.env\"\n", &[("src/.env", "TOKEN=x")]);
        assert_eq!(shown(&read(&named).unwrap()), ["/app/.env 644 7 0:0"]);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = folder(SRC, &[("src/a", "")]);
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("src/socket")).unwrap();
        let expected = "`FOLDER/src/socket` is neither a file, a folder nor a link, and cannot be copied";
        assert_eq!(refusal(&folder), expected);
        drop(socket);
    }
}
