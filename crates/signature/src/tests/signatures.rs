//! What is signed, and what does not hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imgbuild_diagnostic::told;
use imgbuild_oci::Digest;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::{ed25519, key, p256, public};
use crate::{
    Bundle, Envelope, SignatureError, SigningKey, SimpleSignature, Statement, Subject, VerifyingKey,
    pre_authentication_encoding,
};

fn image() -> Digest {
    Digest::of("image")
}

fn bundle(key: &SigningKey) -> Bundle {
    Bundle::sign(&Statement::signed(&image()), key).unwrap()
}

/// What checking the bundle of these bytes says.
fn checked(bytes: &[u8], key: &VerifyingKey, image: &Digest) -> Result<(), SignatureError> {
    Bundle::parse(bytes)?.verified(key)?.is_about(image)
}

#[test]
fn what_is_signed_is_the_type_and_the_payload() {
    // The example of the specification.
    let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
    assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
}

#[test]
fn a_bundle_is_always_the_same() {
    let bytes = bundle(&ed25519()).to_bytes().unwrap();
    assert_eq!(bytes, bundle(&ed25519()).to_bytes().unwrap());
    assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"{"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJwcmVkaWNhdGUiOnt9LCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWduL3NpZ24vdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiNjEwNWQ2Y2M3NmFmNDAwMzI1ZTk0ZDU4OGNlNTExYmU1YmZkYmI3M2I0MzdkYzUxZWNhNDM5MTdkN2E0M2UzZCJ9fV19","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"Cr1v41x4CM7sKd8jDtNtmpi7hghlBLno2FT+A7QExlSsjeb39eYDZOzHY7NfaJ3KDtITCjzNrtBr2Vy+NBdpAw=="}]},"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU="}}}"#);
    let bytes = bundle(&p256()).to_bytes().unwrap();
    assert_eq!(bytes, bundle(&p256()).to_bytes().unwrap());
    assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"{"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJwcmVkaWNhdGUiOnt9LCJwcmVkaWNhdGVUeXBlIjoiaHR0cHM6Ly9zaWdzdG9yZS5kZXYvY29zaWduL3NpZ24vdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiNjEwNWQ2Y2M3NmFmNDAwMzI1ZTk0ZDU4OGNlNTExYmU1YmZkYmI3M2I0MzdkYzUxZWNhNDM5MTdkN2E0M2UzZCJ9fV19","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"MEUCIHGR5z0M/YrwAkHZGF61CtsOkZ7lj86z0OS3RMTJXPSWAiEAtquDbLYM38C5PmeSxscs+eG6pNQxH68dGuloGucSlrs="}]},"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ="}}}"#);
    let payload = bundle(&p256()).envelope.payload;
    assert_snapshot!(String::from_utf8(payload).unwrap(), @r#"{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"https://sigstore.dev/cosign/sign/v1","subject":[{"digest":{"sha256":"6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"}}]}"#);
}

#[test]
fn a_bundle_holds_for_its_key_and_its_image() {
    for (private, key) in [(ed25519(), public(key!("ed.pub"))), (p256(), public(key!("p256.pub")))] {
        let bytes = bundle(&private).to_bytes().unwrap();
        checked(&bytes, &key, &image()).unwrap();
        assert_eq!(Bundle::parse(&bytes).unwrap(), bundle(&private));
    }
}

#[test]
fn a_bundle_that_does_not_hold_is_told_why() {
    let (own, key) = (bundle(&p256()), public(key!("p256.pub")));
    let bytes = own.to_bytes().unwrap();
    let refused = |bytes: &[u8], image: &Digest| told(&checked(bytes, &key, image).unwrap_err());
    assert_snapshot!(refused(&bytes, &Digest::of("another")), @"it is about `sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d`, and not about `sha256:ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5`");
    assert_snapshot!(refused(&bundle(&ed25519()).to_bytes().unwrap(), &image()), @"it was made with another key: it names `nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=`, and this one is `PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=`");
    let changed = |change: &dyn Fn(&mut Bundle)| {
        let mut changed = own.clone();
        change(&mut changed);
        refused(&changed.to_bytes().unwrap(), &image())
    };
    // Somebody who puts another image into what was signed.
    let payload = Statement::signed(&Digest::of("another")).to_bytes().unwrap();
    assert_snapshot!(changed(&|it| it.envelope.payload = payload.clone()), @"it does not hold: what is signed was changed, or it was made with another key");
    assert_snapshot!(changed(&|it| it.envelope.payload_type = "text/plain".to_owned()), @"it does not hold: what is signed was changed, or it was made with another key");
    assert_snapshot!(changed(&|it| it.envelope.signatures.clear()), @"it does not hold: what is signed was changed, or it was made with another key");
    let json = |from: &str, to: &str| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        refused(text.replace(from, to).as_bytes(), &image())
    };
    assert_snapshot!(json("v0.3+json", "v0.9+json"), @"it is no bundle (Sigstore): it says that it is `application/vnd.dev.sigstore.bundle.v0.9+json`");
    assert_snapshot!(json("dsseEnvelope", "messageSignature"), @"it is no bundle (Sigstore): it has no `dsseEnvelope`");
    assert_snapshot!(json("\"sig\":\"", "\"sig\":\"!"), @"it is no envelope (DSSE): Invalid symbol 33, offset 0.");
    assert_snapshot!(refused(b"<html>", &image()), @"it is no bundle (Sigstore): expected value at line 1 column 1");
    // What is signed well and is something else.
    let other = Envelope::sign(b"{}".to_vec(), "text/plain", &p256());
    let other = Bundle { hint: None, envelope: other }.to_bytes().unwrap();
    assert_snapshot!(refused(&other, &image()), @"it is no statement (in-toto): it is a `text/plain`");
    let statement = json!({ "_type": "https://in-toto.io/Layout", "subject": [], "predicateType": "x" });
    let other = Envelope::sign(statement.to_string().into_bytes(), crate::STATEMENT_TYPE, &p256());
    let other = Bundle { hint: None, envelope: other }.to_bytes().unwrap();
    assert_snapshot!(refused(&other, &image()), @"it is no statement (in-toto): it says that it is a `https://in-toto.io/Layout`");
    let nothing = Statement::new(vec![Subject { name: None, digest: [].into() }], "x", json!({}));
    let nothing = Bundle::sign(&nothing, &p256()).unwrap().to_bytes().unwrap();
    assert_snapshot!(refused(&nothing, &image()), @"it is about nothing that has a SHA-256, and not about `sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d`");
}

#[test]
fn the_older_form_is_a_text_of_the_image() {
    let (key, name) = (public(key!("p256.pub")), "registry.example/team/base");
    let signed = SimpleSignature::sign(name, &image(), &p256()).unwrap();
    assert_eq!(signed, SimpleSignature::sign(name, &image(), &p256()).unwrap());
    assert_snapshot!(String::from_utf8(signed.payload.clone()).unwrap(), @r#"{"critical":{"identity":{"docker-reference":"registry.example/team/base"},"image":{"docker-manifest-digest":"sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"},"type":"cosign container image signature"},"optional":null}"#);
    assert_snapshot!(SimpleSignature::tag(&image()), @"sha256-6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d.sig");
    signed.is_about(&image(), &key).unwrap();
    let refused = |signed: &SimpleSignature, image: &Digest| told(&signed.is_about(image, &key).unwrap_err());
    assert_snapshot!(refused(&signed, &Digest::of("another")), @"it is about `sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d`, and not about `sha256:ae448ac86c4e8e4dec645729708ef41873ae79c6dff84eff73360989487f08e5`");
    let payload = SimpleSignature::sign(name, &Digest::of("another"), &p256()).unwrap().payload;
    assert_snapshot!(refused(&SimpleSignature { payload, ..signed.clone() }, &Digest::of("another")), @"it does not hold: what is signed was changed, or it was made with another key");
    let garbage = SimpleSignature { signature: "?".to_owned(), ..signed };
    assert_snapshot!(refused(&garbage, &image()), @"it is no signature of an image: Invalid symbol 63, offset 0.");
    let signed = |payload: &[u8]| SimpleSignature {
        payload: payload.to_vec(),
        signature: STANDARD.encode(p256().sign(payload)),
    };
    assert_snapshot!(refused(&signed(b"{}"), &image()), @"it is no signature of an image: missing field `critical` at line 1 column 2");
    let other = br#"{"critical":{"image":{"docker-manifest-digest":"md5:1"},"type":"cosign container image signature"}}"#;
    assert_snapshot!(refused(&signed(other), &image()), @"it is no signature of an image: `md5:1` is no digest");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_byte_of_a_bundle_can_be_changed(at in any::<prop::sample::Index>(), to in 0x20_u8..0x7f) {
        let (key, own) = (public(key!("ed.pub")), bundle(&ed25519()));
        let mut bytes = own.to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        // What still holds says the same.
        if let Ok(statement) = Bundle::parse(&bytes).and_then(|it| it.verified(&key)) {
            prop_assert_eq!(statement, Statement::signed(&image()));
        }
    }

    #[test]
    fn nothing_is_made_of_nonsense(bytes in prop::collection::vec(any::<u8>(), 0..64), text in ".{0,64}") {
        prop_assert!(Bundle::parse(&bytes).is_err());
        prop_assert!(SigningKey::from_pem(&text, None).is_err());
        prop_assert!(VerifyingKey::from_pem(&text).is_err());
        prop_assert!(!public(key!("ed.pub")).verifies(b"text", &bytes));
        prop_assert!(!public(key!("p256.pub")).verifies(b"text", &bytes));
    }
}
