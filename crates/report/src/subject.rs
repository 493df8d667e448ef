//! What is known of an image that a page shows.

use std::collections::BTreeMap;

use imgbuild_conform::Line;
use imgbuild_image::{Contents, Inspection};
use imgbuild_inventory::{Inventory, Package, PackageId, Waste, waste};

use crate::weights::{LayerWeight, weights};

/// What is known of an image that a page shows.
#[derive(Debug)]
pub struct Subject {
    /// What people call it.
    pub name: String,
    /// What is to be said of it.
    pub inspection: Inspection,
    /// Its packages.
    pub inventory: Inventory,
    /// The licences that its files say, for packages that do not say theirs.
    pub licences: BTreeMap<PackageId, String>,
    /// Where its bytes are: for each layer, the first first.
    pub layers: Vec<LayerWeight>,
    /// What it may not need, the most bytes first.
    pub waste: Vec<Waste>,
    /// What became of the demands of platforms.
    pub conformity: Vec<Line>,
}

impl Subject {
    /// An image, by what was found in it.
    pub fn new(
        name: &str,
        (inspection, inventory): (Inspection, Inventory),
        contents: &Contents,
        conformity: Vec<Line>,
    ) -> Self {
        let owners = contents.owners();
        Self {
            name: name.to_owned(),
            licences: contents.installed().licences(),
            layers: weights(&contents.merged, &owners, inspection.layers.len()),
            waste: waste(&inventory, &owners, &contents.merged),
            inspection,
            inventory,
            conformity,
        }
    }

    /// The bytes of all its files that can be seen.
    pub fn installed(&self) -> u64 {
        self.layers.iter().map(|layer| layer.bytes).sum()
    }

    /// The licence of one of its packages, as that or a file of the image says it.
    pub(crate) fn licence<'a>(&'a self, package: &'a Package) -> Option<&'a str> {
        package.licence.as_ref().or_else(|| self.licences.get(&package.id)).map(String::as_str)
    }

    /// What a layer is made of, as its history says it.
    pub(crate) fn layer_name(&self, number: usize) -> &str {
        let title = self.inspection.layers.get(number).and_then(|it| it.title.as_deref());
        title.unwrap_or("(its history does not say)")
    }

    /// The row of a package in the table of the places that begin with `id`.
    pub(crate) fn row(&self, package: &PackageId, id: &str) -> Option<String> {
        let number = self.inventory.packages().position(|it| it.id == *package)?;
        Some(format!("{id}-package-{}", number + 1))
    }

    /// The version of its Python: that of its first environment, else that of its system.
    pub(crate) fn python(&self) -> Option<String> {
        let own = self.inspection.environments.iter().find_map(|it| it.python.clone());
        let system = || {
            let package =
                ["debian/python3", "apk/python3"].iter().find_map(|name| self.inventory.named(name).pop())?;
            package.version.split(['-', '+']).next().map(str::to_owned)
        };
        own.or_else(system)
    }
}
