//! conda's explicit list: what `conda list --explicit` writes, and what is installed without solving.

use std::fmt;
use std::ops::Range;

use oci::{Digest, Platform};
use serde::{Serialize, Serializer};

use crate::error::{Mistake, Problem};
use crate::source::{Origin, Source};

pub(super) const MARK: &str = "@EXPLICIT";

/// An explicit list: every archive of the environment, by URL.
#[derive(Debug, Clone)]
pub struct ExplicitList {
    /// The platform of the line `# platform: linux-64`, where there is one.
    pub platform: Option<Platform>,
    /// The archives, in the order of the list.
    pub entries: Vec<ExplicitEntry>,
    /// Where the list begins.
    pub origin: Origin,
}

/// One archive of an explicit list.
#[derive(Debug, Clone)]
pub struct ExplicitEntry {
    /// Where it is.
    pub url: ArchiveUrl,
    /// The hash after `#`, where there is one.
    pub hash: Option<ArchiveHash>,
    /// The line.
    pub origin: Origin,
}

/// The URL of a conda archive: `https://`, `http://` or `file://`, and a name that ends in `.conda` or `.tar.bz2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveUrl(url::Url);

impl ArchiveUrl {
    /// The URL.
    pub fn as_url(&self) -> &url::Url {
        &self.0
    }
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The hash of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArchiveHash {
    /// An MD5: the only one that older conda writes. It finds an archive, but it does not prove one.
    Md5([u8; 16]),
    /// A sha256.
    Sha256(Digest),
}

impl fmt::Display for ArchiveHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(bytes) => {
                f.write_str("md5:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Sha256(digest) => digest.fmt(f),
        }
    }
}

impl Serialize for ArchiveHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn read(source: &Source) -> Result<ExplicitList, Vec<Problem>> {
    let mut list =
        ExplicitList { platform: None, entries: Vec::new(), origin: Origin::new(source, 0..0, "") };
    let mut problems = Vec::new();
    let mut start = 0;
    for raw in source.inner().split_inclusive('\n') {
        let line = raw.trim();
        let begin = start + (raw.len() - raw.trim_start().len());
        let span = begin..begin + line.len();
        start += raw.len();
        if line == MARK {
            list.origin = Origin::new(source, span, MARK);
        } else if let Some(comment) = line.strip_prefix('#') {
            match comment.trim().strip_prefix("platform:").map(str::trim) {
                None => {}
                Some("linux-64") => list.platform = Some(Platform::LinuxAmd64),
                Some("linux-aarch64") => list.platform = Some(Platform::LinuxArm64),
                Some(other) => {
                    let message = format!("`{other}` is not a platform that images can be built for");
                    problems
                        .push(problem(source, span, message).hint("it can be `linux-64`, `linux-aarch64`"));
                }
            }
        } else if !line.is_empty() {
            match entry(line) {
                Ok((url, hash)) => {
                    let key = format!("{MARK}[{}]", list.entries.len());
                    list.entries.push(ExplicitEntry { url, hash, origin: Origin::new(source, span, key) });
                }
                Err(message) => problems.push(problem(source, span, message)),
            }
        }
    }
    if problems.is_empty() { Ok(list) } else { Err(problems) }
}

fn problem(source: &Source, span: Range<usize>, message: String) -> Problem {
    Problem::new(Mistake::Explicit { message }).at(source, span, "here")
}

fn entry(line: &str) -> Result<(ArchiveUrl, Option<ArchiveHash>), String> {
    let (text, hash) = match line.split_once('#') {
        Some((text, hash)) => (text, Some(hash)),
        None => (line, None),
    };
    let url = url::Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return Err(format!("`{}` is no scheme that packages are fetched by", url.scheme()));
    }
    if !url.path().ends_with(".conda") && !url.path().ends_with(".tar.bz2") {
        return Err("its name ends neither in `.conda` nor in `.tar.bz2`".to_owned());
    }
    let hash =
        hash.map(|hash| self::hash(hash).ok_or_else(|| format!("`{hash}` is neither an MD5 nor a sha256")));
    Ok((ArchiveUrl(url), hash.transpose()?))
}

/// conda writes a bare MD5, and newer ones `sha256:` and the digits; other tools the bare digits of either.
fn hash(text: &str) -> Option<ArchiveHash> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.strip_prefix("sha256:").or_else(|| lower.strip_prefix("md5:")).unwrap_or(&lower);
    let marked = lower.len() > digits.len();
    match digits.len() {
        64 if !marked || lower.starts_with("sha256:") => {
            Digest::from_hex(digits).ok().map(ArchiveHash::Sha256)
        }
        32 if (!marked || lower.starts_with("md5:")) && digits.is_ascii() => {
            let mut bytes = [0; 16];
            for (at, byte) in bytes.iter_mut().enumerate() {
                let pair = &digits[2 * at..2 * at + 2];
                *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
            }
            Some(ArchiveHash::Md5(bytes))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::source;

    #[test]
    fn a_list_is_read_with_its_platform_and_hashes() {
        let digits = "ab".repeat(32);
        let text = format!(
            "# platform: linux-64\n@EXPLICIT\nfile:///c/linux-64/a-1-0.conda#{}\n\
             https://c.example/noarch/b-1-0.tar.bz2#sha256:{digits}\r\nhttps://c.example/noarch/c-1-0.conda\n",
            "0A".repeat(16)
        );
        let list = read(&source("explicit.txt", text)).unwrap();
        assert_eq!(list.platform, Some(Platform::LinuxAmd64));
        assert_eq!(list.origin.line(), 2);
        let hashes: Vec<_> = list.entries.iter().map(|entry| entry.hash).collect();
        assert_eq!(
            hashes,
            [
                Some(ArchiveHash::Md5([10; 16])),
                Some(ArchiveHash::Sha256(Digest::from_hex(&digits).unwrap())),
                None
            ]
        );
        let entry = &list.entries[1];
        assert_eq!((entry.origin.line(), entry.origin.column()), (4, 1));
        assert_eq!(entry.url.to_string(), "https://c.example/noarch/b-1-0.tar.bz2");
    }

    #[test]
    fn what_is_not_an_archive_is_refused() {
        for bad in [
            "numpy",
            "ftp://c.example/a-1-0.conda",
            "https://c.example/a-1-0.zip",
            "https://c.example/a-1-0.conda#12",
            "https://c.example/a-1-0.conda#é++++++++++++++++++++++++++++++",
            "https://c.example/a-1-0.conda#md5:12",
            "# platform: osx-64",
        ] {
            let errors = read(&source("explicit.txt", format!("@EXPLICIT\n{bad}\n"))).unwrap_err();
            assert_eq!(errors.len(), 1, "{bad}");
            assert_eq!(errors[0].origin().unwrap().line(), 2, "{bad}");
        }
    }
}
