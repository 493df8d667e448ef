//! The packages of a spec's lock, each with the lines of the spec that ask for it.

use imgbuild_document::Origin;
use imgbuild_environment::match_spec_name;
use imgbuild_fetch::in_each_environment;
use imgbuild_inventory::{Inventory, Kind, PackageId};
use imgbuild_lock::LockedVariant;
use imgbuild_spec::{Base, CondaPackages, PipPackages, Variant};

/// A line of a spec that asks for a package.
struct Line {
    id: PackageId,
    words: String,
}

/// The packages of a variant, with where the spec asks for each.
pub fn spec_inventory(locked: &LockedVariant<'_>, variant: &Variant) -> Inventory {
    let lines = lines(locked, variant);
    let of = |id: &PackageId| lines.iter().filter(|it| it.id == *id).map(|it| it.words.clone()).collect();
    Inventory::of_lock(locked, &[]).requested(of)
}

fn lines(locked: &LockedVariant<'_>, variant: &Variant) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Base::Debian(debian) = &variant.base {
        lines.extend(debian.packages.iter().map(|asked| {
            let text = asked.text.public();
            // A version may stand behind the name.
            let name = text.split(['=', ' ']).next().unwrap_or_default();
            line(PackageId::of_system(Kind::Debian, name), &text, &asked.origin)
        }));
    }
    for (locked, variant) in in_each_environment(locked, variant) {
        if let (Some(set), Some(conda)) = (&locked.conda, &variant.conda)
            && let CondaPackages::Requirements(all) = &conda.packages
        {
            lines.extend(all.iter().map(|asked| {
                let text = asked.text.public();
                let id = PackageId::of_environment(Kind::Conda, match_spec_name(&text), &set.set.prefix);
                line(id, &text, &asked.origin)
            }));
        }
        if let (Some(set), Some(pip)) = (&locked.pypi, &variant.pip)
            && let PipPackages::Requirements(all) = &pip.packages
        {
            lines.extend(all.iter().filter_map(|asked| {
                let name = imgbuild_pypi::normalized(asked.name.as_ref()?.as_str());
                let id = PackageId::of_environment(Kind::Pypi, name, &set.set.prefix);
                Some(line(id, &asked.text.public(), &asked.origin))
            }));
        }
    }
    lines
}

fn line(id: PackageId, text: &str, origin: &Origin) -> Line {
    Line { id, words: format!("{text} ({}:{})", origin.file(), origin.line()) }
}
