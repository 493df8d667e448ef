//! Where the bytes of an image are: in which layer, of which package, in which folders.

use std::collections::BTreeMap;

use imgbuild_inventory::{Owners, PackageId};
use imgbuild_layer::{Merged, NodeKind};

/// In how many folders a package is shown.
const MOST_FOLDERS: usize = 14;
/// A folder with less than this part of a package is not looked into.
const PART: u64 = 12;

/// What a layer holds of what can be seen in the image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerWeight {
    /// The bytes of its files.
    pub bytes: u64,
    /// How many files it has.
    pub files: usize,
    /// Its packages, the largest first.
    pub packages: Vec<PackageWeight>,
}

/// What a layer holds of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageWeight {
    /// The package; nothing for files that are in no package's list.
    pub package: Option<PackageId>,
    /// The bytes of its files.
    pub bytes: u64,
    /// Where they are, the folders with the most bytes first.
    pub folders: Vec<FolderWeight>,
}

/// What a package has in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderWeight {
    /// The folder, with a slash before it.
    pub path: String,
    /// The bytes of the files that are meant.
    pub bytes: u64,
}

/// Where the bytes of an image with so many layers are. A file that several packages have counts for the first of them.
pub fn weights(merged: &Merged, owners: &Owners, layers: usize) -> Vec<LayerWeight> {
    let mut found: Vec<(usize, BTreeMap<Option<PackageId>, Folder<'_>>)> = Vec::new();
    found.resize_with(layers, Default::default);
    for (path, node) in merged.iter() {
        let (NodeKind::File { size }, Some((files, packages))) = (&node.kind, found.get_mut(node.layer))
        else {
            continue;
        };
        *files += 1;
        let owner = owners.of(path).next().cloned();
        let folder = path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
        packages.entry(owner).or_default().put(folder, *size);
    }
    found.into_iter().map(|(files, packages)| layer(files, packages)).collect()
}

fn layer(files: usize, packages: BTreeMap<Option<PackageId>, Folder<'_>>) -> LayerWeight {
    let package = |(package, folder): (Option<PackageId>, Folder<'_>)| PackageWeight {
        package,
        bytes: folder.bytes,
        folders: folder.split(),
    };
    let mut packages: Vec<PackageWeight> = packages.into_iter().map(package).collect();
    packages.sort_by(|one, other| (other.bytes, &one.package).cmp(&(one.bytes, &other.package)));
    LayerWeight { bytes: packages.iter().map(|it| it.bytes).sum(), files, packages }
}

/// A folder with what is below it.
#[derive(Default)]
struct Folder<'a> {
    /// The bytes of all files below it.
    bytes: u64,
    /// The bytes of the files in it.
    own: u64,
    folders: BTreeMap<&'a str, Self>,
}

impl<'a> Folder<'a> {
    fn put(&mut self, path: &'a str, bytes: u64) {
        let mut folder = self;
        folder.bytes += bytes;
        for name in path.split('/').filter(|it| !it.is_empty()) {
            folder = folder.folders.entry(name).or_default();
            folder.bytes += bytes;
        }
        folder.own += bytes;
    }

    /// Its folders, of which those with the most bytes are looked into.
    fn split(&self) -> Vec<FolderWeight> {
        let mut cells: Vec<(String, u64, Option<&Self>)> = vec![(String::new(), self.bytes, Some(self))];
        while cells.len() < MOST_FOLDERS {
            let large = |(_, bytes, folder): &(String, u64, Option<&Self>)| {
                folder.is_some_and(|it| !it.folders.is_empty()) && bytes * PART >= self.bytes
            };
            let next = (0..cells.len()).filter(|at| large(&cells[*at])).max_by_key(|at| cells[*at].1);
            let Some(at) = next else { break };
            let (path, _, Some(folder)) = cells.swap_remove(at) else { break };
            let below = folder.folders.iter();
            cells.extend(below.map(|(name, it)| (format!("{path}/{name}"), it.bytes, Some(it))));
            cells.extend((folder.own > 0).then(|| (format!("{path}/*"), folder.own, None)));
        }
        let mut all: Vec<FolderWeight> =
            cells.into_iter().map(|(path, bytes, _)| FolderWeight { path, bytes }).collect();
        all.retain(|it| it.bytes > 0);
        all.sort_by(|one, other| (other.bytes, &one.path).cmp(&(one.bytes, &other.path)));
        if all.len() > MOST_FOLDERS {
            let rest = all.split_off(MOST_FOLDERS - 1);
            let bytes = rest.iter().map(|it| it.bytes).sum();
            all.push(FolderWeight { path: format!("{} smaller ones", rest.len()), bytes });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(files: &[(&str, u64)]) -> Vec<(String, u64)> {
        let mut folder = Folder::default();
        files.iter().for_each(|(path, bytes)| folder.put(path, *bytes));
        folder.split().into_iter().map(|it| (it.path, it.bytes)).collect()
    }

    #[test]
    fn folders_are_looked_into_while_they_are_large() {
        let files =
            [("opt/lib/a", 600), ("opt/lib/a", 50), ("opt/lib/b", 300), ("opt/lib", 49), ("opt/bin/x", 1)];
        let shown = [("/opt/lib/a", 650), ("/opt/lib/b", 300), ("/opt/lib/*", 49), ("/opt/bin", 1)];
        assert_eq!(folders(&files), shown.map(|(path, bytes)| (path.to_owned(), bytes)));
        assert_eq!(folders(&[("", 3)]), [(String::new(), 3)]);
        assert_eq!(folders(&[("a", 0)]), []);
    }

    #[test]
    fn many_folders_are_one() {
        let names: Vec<String> = (0..40).map(|number| format!("f{number:02}")).collect();
        let files: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 10)).collect();
        let found = folders(&files);
        assert_eq!(found.len(), MOST_FOLDERS);
        assert_eq!(found.last(), Some(&("27 smaller ones".to_owned(), 270)));
    }
}
