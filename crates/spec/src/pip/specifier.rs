//! The form of a requirement by name (PyPA, "Dependency specifiers", PEP 508): `name[extras] versions ; marker`, or
//! `name[extras] @ URL ; marker`.

use std::str::FromStr as _;

use pep440_rs::{Operator, VersionSpecifier};

use super::marker;

/// A requirement by name, in its parts.
#[derive(Debug)]
pub(super) struct Specifier<'a> {
    pub(super) name: &'a str,
    pub(super) extras: Vec<&'a str>,
    pub(super) what: What<'a>,
    pub(super) marker: Option<&'a str>,
}

/// What is asked for of a project.
#[derive(Debug)]
pub(super) enum What<'a> {
    /// Versions without spaces, which may be none; and whether they are one version.
    Versions(String, bool),
    /// A URL or a path, not yet checked.
    Direct(&'a str),
}

/// Reads a requirement by name. The error says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Specifier<'_>, String> {
    let (name, rest) = name(text)?;
    let (extras, rest) = extras(rest)?;
    if let Some(direct) = rest.strip_prefix('@') {
        let (direct, rest) = split_marker(direct.trim_start());
        if direct.is_empty() {
            return Err("there is nothing behind its `@`".to_owned());
        }
        return Ok(Specifier { name, extras, what: What::Direct(direct), marker: checked(rest)? });
    }
    let (versions, rest) = match rest.split_once(';') {
        Some((versions, marker)) => (versions, Some(marker)),
        None => (rest, None),
    };
    Ok(Specifier { name, extras, what: self::versions(versions)?, marker: checked(rest)? })
}

/// A URL or path, and the marker behind it. A URL may hold `;` itself: one with a space beside it parts the two.
pub(super) fn split_marker(text: &str) -> (&str, Option<&str>) {
    let space = |it: Option<char>| it.is_none_or(char::is_whitespace);
    let parting = |(at, _): &(usize, &str)| {
        space(text[..*at].chars().next_back()) || space(text[at + 1..].chars().next())
    };
    match text.match_indices(';').find(parting) {
        Some((at, _)) => (text[..at].trim_end(), Some(&text[at + 1..])),
        None => (text.trim_end(), None),
    }
}

/// A marker that is one.
pub(super) fn checked(marker: Option<&str>) -> Result<Option<&str>, String> {
    let Some(marker) = marker.map(str::trim) else { return Ok(None) };
    marker::check(marker).map(|()| Some(marker))
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
pub(super) fn extras(text: &str) -> Result<(Vec<&str>, &str), String> {
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

fn versions<'a>(text: &str) -> Result<What<'a>, String> {
    let text = text.trim();
    let inside = text.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(text).trim();
    if inside.is_empty() {
        return Ok(What::Versions(String::new(), false));
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
        let parsed = VersionSpecifier::from_str(&format!("{operator}{}", version.trim_start()));
        parsed
            .map(|it| (format!("{operator}{}", version.trim_start()), *it.operator()))
            .map_err(|_| format!("`{one}` is not a comparison with a version"))
    };
    // uv and pip take a comma at the end.
    let parts =
        inside.strip_suffix(',').unwrap_or(inside).split(',').map(one).collect::<Result<Vec<_>, _>>()?;
    let pinned = matches!(parts.as_slice(), [(_, Operator::Equal | Operator::ExactEqual)]);
    let parts: Vec<String> = parts.into_iter().map(|(text, _)| text).collect();
    Ok(What::Versions(parts.join(","), pinned))
}
