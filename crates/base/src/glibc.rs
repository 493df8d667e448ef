//! Which C library an image has.

use imgbuild_archive::ImagePath;
use imgbuild_layer::Merged;
use imgbuild_oci::Platform;

use crate::DpkgPackage;

/// Whether the content of a file may be needed to find out.
pub(crate) fn needs(path: &ImagePath) -> bool {
    let name = path.file_name();
    name == "libc.so.6" || (name.starts_with("libc-2.") && name.ends_with(".so"))
}

/// glibc's loader, and musl's.
const fn loaders(platform: Platform) -> (&'static str, &'static str) {
    match platform {
        Platform::LinuxAmd64 => ("lib64/ld-linux-x86-64.so.2", "lib/ld-musl-x86_64.so.1"),
        Platform::LinuxArm64 => ("lib/ld-linux-aarch64.so.1", "lib/ld-musl-aarch64.so.1"),
    }
}

/// Whether the image has musl's loader.
pub(crate) fn has_musl(merged: &Merged, platform: Platform) -> bool {
    ImagePath::new(loaders(platform).1).is_ok_and(|path| merged.find(&path).is_some())
}

/// The version of glibc: dpkg's, or that of the library beside the loader.
pub(crate) fn version(merged: &Merged, platform: Platform, packages: &[DpkgPackage]) -> Option<String> {
    let of_platform = |it: &&DpkgPackage| it.name == "libc6" && it.architecture == platform.architecture();
    if let Some(version) = packages.iter().find(of_platform).and_then(|it| upstream(&it.version)) {
        return Some(version);
    }
    let loader = ImagePath::new(loaders(platform).0).ok()?;
    let (loader, _) = merged.find(&loader)?;
    let library = loader.parent()?.join("libc.so.6").ok()?;
    let (path, _) = merged.find(&library)?;
    let by_name = path.file_name().strip_prefix("libc-").and_then(|name| name.strip_suffix(".so"));
    by_name.and_then(upstream).or_else(|| stated(merged.content(&library)?))
}

/// `2.36` of `1:2.36-9+deb12u10`.
fn upstream(version: &str) -> Option<String> {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let mut numbers = version.split(|character: char| !character.is_ascii_digit());
    let (major, minor) = (numbers.next()?, numbers.next()?);
    (!major.is_empty() && !minor.is_empty()).then(|| format!("{major}.{minor}"))
}

/// What the library says of itself: `GNU C Library (…) stable release version 2.34.`
fn stated(library: &[u8]) -> Option<String> {
    let find = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).position(|window| window == text);
    let start = find(library, b"GNU C Library")?;
    let banner = &library[start..library.len().min(start + 200)];
    let words = b"release version ";
    let at = find(banner, words)? + words.len();
    let rest = &banner[at..];
    let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(rest.len());
    upstream(std::str::from_utf8(&rest[..end]).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_major_and_minor() {
        let read = |text| upstream(text).unwrap_or_default();
        assert_eq!(read("2.36-9+deb12u10"), "2.36");
        assert_eq!(read("1:2.39-0ubuntu8.4"), "2.39");
        assert_eq!(read("2.31"), "2.31");
        assert_eq!(read("trixie"), "");
    }

    #[test]
    fn the_library_says_which_it_is() {
        let banner = b"\x7fELF..\0GNU C Library (GNU libc) stable release version 2.34.\nCopyright";
        assert_eq!(stated(banner).as_deref(), Some("2.34"));
        assert_eq!(stated(b"musl libc"), None);
        assert_eq!(stated(b"GNU C Library release version x"), None);
    }
}
