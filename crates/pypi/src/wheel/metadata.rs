//! The two files of headers in a wheel: `METADATA` about the project, `WHEEL` about the archive.

use crate::wheel::headers::Headers;
use crate::wheel::wheel_error::WheelError;

/// What `METADATA` says, as far as anything depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The project's name, as it is written.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The versions of Python that it is for.
    pub requires_python: Option<String>,
    /// What it requires, with markers.
    pub requires_dist: Vec<String>,
    /// Its extras.
    pub extras: Vec<String>,
    /// Its licence: an expression of SPDX, or the name of one.
    pub licence: Option<String>,
    /// Who made it, such as `A <a@b.example>`.
    pub author: Option<String>,
}

/// The names of licences in classifiers begin so.
const CLASSIFIER: &str = "License :: ";
/// The most bytes of a `License` that is the name of one; longer ones are texts of licences.
const LONGEST_NAME: usize = 120;
/// The most bytes of an expression, of all classifiers, or of an author that are kept: what is longer is none.
const LONGEST_SAID: usize = 4 << 10;

impl Metadata {
    /// Reads a `METADATA`.
    ///
    /// # Errors
    ///
    /// When it does not have one name and one version.
    pub(crate) fn read(headers: &Headers) -> Result<Self, WheelError> {
        let one = |header| {
            let mut values = headers.all(header);
            let wrong = |count| Err(WheelError::Header { file: "METADATA", count, header });
            match (values.next(), values.next()) {
                (Some(value), None) if !value.is_empty() => Ok(value.to_owned()),
                (_, Some(_)) => wrong("more than one"),
                _ => wrong("no"),
            }
        };
        let all = |header| headers.all(header).map(str::to_owned).collect();
        Ok(Self {
            name: one("Name")?,
            version: one("Version")?,
            requires_python: headers.first("Requires-Python").map(str::to_owned),
            requires_dist: all("Requires-Dist"),
            extras: all("Provides-Extra"),
            licence: licence(headers),
            author: author(headers),
        })
    }
}

/// The value of a header that says something.
fn said<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let says = |it: &&str| !it.is_empty() && *it != "UNKNOWN" && it.len() <= LONGEST_SAID;
    headers.first(name).map(str::trim).filter(says)
}

/// The licence of a distribution: its expression, else the name of its licence, else what its classifiers say.
///
/// Locks are held against this, as against [`author`], and it has to say the same of the same metadata for ever: who changes it adds a
/// format version.
pub fn licence(headers: &Headers) -> Option<String> {
    if let Some(expression) = said(headers, "License-Expression") {
        return Some(expression.to_owned());
    }
    let named = said(headers, "License").filter(|it| !it.contains('\n') && it.len() <= LONGEST_NAME);
    let classified = || {
        let all = headers.all("Classifier").filter_map(|it| it.strip_prefix(CLASSIFIER));
        let names = all.filter_map(|it| it.rsplit(" :: ").next()).filter(|it| *it != "OSI Approved");
        let names: Vec<&str> = names.collect();
        Some(names.join(" AND ")).filter(|it| !it.is_empty() && it.len() <= LONGEST_SAID)
    };
    named.map(str::to_owned).or_else(classified)
}

/// Who made a distribution.
pub fn author(headers: &Headers) -> Option<String> {
    let name = said(headers, "Author").or_else(|| said(headers, "Maintainer"));
    let mail = said(headers, "Author-email").or_else(|| said(headers, "Maintainer-email"));
    match (name, mail) {
        (Some(name), Some(mail)) if !mail.contains('<') => Some(format!("{name} <{mail}>")),
        (_, Some(mail)) => Some(mail.to_owned()),
        (name, None) => name.map(str::to_owned),
    }
}

/// Checks that a `WHEEL` is about an archive of the first major version.
///
/// # Errors
///
/// When it is about another one.
pub(crate) fn check_format(wheel: &Headers) -> Result<(), WheelError> {
    // Some wheels have the header twice; the first one counts, as for pip.
    let version = wheel.first("Wheel-Version");
    let version =
        version.ok_or(WheelError::Header { file: "WHEEL", count: "no", header: "Wheel-Version" })?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    if major == "1" && !minor.is_empty() && minor.bytes().all(|it| it.is_ascii_digit()) {
        return Ok(());
    }
    Err(WheelError::Format(version.to_owned()))
}
