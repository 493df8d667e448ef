//! Who writes the bytecode that several parts of an image hold: whoever writes its source.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_archive::ImagePath;
use imgbuild_layer::{Claim, Conflict, Exclusion, PartId, Resolution};

use crate::cached::CacheTag;

/// Decides who writes each path, as [`imgbuild_layer::resolve`] does, but for the bytecode of the image's Python (`tag`): no part
/// has it by itself, it goes with its source. Who loses a source leaves out its bytecode as well, also where the winner has
/// none. Bytecode whose source nobody has is a file like any other.
///
/// # Errors
///
/// When a single part contradicts itself.
pub fn resolve(claims: &[(PartId, Vec<Claim>)], tag: Option<&CacheTag>) -> Result<Resolution, Conflict> {
    let Some(tag) = tag else { return imgbuild_layer::resolve(claims) };
    let paths: BTreeSet<&ImagePath> =
        claims.iter().flat_map(|(_, all)| all.iter().map(|it| &it.path)).collect();
    let source_of = |path: &ImagePath| tag.cached(path).map(|it| it.source).filter(|it| paths.contains(it));
    let (mut others, mut bytecode) = (Vec::new(), BTreeMap::new());
    for (part, all) in claims {
        let mut kept = Vec::new();
        for claim in all {
            let Some(source) = source_of(&claim.path) else {
                kept.push(claim.clone());
                continue;
            };
            if bytecode.insert((part, &claim.path), source).is_some() {
                return Err(Conflict::Twice { part: part.clone(), path: claim.path.clone() });
            }
        }
        others.push((part.clone(), kept));
    }
    let (resolution, owners) = imgbuild_layer::resolve_owners(&others)?;
    let mut excluded: BTreeSet<Exclusion> = resolution.excluded.into_iter().collect();
    for ((part, path), source) in bytecode {
        if let Some((winner, _)) = owners.get(&source).map(|owner| &others[*owner])
            && winner != part
        {
            let (part, path, winner) = (part.clone(), path.clone(), winner.clone());
            excluded.insert(Exclusion { part, path, winner });
        }
    }
    Ok(Resolution { excluded: excluded.into_iter().collect() })
}

#[cfg(test)]
mod tests {
    use imgbuild_layer::Kind;

    use super::*;

    fn part(name: &str, paths: &[&str]) -> (PartId, Vec<Claim>) {
        let claim = |path: &&str| Claim { path: ImagePath::new(path).unwrap(), kind: Kind::File };
        (PartId::new("conda", name), paths.iter().map(claim).collect())
    }

    fn excluded(parts: &[(PartId, Vec<Claim>)]) -> Vec<String> {
        let resolution = resolve(parts, Some(&CacheTag::cpython(11))).unwrap();
        resolution.excluded.iter().map(|it| format!("{} {} <- {}", it.part, it.path, it.winner)).collect()
    }

    const PYC: &str = "ns/__pycache__/x.cpython-311.pyc";
    const OPTIMIZED: &str = "ns/__pycache__/x.cpython-311.opt-1.pyc";

    #[test]
    fn bytecode_goes_with_its_source() {
        // Both orders: only who has the source counts.
        let arch = part("arch", &["ns/x.py", PYC, OPTIMIZED]);
        let noarch = part("noarch", &["ns/x.py"]);
        assert_eq!(
            excluded(&[arch.clone(), noarch.clone()]),
            [
                "conda/arch /ns/__pycache__/x.cpython-311.opt-1.pyc <- conda/noarch",
                "conda/arch /ns/__pycache__/x.cpython-311.pyc <- conda/noarch",
                "conda/arch /ns/x.py <- conda/noarch",
            ]
        );
        assert_eq!(excluded(&[noarch, arch.clone()]), ["conda/noarch /ns/x.py <- conda/arch"]);
        // Who has bytecode alone has not got its source's.
        let alone = part("alone", &[PYC]);
        for parts in [[arch.clone(), alone.clone()], [alone.clone(), arch]] {
            assert_eq!(excluded(&parts), ["conda/alone /ns/__pycache__/x.cpython-311.pyc <- conda/arch"]);
        }
        // Nobody has the source: then it is a file, and the last one wins.
        assert_eq!(
            excluded(&[alone, part("other", &[PYC])]),
            ["conda/alone /ns/__pycache__/x.cpython-311.pyc <- conda/other"]
        );
    }

    #[test]
    fn what_stands_in_place_of_a_source_takes_its_bytecode() {
        let module = part("module", &["ns/x.py", PYC]);
        assert_eq!(
            excluded(&[module.clone(), part("folder", &["ns/x.py/y"])]),
            [
                "conda/module /ns/__pycache__/x.cpython-311.pyc <- conda/folder",
                "conda/module /ns/x.py <- conda/folder",
            ]
        );
        assert_eq!(
            excluded(&[module, part("file", &["ns"])]),
            [
                "conda/module /ns/__pycache__/x.cpython-311.pyc <- conda/file",
                "conda/module /ns/x.py <- conda/file",
            ]
        );
    }

    #[test]
    fn other_pythons_bytecode_is_a_file() {
        let other = "ns/__pycache__/x.cpython-310.pyc";
        let parts = [part("a", &["ns/x.py", other]), part("b", &["ns/x.py"]), part("c", &[other])];
        assert_eq!(
            excluded(&parts),
            ["conda/a /ns/__pycache__/x.cpython-310.pyc <- conda/c", "conda/a /ns/x.py <- conda/b"]
        );
        let twice = resolve(&[part("a", &["ns/x.py", PYC, PYC])], Some(&CacheTag::cpython(11))).unwrap_err();
        assert_eq!(twice.to_string(), "`conda/a` holds the path `/ns/__pycache__/x.cpython-311.pyc` twice");
    }
}
