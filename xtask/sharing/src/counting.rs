//! What moves when images are rebuilt every week: to one registry, to one host that has all of them, and to hosts that have one each.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_layer::{OverBudget, PartId};

use crate::policy::Policy;
use crate::year::{Piece, Week};

/// Bytes and requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The bytes of layers. Manifests and configurations are left out: they are a few KB by any policy.
    pub(crate) bytes: u64,
    /// Requests: for manifests, configurations and layers.
    pub(crate) requests: u64,
}

/// What became of a year.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    /// To the registry in the first week.
    pub(crate) first_push: Moved,
    /// To the registry in all later weeks.
    pub(crate) pushed: Moved,
    /// To the host that has all images, in all later weeks.
    pub(crate) pulled: Moved,
    /// To the hosts that have one image each, in all later weeks.
    pub(crate) pulled_apart: Moved,
    /// The same, where the host pulls again what stands above a layer that it has not.
    pub(crate) restacked: Restacked,
    /// The same, where the hosts that have one image each do.
    pub(crate) restacked_apart: Restacked,
    /// The layers of all images of all weeks.
    pub(crate) layers: usize,
    /// How many images of weeks these are.
    pub(crate) images: usize,
    /// The most layers that an image had.
    pub(crate) most: usize,
}

/// What an engine pulls or unpacks that knows a layer only by those below it: docker pulls it again, and it, podman and containerd
/// unpack it again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Restacked {
    /// The bytes of layers.
    pub(crate) bytes: u64,
    /// What they hold.
    pub(crate) unpacked: u64,
}

/// A layer: the numbers of the pieces that it holds. Two that hold the same are one.
type Layer = Vec<usize>;

/// Plays the weeks by a policy.
///
/// # Errors
///
/// When an image does not fit the policy's budget.
pub(crate) fn play(weeks: &[Week], policy: Policy) -> Result<Outcome, OverBudget> {
    let mut pieces = Pieces::default();
    let (mut registry, mut host) = (Registry::default(), Host::default());
    let mut apart: BTreeMap<usize, Host> = BTreeMap::new();
    let mut outcome = Outcome::default();
    for (number, week) in weeks.iter().enumerate() {
        let images: Vec<Vec<Layer>> =
            week.iter().map(|image| pieces.image(image, policy)).collect::<Result<_, _>>()?;
        let (mut pushed, mut pulled, mut pulled_apart) = Default::default();
        let (mut restacked, mut restacked_apart) = Default::default();
        for (name, layers) in images.iter().enumerate() {
            Moved::add(&mut pushed, registry.push(name, layers, &pieces));
            Moved::add(&mut pulled, host.pull(name, layers, &pieces));
            Restacked::add(&mut restacked, host.stack(layers, &pieces));
            let own = apart.entry(name).or_default();
            Restacked::add(&mut restacked_apart, own.stack(layers, &pieces));
            Moved::add(&mut pulled_apart, own.pull(name, layers, &pieces));
            own.forget_all_but(std::slice::from_ref(layers));
            outcome.layers += layers.len();
            outcome.images += 1;
            outcome.most = outcome.most.max(layers.len());
        }
        host.forget_all_but(&images);
        if number == 0 {
            outcome.first_push = pushed;
        } else {
            outcome.pushed.add(pushed);
            outcome.pulled.add(pulled);
            outcome.pulled_apart.add(pulled_apart);
            outcome.restacked.add(restacked);
            outcome.restacked_apart.add(restacked_apart);
        }
    }
    Ok(outcome)
}

impl Moved {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.requests += other.requests;
    }
}

impl Restacked {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.unpacked += other.unpacked;
    }
}

/// The numbers and sizes of all pieces that were met.
#[derive(Default)]
struct Pieces {
    numbers: BTreeMap<(PartId, String), usize>,
    /// The bytes in a layer, and installed.
    sizes: Vec<(u64, u64)>,
}

impl Pieces {
    /// The layers of an image.
    fn image(&mut self, image: &[Piece], policy: Policy) -> Result<Vec<Layer>, OverBudget> {
        let numbers: Vec<usize> = image.iter().map(|piece| self.number(piece)).collect();
        let mut layers = policy.layers(image)?;
        for layer in &mut layers {
            layer.iter_mut().for_each(|index| *index = numbers[*index]);
            layer.sort_unstable();
        }
        Ok(layers)
    }

    fn number(&mut self, piece: &Piece) -> usize {
        let sizes = &mut self.sizes;
        *self.numbers.entry((piece.id.clone(), piece.version.clone())).or_insert_with(|| {
            sizes.push((piece.size, piece.weight));
            sizes.len() - 1
        })
    }

    fn size(&self, layer: &Layer) -> u64 {
        layer.iter().map(|number| self.sizes[*number].0).sum()
    }

    fn unpacked(&self, layer: &Layer) -> u64 {
        layer.iter().map(|number| self.sizes[*number].1).sum()
    }
}

/// A registry with a repository for each image. A layer that another repository has is mounted.
#[derive(Default)]
struct Registry {
    layers: BTreeSet<Layer>,
    repositories: BTreeMap<usize, Repository>,
}

/// What a repository has, and the image that it had last.
#[derive(Default)]
struct Repository {
    layers: BTreeSet<Layer>,
    last: Vec<Layer>,
}

impl Registry {
    fn push(&mut self, name: usize, layers: &[Layer], pieces: &Pieces) -> Moved {
        let repository = self.repositories.entry(name).or_default();
        if repository.last == layers {
            // The manifest is asked for.
            return Moved { bytes: 0, requests: 1 };
        }
        // The manifest, and the configuration: asked for, begun and sent.
        let mut moved = Moved { bytes: 0, requests: 4 };
        for layer in layers {
            moved.requests += 1;
            if !repository.layers.insert(layer.clone()) {
                continue;
            }
            if self.layers.insert(layer.clone()) {
                moved.add(Moved { bytes: pieces.size(layer), requests: 2 });
            } else {
                moved.requests += 1;
            }
        }
        repository.last = layers.to_vec();
        moved
    }
}

/// A host that keeps the layers of the images that it has.
#[derive(Default)]
struct Host {
    layers: BTreeSet<Layer>,
    /// The layers of its images, each with all that are below it.
    stacks: BTreeSet<Vec<Layer>>,
    images: BTreeMap<usize, Vec<Layer>>,
}

impl Host {
    fn pull(&mut self, name: usize, layers: &[Layer], pieces: &Pieces) -> Moved {
        if self.images.get(&name).is_some_and(|known| known == layers) {
            return Moved { bytes: 0, requests: 1 };
        }
        let mut moved = Moved { bytes: 0, requests: 2 };
        for layer in layers {
            if self.layers.insert(layer.clone()) {
                moved.add(Moved { bytes: pieces.size(layer), requests: 1 });
            }
        }
        self.images.insert(name, layers.to_vec());
        moved
    }

    fn stack(&mut self, layers: &[Layer], pieces: &Pieces) -> Restacked {
        let mut restacked = Restacked::default();
        for (index, layer) in layers.iter().enumerate() {
            if self.stacks.insert(layers[..=index].to_vec()) {
                restacked.add(Restacked { bytes: pieces.size(layer), unpacked: pieces.unpacked(layer) });
            }
        }
        restacked
    }

    fn forget_all_but(&mut self, images: &[Vec<Layer>]) {
        self.layers = images.iter().flatten().cloned().collect();
        self.stacks =
            images.iter().flat_map(|image| (1..=image.len()).map(|to| image[..to].to_vec())).collect();
    }
}

#[cfg(test)]
mod tests {
    use imgbuild_layer::Role;

    use super::*;
    use crate::policy::Constants;

    const MIB: u64 = 1 << 20;

    /// A piece of so many MiB, with a version.
    fn piece(name: &str, version: &str, mib: u64) -> Piece {
        let role = if name.starts_with("lock") { Role::METADATA } else { Role::PACKAGE };
        let (id, size) = (PartId::new("pypi", name), mib * MIB);
        Piece { origin: id.to_string(), id, version: version.to_owned(), role, weight: size, size }
    }

    /// Two images with the same `large`, one of them with a package more; in the second week `small` has another version, in the third
    /// nothing has.
    fn weeks() -> [Week; 3] {
        let one =
            |small: &str| vec![piece("large", "1", 100), piece("small", small, 1), piece("lock-1", small, 0)];
        let other = |small: &str| {
            let mut pieces =
                vec![piece("large", "1", 100), piece("small", small, 1), piece("other", "1", 50)];
            pieces.push(piece("lock-2", small, 0));
            pieces
        };
        let week = |small: &str| vec![one(small), other(small)];
        [week("1"), week("2"), week("2")]
    }

    /// Of the first push and of the later ones, of the one host and of those that have an image each.
    fn of_each(outcome: &Outcome) -> [Moved; 4] {
        [outcome.first_push, outcome.pushed, outcome.pulled, outcome.pulled_apart]
    }

    fn bytes(outcome: &Outcome) -> [u64; 4] {
        of_each(outcome).map(|it| it.bytes / MIB)
    }

    fn requests(outcome: &Outcome) -> [u64; 4] {
        of_each(outcome).map(|it| it.requests)
    }

    #[test]
    fn a_layer_moves_once() {
        let outcome = play(&weeks(), Policy::Each).unwrap();
        // All three packages once, and then the small one again, for both images.
        assert_eq!(bytes(&outcome), [151, 1, 1, 2]);
        // A new image: 4, a layer that is there 1, one that is mounted 2, one that is sent 3. The one of last week: 1.
        let first = (4 + 3 * 3) + (4 + 2 * 2 + 2 * 3);
        let later = (4 + 1 + 2 * 3) + (4 + 2 + 2 + 3) + 2;
        // A new image: 2, a layer that is not there 1.
        let pulled = (2 + 2) + (2 + 1) + 2;
        assert_eq!(requests(&outcome), [first, later, pulled, pulled + 1]);
        assert_eq!((outcome.layers, outcome.images, outcome.most), (21, 6, 4));
    }

    #[test]
    fn what_stands_above_a_new_layer_is_unpacked_again() {
        let image = |a: &str, b: &str| vec![piece("a", a, 1), piece("b", b, 10), piece("c", "1", 100)];
        let one = |image: Vec<Piece>| vec![image];
        let weeks = [one(image("1", "1")), one(image("1", "2")), one(image("2", "2"))];
        let Outcome { pulled, restacked, restacked_apart, .. } = play(&weeks, Policy::Each).unwrap();
        assert_eq!(pulled.bytes / MIB, 10 + 1);
        assert_eq!((restacked.bytes / MIB, restacked.unpacked / MIB), (110 + 111, 110 + 111));
        assert_eq!(restacked, restacked_apart);
        // Two images that hold the same on different layers.
        let weeks = [vec![image("1", "1"), image("1", "1")], vec![image("1", "1"), image("2", "1")]];
        assert_eq!(play(&weeks, Policy::Each).unwrap().restacked.bytes / MIB, 111);
    }

    #[test]
    fn one_layer_is_shared_by_nobody() {
        let outcome = play(&weeks(), Policy::One).unwrap();
        assert_eq!(bytes(&outcome), [101 + 151, 101 + 151, 101 + 151, 101 + 151]);
        assert_eq!(requests(&outcome), [14, 14 + 2, 6 + 2, 6 + 2]);
    }

    #[test]
    fn by_size_the_rest_is_another_one_in_each_image() {
        let outcome = play(&weeks(), Policy::Largest { budget: 2 }).unwrap();
        // `large` and `small` of the first image, `large` and the rest of the other one.
        assert_eq!(bytes(&outcome), [100 + 1 + 51, 1 + 51, 1 + 51, 1 + 51]);
    }

    #[test]
    fn ours_groups_the_small_ones() {
        let outcome = play(&weeks(), Policy::Own(Constants::USUAL)).unwrap();
        assert_eq!(bytes(&outcome), [151, 1, 1, 2]);
        assert_eq!(outcome.most, 4);
    }

    #[test]
    fn a_host_keeps_what_its_images_have() {
        let image = |version: &str| vec![vec![piece("a", version, 1)]];
        // The registry keeps what it had, the host does not.
        let outcome = play(&[image("1"), image("2"), image("1")], Policy::Each).unwrap();
        assert_eq!(bytes(&outcome), [1, 1, 2, 2]);
    }
}
