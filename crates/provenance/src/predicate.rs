//! The predicate: SLSA's build provenance, version 1.

use imgbuild_lock::LockedVariant;
use serde_json::{Value, json};

use crate::attestation::keep;
use crate::builder::builder;
use crate::dependencies::dependencies;
use crate::facts::Facts;

/// The type of the predicate, which versions 1.0 to 1.2 of SLSA share.
pub const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// How an image is made of what is said here: where that is told.
pub const BUILD_TYPE: &str =
    "https://github.com/imgbuild/imgbuild/blob/main/docs/supply-chain.md#build-type-v1";

/// Where the image of a variant comes from.
pub fn predicate(locked: &LockedVariant<'_>, facts: &Facts<'_>) -> Value {
    let variant = locked.variant;
    let builder = builder(facts.variables);
    let mut run = json!({
        "builder": { "id": builder.id, "version": { "imgbuild": facts.version } },
    });
    if let Some(invocation) = builder.invocation {
        run["metadata"] = json!({ "invocationId": invocation });
    }
    let mut dependencies = dependencies(locked, facts);
    let byproducts = keep(facts.attestations, &mut dependencies);
    if !byproducts.is_empty() {
        run["byproducts"] = byproducts.into();
    }
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "spec": { "path": facts.spec.path, "sha256": facts.spec.digest.hex() },
                "variant": {
                    "name": facts.name.to_string(),
                    "platform": variant.platform.to_string(),
                    "keys": variant.keys,
                    "tags": variant.tags.iter().map(ToString::to_string).collect::<Vec<_>>(),
                },
            },
            "internalParameters": {
                "imgbuild": facts.version,
                "format": locked.format.number(),
            },
            "resolvedDependencies": dependencies,
        },
        "runDetails": run,
    })
}
