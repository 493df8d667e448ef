//! Files that nobody copies into an image but by accident.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a file is looked at to see whether it is a private key.
const KEY_HEAD: u64 = 4096;

/// What makes a file a secret, where it is one.
///
/// # Errors
///
/// When it cannot be read.
pub fn secret(path: &Path) -> std::io::Result<Option<&'static str>> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name == ".env" || name.starts_with(".env.") && !name.ends_with(".example") {
        return Ok(Some("is a file of environment variables"));
    }
    let mut head = Vec::new();
    File::open(path)?.take(KEY_HEAD).read_to_end(&mut head)?;
    let text = String::from_utf8_lossy(&head);
    let key = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY"));
    Ok(key.then_some("is a private key"))
}
