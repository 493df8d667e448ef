//! Running programs.

use std::process::{Command, Stdio};

use super::error::DistError;

/// Runs a command that says by itself what is wrong; what it prints is told as messages are.
pub(super) fn run(command: &mut Command) -> Result<(), DistError> {
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    if command.status()?.success() { Ok(()) } else { Err(DistError::of(command)) }
}

/// What a command prints.
pub(super) fn output(command: &mut Command) -> Result<Vec<u8>, DistError> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(DistError::of(command)) }
}

/// What a command prints, as a text without its end.
pub(super) fn text(command: &mut Command) -> Result<String, DistError> {
    Ok(String::from_utf8_lossy(&output(command)?).trim_end().to_owned())
}

/// Runs a command whose words are shown where it fails only.
pub(super) fn quiet(command: &mut Command) -> Result<(), DistError> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    for said in [output.stdout, output.stderr] {
        eprint!("{}", String::from_utf8_lossy(&said));
    }
    Err(DistError::of(command))
}
