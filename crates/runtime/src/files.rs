//! The files that imgbuild adds so that shells find the environment.

use std::collections::BTreeMap;

use layer::{Content, Files, ImagePath, Owner, PartId, PathError, Role};

use crate::Variables;
use crate::start::ACTIVATE;

/// Runs a command in the activated environment.
const ACTIVATE_SCRIPT: &str = "#!/bin/bash
# Made by imgbuild: does what the environment's activation scripts do, then becomes the command.
for script in \"$CONDA_PREFIX\"/etc/conda/activate.d/*.sh; do
    [ -r \"$script\" ] && . \"$script\"
done
exec \"$@\"
";

/// A login shell does not inherit the image's variables over SSH, and Debian's `/etc/profile` sets `PATH` anew.
const PROFILE: &str = "etc/profile.d/imgbuild.sh";

/// The files of a base with these variables: nothing where no shell would miss anything. `place` says where a file must be
/// written to be found at a path.
///
/// # Errors
///
/// When one of them has no place.
pub fn runtime_files<E: From<PathError>>(
    variables: &Variables,
    timestamp: i64,
    place: impl Fn(&ImagePath) -> Result<ImagePath, E>,
) -> Result<Option<Files>, E> {
    if !["CONDA_PREFIX", "VIRTUAL_ENV"].iter().any(|it| variables.values.contains_key(*it)) {
        return Ok(None);
    }
    let mut contents = BTreeMap::new();
    let file = |text: String, mode| Content::File { bytes: text.into_bytes(), mode };
    contents.insert(place(&ImagePath::new(PROFILE)?)?, file(profile(variables), 0o644));
    if !variables.dynamic.is_empty() {
        contents
            .insert(place(&ImagePath::from_absolute(ACTIVATE)?)?, file(ACTIVATE_SCRIPT.to_owned(), 0o755));
    }
    let id = PartId::new("imgbuild", "shells");
    Ok(Some(Files::new(
        id,
        "shell start-up files".to_owned(),
        Role::Metadata,
        None,
        contents,
        Owner::ROOT,
        timestamp,
    )))
}

fn is_shell_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(word)
}

fn profile(variables: &Variables) -> String {
    let mut text = "# Made by imgbuild: the image's variables, for login shells.\n".to_owned();
    // Images that others made may have variables that no shell can set.
    for (name, value) in variables.values.iter().filter(|(name, _)| is_shell_name(name)) {
        // A quote inside a quoted word: close, escape, open again.
        text.push_str(&format!("export {name}='{}'\n", value.replace('\'', "'\\''")));
    }
    if !variables.dynamic.is_empty() {
        text.push_str("for script in \"$CONDA_PREFIX\"/etc/conda/activate.d/*.sh; do\n");
        text.push_str("    [ -r \"$script\" ] && . \"$script\"\ndone\nunset script\n");
    }
    text
}
