//! Why a package is in an image, and what it costs: the graph of what requires what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::dominators::Dominators;
use crate::{Inventory, Package, PackageId};

/// A way from what somebody asked for to a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The package that it begins with.
    pub root: PackageId,
    /// In what words that was asked for; nothing where nobody says, and nothing in the image requires it.
    pub requested: Vec<String>,
    /// Whether every base of its system has it.
    #[serde(rename = "of-every-base")]
    pub of_every_base: bool,
    /// What comes after it, each required by the one before.
    pub steps: Vec<Step>,
}

/// A step of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The requirement, in the words of the package before.
    pub requirement: String,
    /// What meets it.
    pub package: PackageId,
}

/// What a package costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The package.
    pub package: PackageId,
    /// The bytes that it has installed, where anybody says it.
    pub installed: Option<u64>,
    /// How many packages are there only because of it, without itself.
    pub brings: usize,
    /// The bytes that it has installed with all that is there only because of it.
    pub installed_with: u64,
}

/// Which packages of an inventory require which.
pub struct Graph<'a> {
    inventory: &'a Inventory,
    /// What each package requires, with the words.
    requires: BTreeMap<&'a PackageId, Vec<(&'a str, &'a PackageId)>>,
    required: BTreeSet<&'a PackageId>,
}

impl<'a> Graph<'a> {
    /// That of an inventory.
    pub fn of(inventory: &'a Inventory) -> Self {
        let edges = |package: &'a Package| {
            let all = package.requires.iter();
            all.flat_map(|it| it.met_by.iter().map(|id| (it.text.as_str(), id))).collect::<Vec<_>>()
        };
        let requires: BTreeMap<_, _> = inventory.packages().map(|it| (&it.id, edges(it))).collect();
        let required = requires.values().flatten().map(|(_, id)| *id).collect();
        Self { inventory, requires, required }
    }

    /// What everything else is there for: what somebody asked for, and what nothing requires.
    pub fn roots(&self) -> impl Iterator<Item = &'a Package> {
        let is_root = |package: &&Package| package.is_requested() || !self.required.contains(&package.id);
        self.inventory.packages().filter(is_root)
    }

    /// What a package requires of others that are there, each once, in its order.
    pub fn requires(&self, id: &PackageId) -> Vec<(&'a str, &'a Package)> {
        let mut seen = BTreeSet::new();
        let all = self.requires.get(id).into_iter().flatten().filter(|(_, id)| seen.insert(*id));
        all.filter_map(|(text, id)| Some((*text, self.inventory.get(id)?))).collect()
    }

    /// The packages that require one directly, with their words.
    pub fn required_by(&self, id: &PackageId) -> Vec<(&'a PackageId, &'a str)> {
        let to = |(from, edges): (&&'a PackageId, &Vec<(&'a str, &'a PackageId)>)| {
            edges.iter().find(|(_, to)| *to == id).map(|(text, _)| (*from, *text))
        };
        self.requires.iter().filter_map(to).collect()
    }

    /// The shortest chain to a package from each root that leads to it, the shortest first.
    pub fn chains(&self, to: &PackageId) -> Vec<Chain> {
        let mut chains: Vec<Chain> = self.roots().filter_map(|root| self.chain(root, to)).collect();
        chains.sort_by_key(|chain| (chain.requested.is_empty(), chain.steps.len()));
        chains
    }

    fn chain(&self, root: &'a Package, to: &PackageId) -> Option<Chain> {
        let mut from: BTreeMap<&PackageId, (&PackageId, &str)> = BTreeMap::new();
        let mut queue = VecDeque::from([&root.id]);
        while let Some(at) = queue.pop_front() {
            if at == to {
                let mut steps = Vec::new();
                let mut at = at;
                while let Some((before, text)) = from.get(at).filter(|_| at != &root.id) {
                    steps.push(Step { requirement: (*text).to_owned(), package: at.clone() });
                    at = before;
                }
                steps.reverse();
                let Package { id, requested, of_every_base, .. } = root;
                let (root, requested) = (id.clone(), requested.clone());
                return Some(Chain { root, requested, of_every_base: *of_every_base, steps });
            }
            for (text, next) in self.requires.get(at).into_iter().flatten() {
                if *next != &root.id && !from.contains_key(next) {
                    from.insert(next, (at, text));
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// What each package costs, the dearest first: what would go with it. Whose sizes nobody says counts as nothing.
    pub fn costs(&self) -> Vec<Cost> {
        let size = |id: &PackageId| self.inventory.get(id).and_then(|it| it.installed_size).unwrap_or(0);
        let roots: Vec<&PackageId> = self.roots().map(|root| &root.id).collect();
        let required = |id: &PackageId| {
            self.requires.get(id).into_iter().flatten().map(|(_, next)| *next).collect::<Vec<&PackageId>>()
        };
        let totals = Dominators::of(&roots, &required).totals(size);
        let cost = |package: &Package| {
            let (brings, others) = totals.get(&package.id).copied().unwrap_or_default();
            let installed_with = others.saturating_add(size(&package.id));
            Cost { package: package.id.clone(), installed: package.installed_size, brings, installed_with }
        };
        let mut costs: Vec<Cost> = self.inventory.packages().map(cost).collect();
        costs.sort_by(|one, other| {
            (other.installed_with, &one.package).cmp(&(one.installed_with, &other.package))
        });
        costs
    }
}
