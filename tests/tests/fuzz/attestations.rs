//! Attestations of packages, as indexes and channels offer them: what counts of a changed one says what the real one says.

use imgbuild_attestation::{Archive, Offered, Refusal, TrustRoot, Verifier, of_conda, of_wheel};
use imgbuild_provenance::Attestation;
use imgbuild_tests::workspace_root;

use crate::{Seed, fuzz};

const TOKENS: [&str; 9] =
    ["\"\"", "null", "[]", "{}", "0", "AAAA", "GitHub", "\"inclusionProof\"", "application/vnd.in-toto+json"];

fn genuine(name: &str) -> Vec<u8> {
    let folder = workspace_root().join("crates/attestation/src/tests/genuine");
    fs_err::read(folder.join(name)).unwrap()
}

/// Changes a real offer, and holds what counts of it against the real one.
fn holds(offer: &str, name: &str, sha256: &str, read: impl Fn(&[u8]) -> Result<Vec<Offered>, Refusal>) {
    let archive = Archive { name, sha256: sha256.parse().unwrap() };
    let verifier = Verifier::new(&TrustRoot::read(None).unwrap()).unwrap();
    let verified = |bytes: &[u8]| -> Result<Vec<Attestation>, Refusal> {
        read(bytes)?.iter().map(|offered| verifier.verify(offered, &archive)).collect()
    };
    let real = verified(&genuine(offer)).unwrap().remove(0);
    fuzz(&[Seed::plain(genuine(offer))], &TOKENS, |bytes| {
        for found in verified(bytes).map_err(|error| error.to_string())? {
            // What nobody has signed may be written in another way.
            let (bundle, media_type) = (real.bundle.clone(), real.media_type.clone());
            assert_eq!(Attestation { bundle, media_type, ..found }, real);
        }
        Ok(())
    });
}

#[test]
fn provenance_objects_of_indexes() {
    let name = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl";
    let sha256 = "sha256:8cb34da1e27336f11a2c43f3f9c7433bd76f24f470c904724f06ad7f131d9e9f";
    holds(&format!("{name}.provenance"), name, sha256, |bytes| {
        of_wheel(bytes, "https://index.example/simple")
    });
}

#[test]
fn sidecars_of_channels() {
    let name = "actionlint-1.7.12-h60d57d3_0.conda";
    let sha256 = "sha256:e3e0f35dec5b09b18baac8729d14115903b5adfd25065f8bbb90a2b3be5401e4";
    holds(&format!("{name}.sigs"), name, sha256, |bytes| of_conda(bytes, "https://channel.example/main"));
}
