//! `[licenses]`.

use std::collections::BTreeMap;

use imgbuild_document::Located;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{LicenceText, PackageReference, Reason};

/// The licences that packages may be under: a build fails where one is under another, and so does `imgbuild licenses`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct LicencesTable {
    /// The licences, by their identifiers in SPDX's list, one at a time: `MIT`, `GPL-3.0-only WITH GCC-exception-3.1`,
    /// `LicenseRef-NVIDIA-End-User-License-Agreement`. Of a package that may be used under one of several, one must be here; of one that
    /// is under several at once, each.
    #[schemars(with = "Vec<LicenceText>", extend("examples" = [["MIT", "BSD-3-Clause", "Apache-2.0"]]))]
    pub(crate) allow: Located<Vec<Located<LicenceText>>>,
    /// Packages that may be under any licence, or say nothing of theirs, each with the reason: `numpy`, or `conda/numpy` where several
    /// ecosystems have one; or all of an ecosystem: `debian/*`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<PackageReference, Reason>", extend("examples" = [{"debian/*": "the lawyers know Debian"}]), extend("default" = {}))]
    pub(crate) except: BTreeMap<PackageReference, Located<Reason>>,
}
