//! `imgbuild ls`, `imgbuild cat` and `imgbuild extract`: the files of an image, without an engine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use imgbuild_archive::{ImagePath, Special};
use imgbuild_image::{Contents, read_files};
use imgbuild_layer::{Merged, Node, NodeKind};
use serde_json::{Value, json};

use super::inspect::kind_json;
use super::opening::{Looked, in_background, open};
use super::{print, print_public_json};
use crate::arguments::Global;
use crate::failure::Failure;
use crate::inspect_arguments::{CatArguments, ExtractArguments, LsArguments};
use crate::words::{counted, one_line, table};

/// A path of an image that cannot be had as it was asked for.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum FilesFailure {
    /// It is no path.
    #[error(transparent)]
    Path(#[from] imgbuild_archive::PathError),
    /// There is nothing.
    #[error("`{image}` has nothing at `{path}`")]
    #[diagnostic(help("list what there is: `imgbuild ls {image} {folder}`"))]
    Nothing { image: String, path: String, folder: String },
    /// A file is wanted, and there is a folder.
    #[error("`{path}` of `{image}` is a folder")]
    #[diagnostic(help(
        "list it by `imgbuild ls {image} {path}`, or get it by `imgbuild extract {image} {path} DIR`"
    ))]
    Folder { image: String, path: String },
    /// A link leads to nothing.
    #[error("`{path}` of `{image}` is a link that leads to nothing")]
    Link { image: String, path: String },
    /// What was read cannot be handed on.
    #[error("what was read cannot be written out")]
    Out(#[source] io::Error),
    /// A file is wanted, and there is a device or a pipe.
    #[error("`{path}` of `{image}` is a device or a pipe: it holds nothing")]
    Special { image: String, path: String },
    /// Something is in the way.
    #[error("`{}` is there already, and is left as it is", path.display())]
    #[diagnostic(help("name another folder, or remove it"))]
    Occupied { path: PathBuf },
    /// Something cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
}

pub(crate) async fn ls(arguments: &LsArguments, global: &Global) -> Result<(), Failure> {
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let (image, path, is_json) = (arguments.image.image.clone(), arguments.path.clone(), arguments.json);
    let (text, value) = in_background(move || {
        let contents = Contents::of(&opened, &store)?;
        let listed = listed(&contents.merged, &image, &path)?;
        Ok((listing(&listed), listed.iter().map(as_json).collect::<Value>()))
    })
    .await?;
    if is_json { print_public_json(value) } else { print(&text) }
}

/// What is in a folder, by name; or a file alone. Links to folders are followed.
fn listed<'a>(
    merged: &'a Merged,
    image: &str,
    path: &str,
) -> Result<Vec<(String, ImagePath, &'a Node)>, Failure> {
    let children = |folder: Option<&ImagePath>| -> Vec<(String, ImagePath, &'a Node)> {
        let is_child = |it: &ImagePath| it.parent().as_ref() == folder;
        let all = merged.iter().filter(|(it, _)| is_child(it));
        all.map(|(it, node)| (it.file_name().to_owned(), it.clone(), node)).collect()
    };
    let Some(asked) = image_path(path)? else { return Ok(children(None)) };
    match merged.find(&asked) {
        Some((found, node)) if node.kind == NodeKind::Directory => Ok(children(Some(&found))),
        _ => match merged.get(&asked) {
            Some(node) => Ok(vec![(asked.file_name().to_owned(), asked.clone(), node)]),
            None => match merged.find(&asked) {
                Some((found, node)) => Ok(vec![(asked.file_name().to_owned(), found, node)]),
                None => Err(nothing(image, path).into()),
            },
        },
    }
}

/// A path of an image; nothing for its root.
pub(crate) fn image_path(text: &str) -> Result<Option<ImagePath>, Failure> {
    let relative = text.trim_start_matches('/');
    let path = ImagePath::from_archive(relative.as_bytes()).map_err(FilesFailure::from);
    Ok(if relative.is_empty() { None } else { path? })
}

fn nothing(image: &str, path: &str) -> FilesFailure {
    let absolute = format!("/{}", path.trim_start_matches('/'));
    let folder = Path::new(&absolute).parent().map_or("/".to_owned(), |it| it.display().to_string());
    FilesFailure::Nothing { image: image.to_owned(), path: absolute, folder }
}

/// Why there is no file at a path.
fn missing(merged: &Merged, image: &str, path: &str) -> FilesFailure {
    let is_link = image_path(path).ok().flatten().is_some_and(|it| merged.get(&it).is_some());
    if is_link {
        let path = format!("/{}", path.trim_start_matches('/'));
        return FilesFailure::Link { image: image.to_owned(), path };
    }
    nothing(image, path)
}

/// Standard output, which remembers what hindered it.
struct Out<'a> {
    stdout: io::StdoutLock<'a>,
    failed: Option<io::Error>,
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stdout.write_all(bytes).and_then(|()| self.stdout.flush());
        written.map(|()| bytes.len()).inspect_err(|error| {
            self.failed = Some(io::Error::new(error.kind(), error.to_string()));
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listing(listed: &[(String, ImagePath, &Node)]) -> String {
    let row = |(name, _, node): &(String, ImagePath, &Node)| {
        let bytes = match node.kind {
            NodeKind::File { size } => size.to_string(),
            NodeKind::Special(Special::Character { major, minor } | Special::Block { major, minor }) => {
                format!("{major}:{minor}")
            }
            _ => "-".to_owned(),
        };
        let target = match &node.kind {
            NodeKind::Symlink(target) => format!(" -> {target}"),
            _ => String::new(),
        };
        let owner = format!("{}:{}", node.owner.uid, node.owner.gid);
        vec![mode(node), owner, bytes, format!("{name}{target}")]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    // The names stand last, and so to the left.
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row[..3].to_vec()).collect();
    let lines = table(&cells);
    lines
        .lines()
        .zip(&rows)
        .map(|(line, row)| format!("{}  {}\n", line.trim_start(), one_line(&row[3])))
        .collect()
}

/// What a path is and who may do what with it, as `ls -l` shows it.
fn mode(node: &Node) -> String {
    let kind = match node.kind {
        NodeKind::File { .. } => '-',
        NodeKind::Directory => 'd',
        NodeKind::Symlink(_) => 'l',
        NodeKind::Special(Special::Character { .. }) => 'c',
        NodeKind::Special(Special::Block { .. }) => 'b',
        NodeKind::Special(Special::Fifo) => 'p',
    };
    let bits = [
        (0o400, 'r', 0, ' '),
        (0o200, 'w', 0, ' '),
        (0o100, 'x', 0o4000, 's'),
        (0o040, 'r', 0, ' '),
        (0o020, 'w', 0, ' '),
        (0o010, 'x', 0o2000, 's'),
        (0o004, 'r', 0, ' '),
        (0o002, 'w', 0, ' '),
        (0o001, 'x', 0o1000, 't'),
    ];
    let shown = bits.iter().map(|(bit, letter, special, special_letter)| {
        let (has, is_special) = (node.mode & bit != 0, node.mode & special != 0);
        match (has, is_special) {
            (true, true) => *special_letter,
            (false, true) => special_letter.to_ascii_uppercase(),
            (true, false) => *letter,
            (false, false) => '-',
        }
    });
    std::iter::once(kind).chain(shown).collect()
}

fn as_json((name, path, node): &(String, ImagePath, &Node)) -> Value {
    let mut value = json!({
        "name": name,
        "path": path.to_string(),
        "mode": format!("{:04o}", node.mode),
        "uid": node.owner.uid,
        "gid": node.owner.gid,
        "layer": node.layer + 1,
    });
    if let (Some(object), (key, what)) = (value.as_object_mut(), kind_json(&node.kind)) {
        object.insert(key.to_owned(), what);
    }
    value
}

pub(crate) async fn cat(arguments: &CatArguments, global: &Global) -> Result<(), Failure> {
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let (image, path) = (arguments.image.image.clone(), arguments.path.clone());
    in_background(move || {
        let contents = Contents::of(&opened, &store)?;
        let found = image_path(&path)?.and_then(|asked| contents.merged.find(&asked));
        let absolute = || format!("/{}", path.trim_start_matches('/'));
        let path = match found {
            Some((path, node)) if matches!(node.kind, NodeKind::File { .. }) => path,
            Some((_, node)) if node.kind == NodeKind::Directory => {
                return Err(FilesFailure::Folder { image, path: absolute() }.into());
            }
            Some(_) => return Err(FilesFailure::Special { image, path: absolute() }.into()),
            None if absolute() == "/" => return Err(FilesFailure::Folder { image, path: absolute() }.into()),
            None => return Err(missing(&contents.merged, &image, &path).into()),
        };
        // What cannot be written is not the image's fault.
        let mut unwritten = None;
        let mut show = |_: &[ImagePath], body: &mut dyn Read| {
            let mut out = Out { stdout: io::stdout().lock(), failed: None };
            let copied = io::copy(body, &mut out);
            unwritten = out.failed;
            copied.map(drop)
        };
        let read = read_files(&opened, &contents, &[path], &mut show);
        match unwritten {
            // Whoever reads no further, as `head` does, has what they want.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(FilesFailure::Out(error).into()),
            None => Ok(read?),
        }
    })
    .await
}

pub(crate) async fn extract(arguments: &ExtractArguments, global: &Global) -> Result<(), Failure> {
    let Looked { opened, store } = open(&arguments.image, global).await?;
    let (image, path) = (arguments.image.image.clone(), arguments.path.clone());
    let folder = arguments.folder.clone();
    let written = in_background(move || {
        let contents = Contents::of(&opened, &store)?;
        let asked = image_path(&path)?;
        let found = match &asked {
            None => None,
            Some(asked) => {
                Some(contents.merged.find(asked).ok_or_else(|| missing(&contents.merged, &image, &path))?.0)
            }
        };
        // What is asked for by a link's name has that name.
        let name = asked.as_ref().map_or("root", |asked| asked.file_name());
        let place = folder.join(name);
        if place.symlink_metadata().is_ok() {
            return Err(FilesFailure::Occupied { path: place }.into());
        }
        let tree = Tree::of(&contents.merged, found.as_ref(), &place);
        tree.write_folders()?;
        let files: Vec<ImagePath> = tree.files.keys().cloned().collect();
        read_files(&opened, &contents, &files, &mut |paths, body| tree.write_file(paths, body))?;
        tree.finish()?;
        Ok(tree)
    })
    .await?;
    if !global.quiet {
        let left_out = match written.special {
            0 => String::new(),
            count => format!(", without {count} devices and pipes"),
        };
        let files = counted(written.files.len(), "file");
        print(&format!("wrote {files} to {}{left_out}\n", written.place.display()))?;
    }
    Ok(())
}

/// A part of an image and where each path of it is written. Links come last, so that nothing is written through one.
struct Tree {
    place: PathBuf,
    folders: BTreeMap<PathBuf, u32>,
    files: BTreeMap<ImagePath, (PathBuf, u32)>,
    links: BTreeMap<PathBuf, String>,
    special: usize,
}

impl Tree {
    fn of(merged: &Merged, root: Option<&ImagePath>, place: &Path) -> Self {
        let mut tree = Self {
            place: place.to_owned(),
            folders: BTreeMap::new(),
            files: BTreeMap::new(),
            links: BTreeMap::new(),
            special: 0,
        };
        match root.and_then(|root| merged.get(root)) {
            Some(node) if node.kind != NodeKind::Directory => {
                if let Some(root) = root {
                    tree.add(root, place.to_owned(), node);
                }
                return tree;
            }
            Some(node) => drop(tree.folders.insert(place.to_owned(), node.mode)),
            None => drop(tree.folders.insert(place.to_owned(), 0o755)),
        }
        for (path, node) in merged.iter() {
            let rest = match root {
                None => Some(path.as_str()),
                Some(root) => path.strip_prefix(root),
            };
            if let Some(rest) = rest {
                tree.add(path, place.join(rest), node);
            }
        }
        tree
    }

    fn add(&mut self, path: &ImagePath, place: PathBuf, node: &Node) {
        match &node.kind {
            NodeKind::File { .. } => drop(self.files.insert(path.clone(), (place, node.mode))),
            NodeKind::Directory => drop(self.folders.insert(place, node.mode)),
            NodeKind::Symlink(target) => drop(self.links.insert(place, target.clone())),
            NodeKind::Special(_) => self.special += 1,
        }
    }

    fn write_folders(&self) -> Result<(), Failure> {
        let parent = self.place.parent().map(Path::to_path_buf);
        for folder in parent.iter().chain(self.folders.keys()) {
            let made = fs::create_dir_all(folder);
            made.map_err(|error| FilesFailure::Write { path: folder.clone(), error })?;
        }
        Ok(())
    }

    fn write_file(&self, paths: &[ImagePath], body: &mut dyn Read) -> io::Result<()> {
        let mut first: Option<&Path> = None;
        for (place, mode) in paths.iter().filter_map(|path| self.files.get(path)) {
            let written = match first {
                None => written(place, *mode, body),
                Some(first) => fs::hard_link(first, place),
            };
            let failed = |error| FilesFailure::Write { path: place.clone(), error };
            written.map_err(|error| imgbuild_diagnostic::io_error(error.kind(), failed(error)))?;
            first = first.or(Some(place));
        }
        Ok(())
    }

    /// Makes links, and gives folders their rights, the innermost first.
    fn finish(&self) -> Result<(), Failure> {
        for (place, target) in &self.links {
            std::os::unix::fs::symlink(target, place)
                .map_err(|error| FilesFailure::Write { path: place.clone(), error })?;
        }
        for (place, mode) in self.folders.iter().rev() {
            fs::set_permissions(place, fs::Permissions::from_mode(mode & 0o777 | 0o700))
                .map_err(|error| FilesFailure::Write { path: place.clone(), error })?;
        }
        Ok(())
    }
}

fn written(place: &Path, mode: u32, body: &mut dyn Read) -> io::Result<()> {
    let mut file = fs::File::create(place)?;
    io::copy(body, &mut file)?;
    // Nobody becomes anybody else by what was taken out of an image.
    file.set_permissions(fs::Permissions::from_mode(mode & 0o777 | 0o600))
}
