//! The cache: whether it can be used, how much room it has, and whether it is healthy at a glance.

use std::path::Path;
use std::time::SystemTime;

use imgbuild_diagnostic::Size;
use imgbuild_settings::{ByteSize, Settings};
use imgbuild_store::{FreeSpace, Glance, Store};
use rustix::fs::Access;

use crate::finding::{Area, Finding, Verdict};
use crate::thresholds::{LEAST_FILES, LEAST_FREE};

/// What was found, and what others are told of it.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    pub(crate) findings: Vec<Finding>,
    /// When the newest thing of the cache was used.
    pub(crate) newest: Option<SystemTime>,
}

/// Looks at the cache where the settings and the variables of this process say it is.
pub(crate) fn look(settings: Option<&Settings>) -> Cache {
    let cache = settings.map(|settings| &settings.cache);
    match imgbuild_store::root(cache.and_then(|cache| cache.folder.clone())) {
        Ok(root) => at(&root, cache.and_then(|cache| cache.size)),
        Err(error) => {
            let findings = vec![Finding::of(Area::Disk, "cache", &error).needed()];
            Cache { findings, newest: None }
        }
    }
}

/// The same of a folder, and of how large it may be.
fn at(root: &Path, budget: Option<ByteSize>) -> Cache {
    let (health, glance) = health(root);
    let free = FreeSpace::at(root).ok().map(|free| free.bytes).filter(|bytes| *bytes != u64::MAX);
    let mut findings = vec![health, room(root, free)];
    findings.extend(files(root));
    let bytes = glance.as_ref().map_or(0, |glance| glance.bytes);
    findings.extend(budget.map(|ByteSize(most)| within(bytes, most, free)));
    Cache { findings, newest: glance.and_then(|glance| glance.newest) }
}

/// Whether the store opens and can be written, and records of it are as they were written.
fn health(root: &Path) -> (Finding, Option<Glance>) {
    let told = |verdict, found: String| Finding::new(Area::Disk, "cache", verdict, found).needed();
    if let Err(error) = root.symlink_metadata()
        && error.kind() == std::io::ErrorKind::NotFound
    {
        return (not_there(root), None);
    }
    let looked = Store::open(root).and_then(|store| store.glance());
    let glance = match looked {
        Ok(glance) => glance,
        Err(error) => {
            let told = Finding::of(Area::Disk, "cache", &error).needed();
            let told = if told.remedies.is_empty() {
                told.remedy(format!(
                    "let `{}` be a folder of yours, or set `IMGBUILD_CACHE` to another one",
                    root.display()
                ))
            } else {
                told
            };
            return (told, None);
        }
    };
    let Glance { entries, bytes, records, .. } = &glance;
    let things = if *entries == 1 { "1 thing".to_owned() } else { format!("{entries} things") };
    let held = format!("`{}` opens and can be written, and has {things}, {}", root.display(), Size(*bytes));
    let finding = match glance.damaged.as_slice() {
        [] if *records == 0 => told(Verdict::Fine, held),
        [] => told(Verdict::Fine, format!("{held}; the newest records of it are whole")),
        [first, ..] => {
            let found =
                format!("{held}; a record of it is damaged, or its blob is gone: `{}`", first.path.display());
            // The next build makes it anew.
            Finding { needed: false, ..told(Verdict::Wrong, found) }
                .remedy("`imgbuild cache verify` reads everything, and removes what is damaged")
        }
    };
    (finding, Some(glance))
}

/// A cache that the first build makes, where it can.
fn not_there(root: &Path) -> Finding {
    let above = root.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let told = |verdict, found| Finding::new(Area::Disk, "cache", verdict, found).needed();
    let may = if above.is_dir() {
        rustix::fs::access(above, Access::WRITE_OK | Access::EXEC_OK).map_err(std::io::Error::from)
    } else {
        Err(std::io::ErrorKind::NotADirectory.into())
    };
    let (root, above) = (root.display(), above.display());
    match may {
        Ok(()) => told(Verdict::Fine, format!("`{root}` is not there yet: the first build makes it")),
        Err(error) => {
            told(Verdict::Wrong, format!("`{root}` is not there, and cannot be made in `{above}`: {error}"))
                .remedy("set `IMGBUILD_CACHE` to a folder that you may write")
        }
    }
}

fn room(root: &Path, free: Option<u64>) -> Finding {
    let told = |verdict, found| Finding::new(Area::Disk, "free space", verdict, found).needed();
    match free {
        None => told(Verdict::Unknown, format!("the file system of `{}` does not say it", root.display())),
        Some(free) if free < LEAST_FREE => told(
            Verdict::Wrong,
            format!("{} at `{}`, and builds need {} at least", Size(free), root.display(), Size(LEAST_FREE)),
        )
        .remedy("`imgbuild cache prune` frees space; `IMGBUILD_CACHE` names a folder on another disk")
        .remedy("`--discard-archives` has a build take less: each archive goes when its layers are there"),
        Some(free) => told(Verdict::Fine, format!("{} at `{}`", Size(free), root.display())),
    }
}

/// File systems with a table of files can be full of small ones.
fn files(root: &Path) -> Option<Finding> {
    let there = root.ancestors().find(|folder| folder.exists())?;
    let found = rustix::fs::statvfs(there).ok().filter(|found| found.f_files > 0)?;
    few_files(root, found.f_favail)
}

fn few_files(root: &Path, free: u64) -> Option<Finding> {
    let found =
        || format!("{free} more can be made at `{}`, and builds need {LEAST_FILES} at least", root.display());
    (free < LEAST_FILES).then(|| {
        Finding::new(Area::Disk, "files", Verdict::Wrong, found())
            .needed()
            .remedy("`imgbuild cache prune` removes files; `IMGBUILD_CACHE` names a folder on another disk")
    })
}

/// The size of a cache that may have so many bytes.
fn within(bytes: u64, most: u64, free: Option<u64>) -> Finding {
    let (has, may) = (Size(bytes), Size(most));
    let told = |verdict, found| Finding::new(Area::Disk, "size of the cache", verdict, found);
    let possible = free.map(|free| bytes.saturating_add(free)).filter(|possible| most > *possible);
    match possible {
        _ if bytes > most => told(Verdict::Wrong, format!("{has}, and it may have {may} after a build"))
            .remedy(format!("`imgbuild cache prune --max-size {most}` removes what was used longest ago; so does the next build")),
        Some(possible) => told(
            Verdict::Wrong,
            format!("{has} of {may} that it may have, for which the disk has no room: {} at most", Size(possible)),
        )
        .remedy("let `[cache] size` of the settings, or `IMGBUILD_CACHE_SIZE`, be smaller"),
        None => told(Verdict::Fine, format!("{has} of {may} that it may have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::shown;

    fn shown_of(root: &Path, findings: &[Finding]) -> String {
        shown(findings).replace(&root.display().to_string(), "HERE")
    }

    #[test]
    fn how_much_room_there_is() {
        let root = Path::new("/cache");
        let all = [room(root, None), room(root, Some(5_000_000)), room(root, Some(20_000_000_000))];
        insta::assert_snapshot!(shown(&all), @"
        unknown! free space: the file system of `/cache` does not say it
        wrong! free space: 5.0 MB at `/cache`, and builds need 1.0 GB at least
          -> `imgbuild cache prune` frees space; `IMGBUILD_CACHE` names a folder on another disk
          -> `--discard-archives` has a build take less: each archive goes when its layers are there
        fine! free space: 20.0 GB at `/cache`
        ");
        assert_eq!(few_files(root, LEAST_FILES), None);
        insta::assert_snapshot!(shown(&few_files(root, 12).into_iter().collect::<Vec<_>>()), @"
        wrong! files: 12 more can be made at `/cache`, and builds need 10000 at least
          -> `imgbuild cache prune` removes files; `IMGBUILD_CACHE` names a folder on another disk
        ");
    }

    #[test]
    fn how_large_it_may_be() {
        let all = [
            within(1_000, 2_000, None),
            within(1_000, 2_000, Some(5_000)),
            within(3_000, 2_000, Some(5_000)),
            within(1_000, 9_000, Some(5_000)),
        ];
        insta::assert_snapshot!(shown(&all), @"
        fine size of the cache: 1.0 kB of 2.0 kB that it may have
        fine size of the cache: 1.0 kB of 2.0 kB that it may have
        wrong size of the cache: 3.0 kB, and it may have 2.0 kB after a build
          -> `imgbuild cache prune --max-size 2000` removes what was used longest ago; so does the next build
        wrong size of the cache: 1.0 kB of 9.0 kB that it may have, for which the disk has no room: 6.0 kB at most
          -> let `[cache] size` of the settings, or `IMGBUILD_CACHE_SIZE`, be smaller
        ");
    }

    #[test]
    fn one_that_is_not_there_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/cache");
        insta::assert_snapshot!(shown_of(folder.path(), &[health(&root).0]), @"fine! cache: `HERE/a/cache` is not there yet: the first build makes it");
        assert!(!root.exists(), "nobody has made it");
        std::fs::write(folder.path().join("a"), "").unwrap();
        insta::assert_snapshot!(shown_of(folder.path(), &[health(&folder.path().join("a")).0]), @"
        wrong! cache: the cache's `HERE/a` cannot be made: it is in the way: a folder of the cache is a folder, and no link to one
          -> let `HERE/a` be a folder of yours, or set `IMGBUILD_CACHE` to another one
        ");
    }

    #[test]
    fn one_that_is_there_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).unwrap();
        insta::assert_snapshot!(shown_of(folder.path(), &[health(folder.path()).0]), @"fine! cache: `HERE` opens and can be written, and has 0 things, 0 B");
        std::fs::write(folder.path().join("layers-v1/0000"), "no record").unwrap();
        insta::assert_snapshot!(shown_of(folder.path(), &[health(folder.path()).0]), @"
        wrong cache: `HERE` opens and can be written, and has 1 thing, 9 B; a record of it is damaged, or its blob is gone: `HERE/layers-v1/0000`
          -> `imgbuild cache verify` reads everything, and removes what is damaged
        ");
    }
}
