//! What becomes of a matrix of a thousand images on many machines: the figures of `docs/scale.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use imgbuild_oci::{Digest, Platform};
use imgbuild_shard::{Image, Numbers, Package, Platforms, SCHEDULERS, Work, split, work};
use imgbuild_spec::{Spec, Variant};

/// The archives that images are made of: see the file's first lines.
const ARCHIVES: &str = include_str!("scale/archives.txt");

/// How many machines there are.
const MACHINES: [u32; 3] = [10, 50, 200];

/// The table of what each way to split has machines do.
///
/// # Errors
///
/// When the spec or the list of archives is not what it should be.
pub(crate) fn simulation(workspace: &Path) -> io::Result<String> {
    let path = workspace.join("xtask/docs/src/scale/spec.toml");
    let wrong = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let spec = Spec::load(&path).map_err(|error| wrong(&error))?;
    let variants = spec.variants(Platform::LinuxAmd64).map_err(|error| wrong(&error))?;
    let images = images(&variants).ok_or_else(|| wrong(&"a line of `archives.txt` is none"))?;
    let unique = work(&images, &[(0..images.len()).collect()]);
    let mut text = format!(
        "{} images, whose packages have {} together, each counted once:\n\n\
         | machines | split | work done | unique ÷ done | the busiest machine |\n|---|---|---|---|---|\n",
        images.len(),
        gigabytes(unique.all)
    );
    for machines in MACHINES {
        for (name, shards) in ways(&images, machines) {
            let Work { busiest, all } = work(&images, &shards);
            let useful = percent(unique.all, all);
            let (all, busiest) = (gigabytes(all), gigabytes(busiest));
            // Writing to a text does not fail.
            let _ = writeln!(text, "| {machines} | {name} | {all} | {useful} % | {busiest} |");
        }
    }
    Ok(text)
}

/// The table of who tells a machine which it is.
pub(crate) fn schedulers() -> String {
    let mut text = "| started by | number | counted from | count |\n|---|---|---|---|\n".to_owned();
    for scheduler in &SCHEDULERS {
        let first = match scheduler.numbers {
            Numbers::From(first) => first.to_string(),
            Numbers::By { first, step } => format!("`{first}`, by `{step}`"),
        };
        let name = match scheduler.source.split_once("://") {
            Some(_) => format!("[{}]({})", scheduler.name, scheduler.source),
            None => "anything else, by hand".to_owned(),
        };
        let _ = writeln!(text, "| {name} | `{}` | {first} | `{}` |", scheduler.index, scheduler.count);
    }
    text
}

/// The ways to split that are compared.
fn ways(images: &[Image], machines: u32) -> [(&'static str, Vec<Vec<usize>>); 4] {
    let count = usize::try_from(machines).unwrap_or(usize::MAX);
    let dealt = |order: Vec<usize>| -> Vec<Vec<usize>> {
        (0..count).map(|machine| order.iter().copied().skip(machine).step_by(count).collect()).collect()
    };
    let all: Vec<usize> = (0..images.len()).collect();
    let mut random = all.clone();
    // A hash is as random as needed, and the same each time.
    random.sort_by_key(|index| Digest::of(&images[*index].name));
    let blocks = all.chunks(images.len().div_ceil(count).max(1)).map(<[usize]>::to_vec).collect();
    [
        ("at random", dealt(random)),
        ("one after the other", dealt(all.clone())),
        ("in blocks, as the matrix lists them", blocks),
        ("`--shard`", split(images, machines, Platforms::Together)),
    ]
}

/// The images of variants; nothing where the list of archives is damaged.
fn images(variants: &[Variant]) -> Option<Vec<Image>> {
    // By Debian and part, the archives; the part `*` is in all.
    let mut archives: BTreeMap<(&str, &str), Vec<Package>> = BTreeMap::new();
    for line in ARCHIVES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (bytes, file) = (words.next()?.parse().ok()?, words.next()?);
        for word in words {
            let (debian, parts) = word.split_once(':')?;
            for part in parts.split(',') {
                let package = Package { sha256: Digest::of(file), bytes };
                archives.entry((debian, part)).or_default().push(package);
            }
        }
    }
    let image = |variant: &Variant| {
        let key = |name: &str| variant.keys.get(name).map(String::as_str);
        let debian = key("debian")?;
        let parts = [Some("*"), key("framework"), key("task"), key("service")];
        let packages = parts.into_iter().flatten().filter_map(|part| archives.get(&(debian, part)));
        let tag = variant.tags.first()?.to_string();
        Some(Image { name: tag.clone(), tag, packages: packages.flatten().copied().collect() })
    };
    variants.iter().map(image).collect()
}

fn gigabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000_000) / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100 + whole / 2).checked_div(whole).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_better_than_the_others() {
        let spec = Spec::load(&crate::workspace().join("xtask/docs/src/scale/spec.toml")).unwrap();
        let images = images(&spec.variants(Platform::LinuxAmd64).unwrap()).unwrap();
        assert_eq!(images.len(), 1000);
        for machines in MACHINES {
            let [others @ .., (_, ours)] = ways(&images, machines);
            let ours = work(&images, &ours);
            for (name, shards) in others {
                let other = work(&images, &shards);
                assert!(ours.all < other.all, "{machines} {name}");
                assert!(ours.busiest <= other.busiest / 100 * 120, "{machines} {name}");
            }
        }
    }
}
