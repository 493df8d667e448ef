//! Reading files of text, and the variables of the environment that these name, and nothing else.

use std::io::{self, Read as _};
use std::path::Path;

use crate::encoding::{self, EncodingError};
use crate::mistake::Mistake;
use crate::problem::Problem;
use crate::source::{Source, source};

/// Where files come from: the disk, or a test's own table. It hands over no more than `limit` bytes.
pub type Read<'a> = dyn Fn(&Path, usize) -> io::Result<Vec<u8>> + 'a;

/// What a variable of the environment is, where it is set: that of the process, or a test's own.
pub type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What files are read from.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Its files.
    pub read: &'a Read<'a>,
    /// Its variables.
    pub variables: &'a Variables<'a>,
}

/// A variable of this process.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads from the disk.
pub fn from_disk(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    imgbuild_folder::open_regular(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a file of text that has no more than `limit` bytes.
pub fn text(path: &Path, limit: usize, read: &Read<'_>) -> Result<Source, Problem> {
    let file = path.display().to_string();
    let bytes = read(path, limit + 1).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => error.to_string(),
        };
        Problem::new(Mistake::Unreadable { file: file.clone(), reason })
    })?;
    if bytes.len() > limit {
        return Err(Problem::new(Mistake::TooLarge { file, limit }));
    }
    // TOML is UTF-8, whatever its comments say.
    let declared = path.extension().is_none_or(|it| it != "toml");
    match encoding::text(bytes, declared) {
        Ok(text) => Ok(source(&file, text)),
        Err(EncodingError::Damaged(encoding)) => {
            let hint = (encoding == "UTF-8").then(|| not_utf_8(declared).to_owned());
            Err(Problem::new(Mistake::NotText { file, encoding }).hint_if_any(hint))
        }
        Err(EncodingError::Unknown(encoding)) => {
            let problem = Problem::new(Mistake::UnknownEncoding { file, encoding });
            Err(problem.hint("save it as UTF-8"))
        }
    }
}

fn not_utf_8(declared: bool) -> &'static str {
    if declared {
        "save it as UTF-8, or say what it is in a first line like `# -*- coding: latin-1 -*-`"
    } else {
        "save it as UTF-8"
    }
}
