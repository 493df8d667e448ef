//! The form of a requirement by name (PyPA, "Dependency specifiers", PEP 508): `name[extras] versions ; marker`, or
//! `name[extras] @ URL ; marker`.

use std::str::FromStr as _;

use imgbuild_document::ValueError;
use pep440_rs::{VersionSpecifier, VersionSpecifiers};

use crate::limits::REQUIREMENT_LIMIT;
use crate::marker::{self, Marker};

/// A requirement by name, in its parts: what uv and pip read, in specs and in the metadata of packages.
#[derive(Debug, Clone)]
pub struct DependencySpecifier<'a> {
    /// The project, as it is written.
    pub name: &'a str,
    /// The extras that are asked for, as they are written.
    pub extras: Vec<&'a str>,
    /// What is asked for of the project.
    pub wanted: VersionsOrUrl<'a>,
    /// The condition under which it counts.
    pub marker: Option<Marker>,
}

/// What is asked for of a project.
#[derive(Debug, Clone)]
pub enum VersionsOrUrl<'a> {
    /// Versions; without comparisons, every one.
    Versions {
        /// The comparisons.
        specifiers: VersionSpecifiers,
        /// The same as they are written, without spaces.
        text: String,
    },
    /// A URL or a path, not yet checked.
    Url(&'a str),
}

impl<'a> DependencySpecifier<'a> {
    /// Reads a requirement by name.
    ///
    /// # Errors
    ///
    /// When it is none, or has more than 16 KiB. The error says what is wrong with it.
    pub fn read(text: &'a str) -> Result<Self, ValueError> {
        read(text).map_err(ValueError::new)
    }
}

/// Reads a requirement by name. The error says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<DependencySpecifier<'_>, String> {
    if text.len() > REQUIREMENT_LIMIT {
        return Err(format!("it has more than {REQUIREMENT_LIMIT} bytes"));
    }
    let (name, rest) = name(text.trim())?;
    let (extras, rest) = extras(rest)?;
    if let Some(direct) = rest.strip_prefix('@') {
        let (direct, rest) = split_marker(direct.trim_start());
        if direct.is_empty() {
            return Err("there is nothing behind its `@`".to_owned());
        }
        let marker = rest.map(marker::read).transpose()?;
        return Ok(DependencySpecifier { name, extras, wanted: VersionsOrUrl::Url(direct), marker });
    }
    let (versions, rest) = match rest.split_once(';') {
        Some((versions, marker)) => (versions, Some(marker)),
        None => (rest, None),
    };
    let wanted = self::versions(versions)?;
    Ok(DependencySpecifier { name, extras, wanted, marker: rest.map(marker::read).transpose()? })
}

/// A URL or path, and the marker behind it. A URL may hold `;` itself: one with a space beside it parts the two.
pub(crate) fn split_marker(text: &str) -> (&str, Option<&str>) {
    let space = |it: Option<char>| it.is_none_or(char::is_whitespace);
    let parting = |(at, _): &(usize, &str)| {
        space(text[..*at].chars().next_back()) || space(text[at + 1..].chars().next())
    };
    match text.match_indices(';').find(parting) {
        Some((at, _)) => (text[..at].trim_end(), Some(&text[at + 1..])),
        None => (text.trim_end(), None),
    }
}

fn name(text: &str) -> Result<(&str, &str), String> {
    let known = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    let end = text.find(|it: char| !known(it)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Err("it does not begin with a name".to_owned());
    }
    if !name.starts_with(|it: char| it.is_ascii_alphanumeric())
        || !name.ends_with(|it: char| it.is_ascii_alphanumeric())
    {
        return Err(format!("the name `{name}` must begin and end with a letter or digit"));
    }
    Ok((name, rest.trim_start()))
}

/// `[a, b]`, where it is there.
pub(crate) fn extras(text: &str) -> Result<(Vec<&str>, &str), String> {
    let Some(inside) = text.strip_prefix('[') else { return Ok((Vec::new(), text)) };
    let (inside, rest) = inside.split_once(']').ok_or("a `[` without its partner")?;
    let mut extras = Vec::new();
    for extra in inside.split(',').map(str::trim).filter(|_| !inside.trim().is_empty()) {
        match name(extra) {
            Ok((name, "")) => extras.push(name),
            _ => return Err(format!("`{extra}` is not the name of an extra")),
        }
    }
    Ok((extras, rest.trim_start()))
}

fn versions<'a>(text: &str) -> Result<VersionsOrUrl<'a>, String> {
    let text = text.trim();
    let inside = text.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(text).trim();
    if inside.is_empty() {
        return Ok(VersionsOrUrl::Versions { specifiers: VersionSpecifiers::empty(), text: String::new() });
    }
    let one = |one: &str| {
        let one = one.trim();
        if one.is_empty() {
            return Err("there is nothing beside a `,`".to_owned());
        }
        let version = one.trim_start_matches(['=', '<', '>', '!', '~']);
        if version.len() == one.len() {
            return Err(format!(
                "`{one}` is no comparison: write `>=`, `==` or another one before a version"
            ));
        }
        let operator = &one[..one.len() - version.len()];
        let text = format!("{operator}{}", version.trim_start());
        match VersionSpecifier::from_str(&text) {
            Ok(specifier) => Ok((text, specifier)),
            Err(_) => Err(format!("`{one}` is not a comparison with a version")),
        }
    };
    // uv and pip take a comma at the end.
    let parts =
        inside.strip_suffix(',').unwrap_or(inside).split(',').map(one).collect::<Result<Vec<_>, _>>()?;
    let (texts, specifiers): (Vec<String>, Vec<VersionSpecifier>) = parts.into_iter().unzip();
    Ok(VersionsOrUrl::Versions { specifiers: specifiers.into_iter().collect(), text: texts.join(",") })
}
