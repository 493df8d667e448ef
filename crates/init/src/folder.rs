//! The folder that a spec stands in: what of a file's names is there.

use std::path::{Component, Path, PathBuf};

use imgbuild_document::{FILE_LIMIT, files};

use crate::limits::MOST_MATCHES;

/// The folder of the spec, and what a build sees of it.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    /// The build's folder, below the spec's.
    context: String,
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

impl Folder {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { root: folder.to_owned(), context: ".".to_owned() }
    }

    /// The same, where what is built lies in a folder below it.
    pub(crate) fn with_context(folder: &Path, context: &str) -> Self {
        Self { root: folder.to_owned(), context: context.to_owned() }
    }

    /// A path of the build's folder, as one of the spec's; nothing where it leads out.
    pub(crate) fn of_context(&self, path: &str) -> Option<String> {
        relative(&format!("{}/{}", self.context, relative(path)?))
    }

    /// What a path below the folder is; nothing where there is none, or a link leads out.
    pub(crate) fn kind(&self, path: &str) -> Option<Kind> {
        if imgbuild_folder::leads_out(&self.root, Path::new(path)).is_some() {
            return None;
        }
        let found = self.root.join(path).metadata().ok()?;
        if found.is_dir() {
            return Some(Kind::Folder);
        }
        found.is_file().then_some(Kind::File)
    }

    /// Whether a requirements file names what is no wheel: a repository, a folder, sources.
    pub(crate) fn needs_builds(&self, path: &str) -> bool {
        let read = files::text(&self.root.join(path), FILE_LIMIT, &files::from_disk);
        read.is_ok_and(|source| source.inner().lines().any(is_source))
    }

    /// The lines of a list of requirements that is for conda; nothing where it is a list of builds or of URLs.
    pub(crate) fn requirements(&self, path: &str) -> Option<Vec<String>> {
        let text = files::text(&self.root.join(path), FILE_LIMIT, &files::from_disk).ok()?;
        let lines = text.inner().lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let is_other = |line: &String| line.starts_with(['@', '-']) || line.contains("://");
        let is_build = |line: &String| !line.contains("==") && line.matches('=').count() == 2;
        (!lines.iter().any(|line| is_other(line) || is_build(line))).then_some(lines)
    }

    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.kind(path) == Some(Kind::File)
    }

    /// The names in a folder, sorted, but for those that begin with a dot; nothing where there are too many.
    pub(crate) fn names(&self, path: &str) -> Option<Vec<String>> {
        let items = self.root.join(path).read_dir().ok()?.filter_map(Result::ok);
        let names = items.filter_map(|item| item.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        (names.len() <= MOST_MATCHES).then_some(names)
    }

    /// The paths of the build's folder that one with `*` in its last part stands for, sorted; nothing where there are too many.
    pub(crate) fn matches(&self, pattern: &str) -> Option<Vec<String>> {
        let (folder, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
        // Several stars would be tried in all ways.
        if folder.contains(['*', '?', '[']) || name.contains(['?', '[']) || name.matches('*').count() > 2 {
            return None;
        }
        let mut found = Vec::new();
        for item in self.root.join(&self.context).join(folder).read_dir().ok()? {
            let item = item.ok()?.file_name();
            let Some(item) = item.to_str().filter(|item| is_match(item, name)) else { continue };
            found.push(if folder.is_empty() { item.to_owned() } else { format!("{folder}/{item}") });
        }
        found.sort();
        (found.len() <= MOST_MATCHES).then_some(found)
    }
}

/// Whether a line of a requirements file names what has to be built.
pub(crate) fn is_source(line: &str) -> bool {
    let line = line.split(" #").next().unwrap_or_default().trim();
    let is_archive = || {
        [".tar.gz", ".tar.bz2", ".zip", ".tgz"].iter().any(|end| line.contains(end))
            && line.contains(['/', ':'])
    };
    let is_option = line.starts_with("--") || line.starts_with('#');
    let is_folder = line.starts_with(['.', '/']) && !line.contains(".whl");
    !is_option && (line.contains("git+") || line.starts_with("-e ") || is_folder || is_archive())
}

/// Whether a name is one that a pattern with `*` stands for.
fn is_match(name: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return name == pattern };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).any(|at| rest.is_char_boundary(at) && is_match(&rest[at..], after))
}

/// The path of a file below a folder; nothing where it is not below, also by a link.
pub(crate) fn below(file: &Path, folder: &Path) -> Option<String> {
    let whole =
        |path: &Path| if path.as_os_str().is_empty() { Path::new(".") } else { path }.canonicalize().ok();
    let inside = whole(file.parent()?)?;
    let path = inside.strip_prefix(whole(folder)?).ok()?.join(file.file_name()?);
    imgbuild_folder::leads_out(folder, &path).is_none().then(|| path.to_str().map(str::to_owned))?
}

/// A path in its shortest form, without `.`; nothing where it leads out.
pub(crate) fn relative(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir | Component::RootDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::Prefix(_) => return None,
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// A path in the image, in its shortest form: relative ones are below `folder`.
pub(crate) fn absolute(folder: &str, path: &str) -> Option<String> {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    relative(&whole).map(|path| if path == "." { "/".to_owned() } else { format!("/{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_form() {
        assert_eq!(
            (relative("./a//b/../c/"), relative("."), relative("../a")),
            (Some("a/c".into()), Some(".".into()), None)
        );
        assert_eq!(
            (absolute("/app", "x/"), absolute("/app", "/y"), absolute("/", ".")),
            (Some("/app/x".into()), Some("/y".into()), Some("/".into()))
        );
    }

    #[test]
    fn stars_stand_for_any_characters() {
        assert!(is_match("requirements.txt", "req*.txt") && is_match("a", "*") && !is_match("a.py", "*.txt"));
    }

    #[test]
    fn what_is_no_wheel_is_known_by_its_line() {
        for line in ["a @ git+https://g.example/a", "-e .", "./a", "https://f.example/a-1.tar.gz", "/a/b # c"]
        {
            assert!(is_source(line), "{line}");
        }
        for line in [
            "a",
            "a==1 # git+x",
            "./a-1-py3-none-any.whl",
            "--find-links ./a",
            "# ./a",
            "a @ https://f.example/a-1-py3-none-any.whl",
        ] {
            assert!(!is_source(line), "{line}");
        }
    }
}
