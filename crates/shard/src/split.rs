//! The split: images that share most beside each other, cut into as many runs as there are machines.
//!
//! What a machine has to do is the bytes of the packages that its images are made of, each once, however many of them have it. So images
//! that share most should be built by one machine; and the machine with most to do, which all wait for, should have as little as possible.
//!
//! Images are put in a row by their heaviest packages: those that have the heaviest one stand together, among them those that have the
//! next, and so on. The row is cut where the heaviest run is lightest. That is quick, it is the same on every machine, and an image that
//! is added moves few others.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_oci::Digest;

use crate::cut::{Row, Runs, Weight};
use crate::weights::{IMAGE_BYTES, SLACK, TOGETHER};

/// A package as it counts for the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// The hash of its archive.
    pub sha256: Digest,
    /// The bytes of its archive.
    pub bytes: u64,
}

/// An image as it counts for the split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name, which no other image has.
    pub name: String,
    /// What it has in common with the same image of another platform, and with no other.
    pub tag: String,
    /// What it is made of.
    pub packages: Vec<Package>,
}

/// What becomes of the images of one tag, which differ in their platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platforms {
    /// One machine builds all of them, and makes one thing of them.
    Together,
    /// Several machines may, where that is much less to do. Somebody joins them afterwards.
    Parted,
}

/// What machines have to do: the bytes of packages, each once for every machine that has an image of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The machine that has most.
    pub busiest: u64,
    /// All of them.
    pub all: u64,
}

/// Which images each of `count` machines builds, as their places in `images`, in order. Every image is there once. A machine may have
/// none. The order of the images does not matter.
pub fn split(images: &[Image], count: u32, platforms: Platforms) -> Vec<Vec<usize>> {
    let packages = Packages::of(images);
    let most = usize::try_from(count).unwrap_or(usize::MAX).max(1);
    let by_tag = packages.row(units(images, |image| (image.tag.as_str(), "")));
    let joined = by_tag.cut(&packages, most);
    let (units, runs) = match platforms {
        Platforms::Together => (by_tag, joined.0),
        Platforms::Parted => {
            let apart = packages.row(units(images, |image| (image.tag.as_str(), image.name.as_str())));
            let single = apart.cut(&packages, most);
            if costs_little(joined.1, single.1) { (by_tag, joined.0) } else { (apart, single.0) }
        }
    };
    let mut shards: Vec<Vec<usize>> = runs.into_iter().map(|run| units.images(run)).collect();
    shards.resize(most, Vec::new());
    shards
}

/// What machines have to do whose images these are.
pub fn work(images: &[Image], shards: &[Vec<usize>]) -> Work {
    let bytes = |shard: &Vec<usize>| {
        let packages: BTreeMap<Digest, u64> = shard
            .iter()
            .flat_map(|index| &images[*index].packages)
            .map(|package| (package.sha256, package.bytes))
            .collect();
        packages.values().sum::<u64>()
    };
    let bytes: Vec<u64> = shards.iter().map(bytes).collect();
    Work { busiest: bytes.iter().copied().max().unwrap_or(0), all: bytes.iter().sum() }
}

/// Whether platforms of one tag are built by one machine: an index is made of all of them.
fn costs_little(joined: Weight, single: Weight) -> bool {
    let little = |joined: u64, single: u64| joined <= single.saturating_add(single / 100 * TOGETHER);
    little(joined.heaviest, single.heaviest) && little(joined.all, single.all)
}

/// The packages of all images, the heaviest first.
struct Packages {
    places: BTreeMap<Digest, usize>,
    weights: Vec<u64>,
}

/// Images that stay together: their places, in the order of their names.
type Unit = Vec<usize>;

/// Units in the order in which they are cut, with what each is made of.
struct Units(Vec<(Unit, Vec<usize>)>);

/// The images by a key of theirs.
fn units<'a, K: Ord>(images: &'a [Image], key: impl Fn(&'a Image) -> K) -> Vec<(Unit, &'a [Image])> {
    let mut units: BTreeMap<K, Unit> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        units.entry(key(image)).or_default().push(index);
    }
    units.into_values().map(|unit| (unit, images)).collect()
}

impl Packages {
    fn of(images: &[Image]) -> Self {
        let mut bytes: BTreeMap<Digest, u64> = BTreeMap::new();
        for package in images.iter().flat_map(|image| &image.packages) {
            let known = bytes.entry(package.sha256).or_default();
            *known = package.bytes.max(*known);
        }
        let mut sorted: Vec<(Digest, u64)> = bytes.into_iter().collect();
        sorted.sort_by_key(|(digest, bytes)| (std::cmp::Reverse(*bytes), *digest));
        let places = sorted.iter().enumerate().map(|(place, (digest, _))| (*digest, place)).collect();
        Self { places, weights: sorted.into_iter().map(|(_, bytes)| bytes).collect() }
    }

    /// Units in a row: those beside each other that share the heaviest packages.
    fn row(&self, units: Vec<(Unit, &[Image])>) -> Units {
        let parts = |(unit, images): (Unit, &[Image])| {
            let packages = unit.iter().flat_map(|index| &images[*index].packages);
            let places: BTreeSet<usize> =
                packages.filter_map(|package| self.places.get(&package.sha256)).copied().collect();
            (unit, places.into_iter().collect::<Vec<usize>>())
        };
        let mut units: Vec<(Unit, Vec<usize>)> = units.into_iter().map(parts).collect();
        // Who has the heaviest package that not all have stands first. They come sorted by name, and stay so among equals.
        units.sort_by(|(_, one), (_, other)| {
            let differs = one.iter().zip(other).find(|(one, other)| one != other);
            differs.map_or_else(|| other.len().cmp(&one.len()), |(one, other)| one.cmp(other))
        });
        Units(units)
    }
}

impl Units {
    fn cut(&self, packages: &Packages, most: usize) -> (Runs, Weight) {
        let row = self.to_cut(packages);
        let runs = row.cut(most, SLACK);
        let weight = row.weight(&runs);
        (runs, weight)
    }

    /// The same as things that weigh something.
    fn to_cut<'a>(&'a self, packages: &'a Packages) -> Row<'a> {
        let own = |unit: &Unit| IMAGE_BYTES * u64::try_from(unit.len()).unwrap_or(u64::MAX);
        let things = self.0.iter().map(|(unit, parts)| (own(unit), parts.as_slice())).collect();
        Row { weights: &packages.weights, things }
    }

    /// The images of a run, in the order of the images.
    fn images(&self, run: std::ops::Range<usize>) -> Vec<usize> {
        let mut images: Vec<usize> = self.0[run].iter().flat_map(|(unit, _)| unit).copied().collect();
        images.sort_unstable();
        images
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEGABYTE: u64 = 1_000_000;

    fn package(name: &str, bytes: u64) -> Package {
        Package { sha256: Digest::of(name), bytes }
    }

    fn image(tag: &str, platform: &str, packages: &[(&str, u64)]) -> Image {
        let packages = packages.iter().map(|(name, bytes)| package(name, *bytes)).collect();
        Image { name: format!("{tag} ({platform})"), tag: tag.to_owned(), packages }
    }

    /// The names of each shard's images.
    fn names(images: &[Image], count: u32) -> Vec<Vec<&str>> {
        let shards = split(images, count, Platforms::Parted);
        shards.iter().map(|shard| shard.iter().map(|index| images[*index].name.as_str()).collect()).collect()
    }

    #[test]
    fn images_that_share_most_are_built_by_one_machine() {
        let frameworks = [("torch", 2000 * MEGABYTE), ("jax", 1500 * MEGABYTE)];
        let images: Vec<Image> = ["1", "2", "3"]
            .iter()
            .flat_map(|of| {
                frameworks.map(|framework| {
                    image(&format!("{}{of}", framework.0), "amd64", &[framework, (of, MEGABYTE)])
                })
            })
            .collect();
        assert_eq!(
            names(&images, 2),
            [
                ["torch1 (amd64)", "torch2 (amd64)", "torch3 (amd64)"],
                ["jax1 (amd64)", "jax2 (amd64)", "jax3 (amd64)"]
            ]
        );
    }

    #[test]
    fn a_machine_more_that_would_only_do_the_same_again_gets_nothing() {
        let images: Vec<Image> = (1..=4)
            .map(|it| {
                image(
                    &format!("torch{it}"),
                    "amd64",
                    &[("torch", 2000 * MEGABYTE), (&it.to_string(), MEGABYTE)],
                )
            })
            .collect();
        let shards = names(&images, 4);
        assert_eq!(shards.iter().map(Vec::len).collect::<Vec<_>>(), [4, 0, 0, 0]);
    }

    #[test]
    fn equals_are_spread_evenly() {
        let images: Vec<Image> = (1..=10).map(|it| image(&format!("image{it}"), "amd64", &[])).collect();
        let shards = names(&images, 5);
        assert_eq!(shards.iter().map(Vec::len).collect::<Vec<_>>(), [2; 5]);
    }

    #[test]
    fn platforms_of_a_tag_stay_together_where_that_costs_little() {
        let of_platform = |tag: &str, platform: &'static str| {
            let own = format!("{tag} {platform}");
            image(tag, platform, &[(&own, 900 * MEGABYTE), (platform, MEGABYTE)])
        };
        let cheap: Vec<Image> = ["a", "b"]
            .iter()
            .flat_map(|tag| ["amd64", "arm64"].map(|platform| of_platform(tag, platform)))
            .collect();
        assert_eq!(names(&cheap, 2), [["a (amd64)", "a (arm64)"], ["b (amd64)", "b (arm64)"]]);
        // Here each machine would need all of both platforms.
        let of_platform = |tag: &str, platform: &'static str| {
            image(tag, platform, &[(platform, 900 * MEGABYTE), (tag, MEGABYTE)])
        };
        let dear: Vec<Image> = ["a", "b"]
            .iter()
            .flat_map(|tag| ["amd64", "arm64"].map(|platform| of_platform(tag, platform)))
            .collect();
        assert_eq!(names(&dear, 2), [["a (amd64)", "b (amd64)"], ["a (arm64)", "b (arm64)"]]);
        // Where nobody joins them, a second machine would do all of it once more.
        assert_eq!(split(&dear, 2, Platforms::Together), [vec![0, 1, 2, 3], vec![]]);
    }

    #[test]
    fn nothing_is_split_as_well() {
        assert_eq!(split(&[], 3, Platforms::Parted), [[], [], []] as [[usize; 0]; 3]);
    }

    fn any_images() -> impl Strategy<Value = Vec<Image>> {
        let packages = prop::collection::btree_set(0..30_u64, 0..12);
        prop::collection::vec(packages, 0..24).prop_map(|all| {
            let image = |(index, packages): (usize, BTreeSet<u64>)| {
                let packages =
                    packages.into_iter().map(|it| package(&it.to_string(), it * it * it * 50_000)).collect();
                let tag = (index / 2).to_string();
                Image { name: format!("{tag} ({})", index % 2), tag, packages }
            };
            all.into_iter().enumerate().map(image).collect()
        })
    }

    fn any_platforms() -> impl Strategy<Value = Platforms> {
        prop_oneof![Just(Platforms::Together), Just(Platforms::Parted)]
    }

    proptest! {
        #[test]
        fn every_image_is_in_one_shard(images in any_images(), count in 1..40_u32, platforms in any_platforms()) {
            let shards = split(&images, count, platforms);
            prop_assert_eq!(shards.len(), usize::try_from(count).unwrap());
            let mut all: Vec<usize> = shards.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..images.len()).collect::<Vec<_>>());
        }

        #[test]
        fn one_machine_has_all_platforms_of_a_tag(images in any_images(), count in 1..40_u32) {
            for shard in split(&images, count, Platforms::Together) {
                let tags: BTreeSet<&str> = shard.iter().map(|index| images[*index].tag.as_str()).collect();
                let all = images.iter().filter(|image| tags.contains(image.tag.as_str())).count();
                prop_assert_eq!(shard.len(), all);
            }
        }

        #[test]
        fn the_order_of_the_images_changes_nothing(images in any_images(), count in 1..9_u32, seed in any::<u64>()) {
            let mut moved = images.clone();
            moved.sort_by_key(|image| Digest::of(format!("{seed}{}", image.name)));
            for image in &mut moved {
                image.packages.reverse();
            }
            let sorted = |images: &[Image]| {
                let shards = split(images, count, Platforms::Parted).into_iter().map(|shard| {
                    shard.into_iter().map(|index| images[index].name.clone()).collect::<BTreeSet<_>>()
                });
                shards.collect::<Vec<_>>()
            };
            prop_assert_eq!(sorted(&images), sorted(&moved));
        }

        #[test]
        fn the_busiest_machine_is_little_busier_than_it_must_be(images in any_images(), count in 1..12_u32) {
            let shards = split(&images, count, Platforms::Together);
            let own = |shard: &Vec<usize>| IMAGE_BYTES * u64::try_from(shard.len()).unwrap();
            let weights = shards.iter().map(|shard| work(&images, std::slice::from_ref(shard)).all + own(shard));
            let packages = Packages::of(&images);
            let units = packages.row(units(&images, |image| (image.tag.as_str(), "")));
            let row = units.to_cut(&packages);
            let least = row.weight(&row.cut(usize::try_from(count).unwrap(), 0)).heaviest;
            let busiest = weights.max().unwrap();
            prop_assert!((least..=least + least / 100 * SLACK).contains(&busiest), "{busiest} {least}");
        }
    }
}
