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
}

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
        })
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
