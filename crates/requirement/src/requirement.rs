//! One requirement: by name, by URL, or by path.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use imgbuild_document::{Origin, ValueError, printable};
use imgbuild_secret::{SecretText, public};
use pep440_rs::Operator;

use crate::fault::Fault;
use crate::limits::REQUIREMENT_LIMIT;
use crate::marker::{self, Marker};
use crate::project::{PipUrl, ProjectName};
use crate::source::{PipRequirement, RequirementSource, SOURCES, file_of};
use crate::specifier::{self, DependencySpecifier, VersionsOrUrl};
use crate::{conda_build, nearly};

/// How many characters of one a message begins with.
const SHOWN: usize = 120;

/// What stands before the URL of a repository.
const OTHERS: [&str; 3] = ["hg+", "svn+", "bzr+"];

/// A requirement, and whether it can be only one version or one file.
#[derive(Debug, Clone)]
pub struct ListedRequirement {
    /// What it requires.
    pub requirement: PipRequirement,
    /// Whether it is held to one version or one file.
    pub pinned: bool,
}

/// Where and how a requirement is written.
pub(crate) struct Place<'a> {
    /// What its paths are relative to; itself relative to the spec's folder.
    pub(crate) folder: &'a Path,
    /// Whether it stands behind `-e`.
    pub(crate) editable: bool,
    pub(crate) origin: Origin,
}

/// Reads a requirement without options.
pub(crate) fn read(text: &str, place: &Place<'_>) -> Result<ListedRequirement, ValueError> {
    let text = text.trim();
    let error = |rule: String| {
        let shown = public(text);
        let shown = if printable(&shown) { shown } else { shown.escape_debug().to_string() };
        // All of it is shown at its place.
        let end = shown.char_indices().nth(SHOWN).map(|(at, _)| at);
        let shown = end.map_or_else(|| shown.clone(), |end| format!("{}…", &shown[..end]));
        ValueError::new(format!("`{shown}` is not a requirement: {rule}"))
    };
    if text.len() > REQUIREMENT_LIMIT {
        return Err(ValueError::new(format!("a requirement has more than {REQUIREMENT_LIMIT} bytes")));
    }
    if !printable(text) {
        return Err(error("it is empty or holds control characters".to_owned()));
    }
    let direct = is_direct(text) || place.editable && !text.contains(" @ ");
    let listed = if direct { unnamed(text, place) } else { named(text, place) };
    listed.map_err(|Fault { rule, hint }| {
        const USUAL: &str = "write it like `numpy >=1.26`, `name @ https://…` or `./folder`";
        // What is in a URL or a path is not mistyped as versions are.
        let meant = || nearly::meant(text).filter(|_| !direct && !text.contains("://"));
        let hint = hint.map(Cow::into_owned).or_else(meant);
        error(rule).hint(hint.unwrap_or_else(|| USUAL.to_owned()))
    })
}

impl Place<'_> {
    fn requirement(
        &self,
        name: Option<ProjectName>,
        text: String,
        source: RequirementSource,
        (extras, marker): (&[&str], Option<&Marker>),
    ) -> PipRequirement {
        PipRequirement {
            name,
            text: SecretText::new(text),
            source,
            extras: extras.iter().map(|&extra| extra.to_owned()).collect(),
            marker: marker.cloned(),
            hashes: Vec::new(),
            origin: self.origin.clone(),
        }
    }
}

fn fault<T>(rule: impl Into<String>, hint: &'static str) -> Result<T, Fault> {
    Err(Fault { rule: rule.into(), hint: Some(hint.into()) })
}

/// Whether it is a URL or a path without a name before it.
fn is_direct(text: &str) -> bool {
    let first = text.split([' ', '\t', '[', ';', '@']).next().unwrap_or_default();
    let file = SOURCES.iter().chain(&[".whl"]).any(|end| first.ends_with(end));
    let repository = OTHERS.iter().chain(&["git+"]).any(|kind| first.starts_with(kind));
    repository || first.starts_with(['.', '/']) || first.contains(['/', '\\', ':']) || file
}

fn named(text: &str, place: &Place<'_>) -> Result<ListedRequirement, Fault> {
    let DependencySpecifier { name, extras, wanted, marker } = specifier::read(text)?;
    let marker = checked(marker.as_ref())?;
    let (what, source, pinned) = match wanted {
        VersionsOrUrl::Versions { specifiers, text } => {
            let pins = |operator| matches!(operator, &Operator::Equal | &Operator::ExactEqual);
            let pinned = matches!(&specifiers[..], [only] if pins(only.operator()));
            (text, RequirementSource::Index, pinned)
        }
        VersionsOrUrl::Url(location) => {
            conda_build::refuse(name, location)?;
            let (text, source) = direct(location, place)?;
            (format!(" @ {text}"), source, true)
        }
    };
    let project = name.parse::<ProjectName>()?;
    let text = format!("{name}{}{what}{}", extras_text(&extras), marker_text(marker));
    let requirement = place.requirement(Some(project), text, source, (&extras, marker));
    Ok(ListedRequirement { requirement, pinned })
}

fn unnamed(text: &str, place: &Place<'_>) -> Result<ListedRequirement, Fault> {
    let (location, marker) = specifier::split_marker(text);
    let marker = marker.map(marker::read).transpose()?;
    let marker = checked(marker.as_ref())?;
    let (location, extras) = match location.strip_suffix(']').and_then(|_| location.rfind('[')) {
        Some(at) => (location[..at].trim_end(), specifier::extras(&location[at..])?.0),
        None => (location, Vec::new()),
    };
    let (text, source) = direct(location, place)?;
    let name = match &source {
        RequirementSource::Path { path, .. } => name_of(&path.to_string_lossy()),
        RequirementSource::Url(url) => egg(location).or_else(|| name_of(file_of(url.secret().whole()))),
        _ => egg(location),
    };
    let text = format!("{text}{}{}", extras_text(&extras), marker_text(marker));
    // `#egg=NAME[extra]&…`: pip takes them from there as well.
    let in_egg = egg_of(location).and_then(|egg| egg.find('[').map(|at| &egg[at..]));
    let in_egg = in_egg.map(specifier::extras).transpose()?.map(|found| found.0).unwrap_or_default();
    let all = [extras, in_egg].concat();
    let requirement = place.requirement(name, text, source, (&all, marker));
    Ok(ListedRequirement { requirement, pinned: true })
}

/// A marker that a spec may have.
fn checked(marker: Option<&Marker>) -> Result<Option<&Marker>, Fault> {
    let Some(marker) = marker else { return Ok(None) };
    marker::check(marker.condition())?;
    Ok(Some(marker))
}

fn extras_text(extras: &[&str]) -> String {
    if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) }
}

fn marker_text(marker: Option<&Marker>) -> String {
    marker.map(|marker| format!(" ; {}", marker.as_str())).unwrap_or_default()
}

/// A URL or a path: as it is written, or for a path as it is seen from the spec's folder.
fn direct(location: &str, place: &Place<'_>) -> Result<(String, RequirementSource), Fault> {
    if let Some(kind) = OTHERS.iter().find(|kind| location.starts_with(*kind)) {
        return fault(format!("`{kind}` is not known"), "of repositories, only those of git can be named");
    }
    if let Some(repository) = location.strip_prefix("git+") {
        return Ok((location.to_owned(), git(repository)?));
    }
    let scheme = location.split_once(':').map(|(scheme, _)| scheme);
    match scheme.filter(|it| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))) {
        None => local(location, place),
        Some("file") if !location.starts_with("file://") => local(&location["file:".len()..], place),
        Some("file") => {
            let url = url::Url::parse(location).ok().filter(|_| location.starts_with("file:///"));
            match url.and_then(|url| url.to_file_path().ok()) {
                Some(path) => {
                    Ok((location.to_owned(), RequirementSource::Path { path, editable: place.editable }))
                }
                None => fault("a file's URL begins with `file:///`", "write its path, as `./folder`"),
            }
        }
        Some(_) => {
            without_query(location)?;
            let url = PipUrl::read(location, &["https", "http"])?;
            let file = file_of(url.secret().whole());
            if !SOURCES.iter().chain(&[".whl"]).any(|end| file.ends_with(end)) {
                return fault(
                    "its URL names neither a wheel nor an archive of sources",
                    "it must end in `.whl`, `.tar.gz` or `.zip`; a repository is written as `git+https://…`",
                );
            }
            Ok((location.to_owned(), RequirementSource::Url(url)))
        }
    }
}

/// The lock keeps where a file is, and a query is often what opens the door.
fn without_query(url: &str) -> Result<(), Fault> {
    if !url.split('#').next().unwrap_or_default().contains('?') {
        return Ok(());
    }
    fault(
        "its URL has a query, which may be a secret and would be locked",
        "name it without one; user and password can stand before the host or in `~/.netrc`",
    )
}

fn git(location: &str) -> Result<RequirementSource, Fault> {
    let written = of_host(location);
    let location = written.as_deref().unwrap_or(location);
    if !location.contains("://") {
        return fault(
            "`git+` must be followed by a URL",
            "write it like `git+https://host/path` or `git+ssh://git@host/path`",
        );
    }
    let (location, fragment) = match location.split_once('#') {
        Some((location, fragment)) => (location, fragment),
        None => (location, ""),
    };
    let fields = fragment.split('&').filter_map(|field| field.split_once('='));
    let subdirectory =
        fields.filter(|(key, _)| *key == "subdirectory").map(|(_, value)| value.to_owned()).next();
    // An `@` before the first slash of the path parts the user from the host.
    let authority = location.find("://").map_or(0, |at| at + "://".len());
    let path = location[authority..].find('/').map_or(location.len(), |at| authority + at);
    let (url, revision) = match location[path..].rfind('@') {
        Some(at) => (&location[..path + at], Some(location[path + at + 1..].to_owned())),
        None => (location, None),
    };
    if revision.as_deref().is_some_and(|it| it.is_empty() || it.starts_with('-')) {
        return fault(
            "what is behind its `@` is no revision",
            "name a branch, a tag or a commit behind the `@`",
        );
    }
    without_query(url)?;
    if let Some((host, path)) =
        url.strip_prefix("ssh://").and_then(|it| it.split('/').next()?.rsplit_once(':'))
        && !path.is_empty()
        && !path.bytes().all(|byte| byte.is_ascii_digit())
    {
        let host = public(&format!("ssh://{host}"));
        return fault(
            format!("what is behind the `:` of `{host}` is no port"),
            "write `ssh://git@host/path`, with a slash behind the host",
        );
    }
    let url = PipUrl::read(url, &["https", "http", "ssh", "file"])?;
    Ok(RequirementSource::Git { url, revision, subdirectory })
}

/// `user@host:path`, as git takes it and older versions of pip have written it, as a URL.
fn of_host(location: &str) -> Option<String> {
    let (host, path) = location.split_once(':').filter(|_| !location.contains("://"))?;
    let (user, name) = host.split_once('@')?;
    let word = |text: &str| !text.is_empty() && !text.contains(['/', '#', '[', ' ']);
    let path = path.trim_start_matches('/');
    (word(user) && word(name) && !path.is_empty()).then(|| format!("ssh://{host}/{path}"))
}

fn local(location: &str, place: &Place<'_>) -> Result<(String, RequirementSource), Fault> {
    if location.contains('\\') || location.starts_with('~') {
        return fault("a path has slashes, and no `~`", "write it like `./folder` or `/home/me/folder`");
    }
    let path = relative(place.folder, location);
    let mut text = path.to_string_lossy().into_owned();
    // Without it, a name alone would be one of the index.
    if !path.is_absolute() && !path.starts_with("..") {
        text = if text == "." { text } else { format!("./{text}") };
    }
    Ok((text, RequirementSource::Path { path, editable: place.editable }))
}

/// `path` beside `folder`, without `.` in it.
pub fn relative(folder: &Path, path: &str) -> PathBuf {
    let joined = folder.join(path);
    let kept: PathBuf = joined.components().filter(|part| *part != Component::CurDir).collect();
    if kept.as_os_str().is_empty() { PathBuf::from(".") } else { kept }
}

/// The project that a file is of, where its name says it.
fn name_of(file: &str) -> Option<ProjectName> {
    let wheel = file.rsplit('/').next()?.strip_suffix(".whl")?;
    wheel.split('-').next()?.parse().ok()
}

/// `#egg=NAME`: how projects were named before `NAME @`.
fn egg(location: &str) -> Option<ProjectName> {
    egg_of(location)?.split('[').next()?.parse().ok()
}

fn egg_of(location: &str) -> Option<&str> {
    let (_, fragment) = location.split_once('#')?;
    fragment.split('&').find_map(|field| field.strip_prefix("egg="))
}
