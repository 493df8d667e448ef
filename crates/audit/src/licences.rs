//! Packages whose licence is not allowed.

use std::collections::{BTreeMap, BTreeSet};

use imgbuild_inventory::{Inventory, Package, PackageId};
use imgbuild_licence::{AllowedLicences, Objection};

/// A package that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceFinding {
    /// The package.
    pub package: PackageId,
    /// What it says its licence is, in a line.
    pub licence: Option<String>,
    /// Why it is not allowed.
    pub objection: Objection,
}

/// The packages of an image whose licence is not allowed, and which no exception names; and the exceptions that name no package of
/// it. An exception is by a name, `numpy` or `conda/numpy`, or of all packages of an ecosystem, `debian/*`; and has a reason.
pub(crate) fn judge_licences<'a>(
    inventory: &Inventory,
    allowed: &AllowedLicences,
    exceptions: &'a BTreeMap<String, String>,
) -> (Vec<LicenceFinding>, Vec<&'a str>) {
    let mut excepted: BTreeSet<&PackageId> = BTreeSet::new();
    let mut unused = Vec::new();
    for name in exceptions.keys() {
        let named = match name.strip_suffix("/*") {
            Some(kind) => inventory.packages().filter(|it| it.id.kind.as_str() == kind).collect(),
            None => inventory.named(name),
        };
        if named.is_empty() {
            unused.push(name.as_str());
        }
        excepted.extend(named.into_iter().map(|it| &it.id));
    }
    let judged = inventory.packages().filter(|it| !excepted.contains(&it.id));
    (judged.filter_map(|it| objection(it, allowed)).collect(), unused)
}

fn objection(package: &Package, allowed: &AllowedLicences) -> Option<LicenceFinding> {
    let licence = package.read_licence();
    let objection = allowed.judge(licence.as_ref()).err()?;
    Some(LicenceFinding { package: package.id.clone(), licence: licence.map(|it| it.name()), objection })
}

#[cfg(test)]
mod tests {
    use imgbuild_inventory::Kind;
    use imgbuild_licence::AllowedLicence;
    use imgbuild_oci::Platform;

    use super::*;

    #[test]
    fn what_is_not_allowed_needs_an_exception() {
        let of = |kind: Kind, name: &str, licence: Option<&str>| {
            let mut package = Package::new(PackageId::of_system(kind, name), "1");
            package.licence = licence.map(str::to_owned);
            package
        };
        let package = |name: &str, licence: Option<&str>| of(Kind::Debian, name, licence);
        let packages = [
            of(Kind::Conda, "bsd", Some("BSD")),
            package("fine", Some("Expat")),
            package("gpl", Some("GPL-3.0-only AND MIT")),
            package("bsd", Some("BSD")),
            package("silent", None),
            package("excepted", Some("BSD")),
        ];
        let inventory = Inventory::new(Platform::LinuxAmd64, None, packages);
        let allowed = AllowedLicences(vec![AllowedLicence::read("MIT").unwrap()]);
        let reason = |name: &str| (name.to_owned(), "the lawyers have looked".to_owned());
        let exceptions = BTreeMap::from([reason("debian/excepted"), reason("gone"), reason("pypi/*")]);
        let (findings, unused) = judge_licences(&inventory, &allowed, &exceptions);
        let lines: Vec<String> =
            findings.iter().map(|it| format!("{} {:?} {:?}", it.package, it.licence, it.objection)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        debian/bsd Some("LicenseRef-BSD") Forbidden(["LicenseRef-BSD"])
        debian/gpl Some("GPL-3.0-only AND MIT") Forbidden(["GPL-3.0-only"])
        debian/silent None Unsaid
        conda/bsd Some("BSD") Unclear
        "#);
        assert_eq!(unused, ["gone", "pypi/*"]);
        let all = BTreeMap::from([reason("debian/*"), reason("conda/bsd")]);
        assert_eq!(judge_licences(&inventory, &allowed, &all), (Vec::new(), Vec::new()));
    }
}
