//! conda's explicit list: what `conda list --explicit` writes, and what is installed without solving.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use imgbuild_document::{Origin, Problem, Source};
use imgbuild_oci::Digest;

use crate::listed::Entry;
use crate::lock_format::LockFormat;
use crate::locked::{ArchiveUrl, Content, LockedArchive, LockedList, OtherLock, Platforms};
use crate::md5::Md5;
use crate::mistake::EnvironmentMistake;
use crate::subdir::platform;

pub(crate) const MARK: &str = "@EXPLICIT";

pub(crate) fn read(source: &Source) -> Result<OtherLock, Vec<Problem>> {
    let mut listed = None;
    let mut origin = Origin::new(source, 0..0, "");
    let (mut archives, mut content) = (Vec::new(), Content::empty());
    let mut problems = Vec::new();
    let mut start = 0;
    for raw in source.inner().split_inclusive('\n') {
        let line = raw.trim();
        let begin = start + (raw.len() - raw.trim_start().len());
        let span = begin..begin + line.len();
        start += raw.len();
        if line == MARK {
            origin = Origin::new(source, span, MARK);
        } else if let Some(comment) = line.strip_prefix('#') {
            match read_comment(comment.trim()) {
                Comment::Platform(name) if platform(name).is_none() => {
                    let message = format!("`{name}` is not a platform that images can be built for");
                    problems
                        .push(problem(source, span, message).hint("it can be `linux-64`, `linux-aarch64`"));
                }
                Comment::Platform(name) => listed = Some(name.to_owned()),
                Comment::Pip(name, location) => {
                    let entry = Entry::at(name, location);
                    let added = content.pypi(&entry, Path::new(""), Origin::new(source, span.clone(), name));
                    problems.extend(added.err().map(|message| problem(source, span, message)));
                }
                Comment::Other => {}
            }
        } else if !line.is_empty() {
            let key = format!("{MARK}[{}]", archives.len());
            match entry(line, Origin::new(source, span.clone(), key)) {
                Ok(archive) => archives.push(archive),
                Err(message) => problems.push(problem(source, span, message)),
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    content.packages = LockedList::Archives(archives);
    let platforms = match listed {
        None => Platforms::Any(content),
        Some(name) => {
            let contents = platform(&name).map(|platform| (platform, Ok(content)));
            Platforms::Of(BTreeMap::from_iter(contents), vec![name])
        }
    };
    let (format, file) = (LockFormat::Explicit, source.name().to_owned());
    Ok(OtherLock { format, file, origin, platforms })
}

enum Comment<'a> {
    Platform(&'a str),
    /// conda-lock writes what pip is to install as comments: `# pip NAME @ URL#sha256=…`.
    Pip(&'a str, &'a str),
    Other,
}

fn read_comment(comment: &str) -> Comment<'_> {
    if let Some(name) = comment.strip_prefix("platform:") {
        return Comment::Platform(name.trim());
    }
    match comment.strip_prefix("pip ").and_then(|rest| rest.split_once(" @ ")) {
        Some((name, location)) => Comment::Pip(name.trim(), location.trim()),
        None => Comment::Other,
    }
}

fn problem(source: &Source, span: Range<usize>, message: String) -> Problem {
    Problem::new(EnvironmentMistake::Explicit { message }).at(source, span, "here")
}

fn entry(line: &str, origin: Origin) -> Result<LockedArchive, String> {
    let (text, hash) = match line.split_once('#') {
        Some((text, hash)) => (text, Some(hash)),
        None => (line, None),
    };
    let url = ArchiveUrl::read(text)?;
    let (sha256, md5) = match hash {
        None => (None, None),
        Some(hash) => self::hash(hash).ok_or_else(|| format!("`{hash}` is neither an MD5 nor a sha256"))?,
    };
    Ok(LockedArchive { url, sha256, md5, size: None, origin })
}

/// conda writes a bare MD5, and newer ones `sha256:` and the digits; other tools the bare digits of either.
fn hash(text: &str) -> Option<(Option<Digest>, Option<Md5>)> {
    let lower = text.to_ascii_lowercase();
    match lower.split_once(':') {
        Some(("sha256", digits)) => Some((Some(Digest::from_hex(digits).ok()?), None)),
        Some(("md5", digits)) => Some((None, Some(Md5::from_hex(digits)?))),
        Some(_) => None,
        None if lower.len() == 64 => Some((Some(Digest::from_hex(&lower).ok()?), None)),
        None => Some((None, Some(Md5::from_hex(&lower)?))),
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_oci::Platform;

    use super::*;
    use imgbuild_document::source;

    #[test]
    fn a_list_is_read_with_its_platform_and_hashes() {
        let digits = "ab".repeat(32);
        let text = format!(
            "# platform: linux-64\n@EXPLICIT\nfile:///c/linux-64/a-1-0.conda#{}\n\
             https://c.example/noarch/b-1-0.tar.bz2#sha256:{digits}\r\nhttps://c.example/noarch/c-1-0.conda\n",
            "0A".repeat(16)
        );
        let (list, _) = read(&source("explicit.txt", text)).unwrap().on(Platform::LinuxAmd64).unwrap();
        assert_eq!(list.origin.line(), 2);
        let LockedList::Archives(archives) = &list.packages else { panic!("{list:?}") };
        let hashes: Vec<_> = archives.iter().map(|entry| (entry.sha256, entry.md5)).collect();
        let (sha256, md5) = (Digest::from_hex(&digits).unwrap(), Md5::from([10; 16]));
        assert_eq!(hashes, [(None, Some(md5)), (Some(sha256), None), (None, None)]);
        let entry = &archives[1];
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
