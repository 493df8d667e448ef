//! A base without its package manager: which packages are left out.

use std::collections::BTreeSet;

use imgbuild_lock::DebianPackage;

use crate::resolving::dependencies::{Dependencies, is_essential};

/// What installs packages, and what their scripts are written with: apt and dpkg, and the Essential packages that only scripts
/// need. None of them is in the image unless it was asked for by name.
const MANAGERS: [&str; 6] =
    ["apt", "debconf", "debian-archive-keyring", "dpkg", "init-system-helpers", "perl-base"];

/// Dependencies that only scripts have: the bundle of certificates is made without them. But where a program is linked with
/// OpenSSL's library, that finds the certificates by the links that the package `openssl` holds.
const OF_SCRIPTS: [(&str, &str); 1] = [("ca-certificates", "openssl")];

/// The packages that a base without a package manager has, by their indexes: the Essential ones and those of `wanted`, without
/// what installs packages, and what they need.
pub(crate) fn kept(
    packages: &[DebianPackage],
    dependencies: &Dependencies,
    wanted: &[String],
) -> BTreeSet<usize> {
    let named = |index: usize| {
        let name = &packages[index].name;
        wanted.iter().any(|it| it.split('=').next() == Some(name))
    };
    let manages = |index: usize| MANAGERS.contains(&packages[index].name.as_str());
    let root = |index: &usize| named(*index) || (is_essential(&packages[*index]) && !manages(*index));
    let follows = |from: usize, to: usize| {
        match (packages[from].name.as_str(), packages[to].name.as_str()) {
            pair if OF_SCRIPTS.contains(&pair) => false,
            // A program that asks for Perl by name means it.
            (_, "perl-base") => true,
            _ => !manages(to),
        }
    };
    let kept = dependencies.closure_by((0..packages.len()).filter(root), follows);
    let uses_openssl = kept.iter().any(|index| packages[*index].name.starts_with("libssl"));
    let openssl = (0..packages.len()).filter(|index| uses_openssl && packages[*index].name == "openssl");
    let more = dependencies.closure_by(openssl, follows);
    kept.into_iter().chain(more).collect()
}
