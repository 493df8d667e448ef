//! The options of requirements files (pip, "Requirements File Format").

use imgbuild_document::{ValueError, suggest};

use crate::lines::{option, words};

/// What an option stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionKind {
    Requirement,
    Constraint,
    Editable,
    Index,
    ExtraIndex,
    NoIndex,
    FindLinks,
    Prereleases,
    RequireHashes,
    /// `--only-binary`: only wheels are taken anyway, where the spec does not allow to build.
    OnlyWheels,
    /// It asks for what is done anyway.
    Usual,
    /// Its project is to be built, though there may be a wheel.
    NoWheels,
    TrustedHost,
    /// It is about pip itself.
    OfPip,
    /// pip has it no longer.
    Removed,
}

/// The spellings of an option, whether it has a value, and what it stands for.
type Row = (&'static [&'static str], bool, OptionKind);

const KNOWN: [Row; 19] = [
    (&["--requirement", "-r"], true, OptionKind::Requirement),
    (&["--constraint", "-c"], true, OptionKind::Constraint),
    (&["--editable", "-e"], true, OptionKind::Editable),
    (&["--index-url", "-i", "--pypi-url"], true, OptionKind::Index),
    (&["--extra-index-url"], true, OptionKind::ExtraIndex),
    (&["--no-index"], false, OptionKind::NoIndex),
    (&["--find-links", "-f"], true, OptionKind::FindLinks),
    (&["--pre"], false, OptionKind::Prereleases),
    (&["--require-hashes"], false, OptionKind::RequireHashes),
    (&["--only-binary"], true, OptionKind::OnlyWheels),
    (&["--prefer-binary"], false, OptionKind::Usual),
    (&["--no-binary"], true, OptionKind::NoWheels),
    (&["--trusted-host"], true, OptionKind::TrustedHost),
    (&["--use-feature"], true, OptionKind::OfPip),
    (&["--process-dependency-links"], false, OptionKind::Removed),
    (&["--allow-external", "--allow-unverified"], true, OptionKind::Removed),
    (&["--allow-all-external"], false, OptionKind::Removed),
    (&["--use-wheel"], false, OptionKind::Usual),
    (&["--always-unzip", "-Z"], false, OptionKind::Removed),
];

impl OptionKind {
    /// What to write in the spec instead.
    pub(crate) fn key(self) -> Option<&'static str> {
        match self {
            Self::Requirement => Some("name the file by `[pip] requirements`"),
            Self::Constraint => Some("name the file by `[pip] constraints`"),
            Self::Index => Some("write `[pip] index-url`"),
            Self::ExtraIndex => Some("write `[pip] extra-index-urls`"),
            Self::OnlyWheels | Self::Usual => Some("remove it: only wheels are taken anyway"),
            Self::TrustedHost | Self::OfPip | Self::Removed => Some("remove it: it does nothing here"),
            _ => None,
        }
    }
}

/// The option of a name; a long one may be cut where it stays the only one, as pip has it.
fn row(name: &str) -> Result<&'static Row, ValueError> {
    if let Some(exact) = KNOWN.iter().find(|row| row.0.contains(&name)) {
        return Ok(exact);
    }
    let begins = |row: &&Row| row.0.iter().any(|known| known.starts_with(name));
    let long = name.len() > "--".len() && name.starts_with("--");
    let mut found = KNOWN.iter().filter(|_| long).filter(begins);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(unknown(name)),
    }
}

/// One option of a line: as it is written, what it stands for, and its value, which is empty where it has none.
pub(crate) struct LineOption {
    pub(crate) name: String,
    pub(crate) known: OptionKind,
    pub(crate) value: String,
}

/// The options of a line.
pub(crate) fn read(line: &str) -> Result<Vec<LineOption>, ValueError> {
    let mut given = Vec::new();
    let mut words = words(line)?.into_iter();
    while let Some(word) = words.next() {
        let (name, attached) = option(&word);
        if !word.starts_with('-') {
            let word = imgbuild_secret::public(&word);
            let error = ValueError::new(format!("`{word}` stands behind an option, and belongs to none"));
            return Err(error.hint("pip passes it over: write it into a line of its own, or remove it"));
        }
        let (_, has_value, known) = *row(name)?;
        let value = match (attached, has_value) {
            (Some(value), true) => value.to_owned(),
            (None, true) => {
                words.next().ok_or_else(|| ValueError::new(format!("there is nothing behind `{name}`")))?
            }
            (None, false) => String::new(),
            (Some(_), false) => return Err(ValueError::new(format!("`{name}` has no value"))),
        };
        given.push(LineOption { name: name.to_owned(), known, value });
    }
    Ok(given)
}

/// What stands behind `-e`, and the options behind that. What is named may have a marker, and spaces in quotes.
pub(crate) fn editable(line: &str) -> Option<(&str, &str)> {
    let behind = line.strip_prefix("--editable").or_else(|| line.strip_prefix("-e"))?;
    let project = behind.strip_prefix('=').unwrap_or(behind).trim();
    for quote in ['"', '\''] {
        if let Some((inside, rest)) = project.strip_prefix(quote).and_then(|it| it.split_once(quote)) {
            return (!inside.is_empty()).then_some((inside, rest.trim()));
        }
    }
    let (project, options) = super::lines::split_options(project);
    (!project.is_empty()).then_some((project, options))
}

/// The options that stand behind a requirement.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct RequirementOptions {
    /// Hashes of the files that may be taken.
    pub(crate) hashes: Vec<imgbuild_oci::Digest>,
    /// An option that says how the project is built.
    pub(crate) building: Option<String>,
}

/// Options that say how a project is built.
const BUILDING: [&str; 6] =
    ["--config-settings", "--config-setting", "-C", "--global-option", "--build-option", "--install-option"];

/// Reads what stands behind a requirement.
pub(crate) fn behind(text: &str) -> Result<RequirementOptions, ValueError> {
    let mut behind = RequirementOptions::default();
    let mut others = Vec::new();
    let mut words = words(text)?.into_iter();
    while let Some(word) = words.next() {
        let (name, attached) = option(&word);
        let is_building = BUILDING.contains(&name);
        if name != "--hash" && !is_building {
            row(name)?;
            return Err(ValueError::new(format!("`{name}` stands behind a requirement"))
                .hint("write it into a line of its own"));
        }
        let value = attached.map(str::to_owned).or_else(|| words.next());
        let value = value.ok_or_else(|| ValueError::new(format!("there is nothing behind `{name}`")))?;
        if is_building {
            behind.building.get_or_insert_with(|| name.to_owned());
            continue;
        }
        let wrong = || {
            ValueError::new(format!("`{}` is not a hash", value.escape_debug()))
                .hint("write it like `--hash=sha256:…`, with 64 hexadecimal digits")
        };
        match value.split_once(':').ok_or_else(wrong)? {
            ("sha256", digits) => {
                let digest = imgbuild_oci::Digest::from_hex(&digits.to_ascii_lowercase());
                behind.hashes.push(digest.map_err(|_| wrong())?);
            }
            (other @ ("sha384" | "sha512" | "md5"), _) => others.push(other.to_owned()),
            _ => return Err(wrong()),
        }
    }
    // Hashes are alternatives: one of a kind that is not checked here may go where a sha256 stays.
    match others.first().filter(|_| behind.hashes.is_empty()) {
        Some(other) => Err(ValueError::new(format!("its hashes are {other}, and none is a sha256"))
            .hint("wheels are locked by their sha256: write the file anew with such hashes")),
        None => Ok(behind),
    }
}

/// The error for an option that does not work here.
fn unknown(name: &str) -> ValueError {
    let hint = match name {
        "--hash" => "it stands behind the requirement that it is about".to_owned(),
        name if BUILDING.contains(&name) => {
            "it stands behind the requirement that it is about; projects are built without settings"
                .to_owned()
        }
        _ => {
            let current =
                KNOWN.iter().filter(|row| row.2 != OptionKind::Removed && row.0[0] != "--use-wheel");
            let known: Vec<String> = current.map(|row| row.0[0].to_owned()).collect();
            suggest::for_value(name, &known)
        }
    };
    ValueError::new(format!("the option `{name}` does not work here")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_options_may_be_cut_where_they_stay_alone() {
        for (name, known) in [
            ("--index", OptionKind::Index),
            ("--extra", OptionKind::ExtraIndex),
            ("--find", OptionKind::FindLinks),
            ("--pre", OptionKind::Prereleases),
            ("--requirem", OptionKind::Requirement),
            ("-f", OptionKind::FindLinks),
            ("-Z", OptionKind::Removed),
        ] {
            assert_eq!(row(name).unwrap().2, known, "{name}");
        }
        for name in ["--require", "--no", "--", "-", "-x", "", "--indexx", "index"] {
            assert!(row(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_editable_may_have_spaces_and_options() {
        for (line, expected) in [
            ("-e .", Some((".", ""))),
            ("-e.", Some((".", ""))),
            ("--editable=.[dev] ; python_version > '3'", Some((".[dev] ; python_version > '3'", ""))),
            ("-e 'my -folder' --config-settings a=b", Some(("my -folder", "--config-settings a=b"))),
            ("-e ./my-project --global-option x", Some(("./my-project", "--global-option x"))),
            ("-e", None),
            ("-e ''", None),
            ("--pre", None),
        ] {
            assert_eq!(editable(line), expected, "{line}");
        }
    }
}
