//! Which keys are read, and what is told of others.

use imgbuild_diagnostic::told;
use insta::assert_snapshot;

use super::{ed25519, key, p256, public};
use crate::{KeyError, SigningKey, VerifyingKey};

const PASSWORD: &str = "correct horse";

fn refused(text: &str, password: Option<&str>) -> String {
    told(&SigningKey::from_pem(text, password).unwrap_err())
}

#[test]
fn a_key_is_read_in_every_form_that_openssl_and_cosign_write() {
    assert_eq!(ed25519().verifying_key(), public(key!("ed.pub")));
    assert_eq!(p256().verifying_key(), public(key!("p256.pub")));
    // With the parameters of the curve before it.
    let sec1 = SigningKey::from_pem(key!("ec.key"), None).unwrap();
    let cosign = SigningKey::from_pem(key!("cosign.key"), Some(PASSWORD)).unwrap();
    let before = key!("cosign.key").replace("SIGSTORE", "COSIGN");
    let before = SigningKey::from_pem(&before, Some(PASSWORD)).unwrap();
    for same in [sec1, cosign, before] {
        assert_eq!(same.verifying_key(), p256().verifying_key());
    }
}

#[test]
fn a_public_key_is_written_as_it_was_read() {
    for text in [key!("ed.pub"), key!("p256.pub")] {
        assert_eq!(public(text).to_pem(), text);
    }
    // The SHA-256 of what `openssl pkey -pubin -outform DER` gives.
    assert_snapshot!(public(key!("ed.pub")).hint(), @"nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=");
    assert_snapshot!(public(key!("p256.pub")).hint(), @"PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=");
}

#[test]
fn no_secret_is_printed() {
    for key in [ed25519(), p256()] {
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.verifying_key().hint()));
    }
}

#[test]
fn a_key_that_cannot_sign_is_told_with_what_to_do() {
    assert_snapshot!(refused(key!("cosign.key"), None), @"
    it is encrypted, and no password is given
    hint: put its password into the variable `COSIGN_PASSWORD`
    ");
    assert_snapshot!(refused(key!("cosign.key"), Some("wrong")), @"
    it is encrypted with another password than the one given, or it was changed since
    hint: the password is that of the variable `COSIGN_PASSWORD`
    ");
    assert_snapshot!(refused(key!("enc8.key"), Some("x")), @"
    it is encrypted as PKCS #8 does it, and not as cosign does
    hint: `cosign import-key-pair --key KEY` encrypts it anew, and `openssl pkey -in KEY -out PLAIN` writes it without a password
    ");
    assert_snapshot!(refused(key!("encold.key"), Some("x")), @"
    it is encrypted as OpenSSL of old does it, and not as cosign does
    hint: `cosign import-key-pair --key KEY` encrypts it anew, and `openssl pkey -in KEY -out PLAIN` writes it without a password
    ");
    assert_snapshot!(refused(key!("rsa.key"), None), @"
    it is a key of RSA, and keys are of Ed25519 or of ECDSA over P-256
    hint: `cosign generate-key-pair` makes one
    ");
    assert_snapshot!(refused(key!("p384p8.key"), None), @"
    it is a key of ECDSA over P-384, and keys are of Ed25519 or of ECDSA over P-256
    hint: `cosign generate-key-pair` makes one
    ");
    assert_snapshot!(refused(key!("ed.pub"), None), @"
    it is a public key, with which signatures are checked and none are made
    hint: name the private key that belongs to it
    ");
    assert_snapshot!(refused("hunter2", None), @"
    it holds no key in PEM
    hint: `cosign generate-key-pair` makes a pair of keys, and so do `openssl genpkey -algorithm ed25519 -out sign.key` and `openssl pkey -in sign.key -pubout -out sign.pub`
    ");
    for (text, kind) in [(key!("rsa1.key"), "RSA"), (key!("k256.key"), "ECDSA over another curve")] {
        assert_eq!(SigningKey::from_pem(text, None).unwrap_err(), KeyError::Kind(kind.to_owned()));
    }
    assert_snapshot!(told(&VerifyingKey::from_pem(key!("ed.key")).unwrap_err()), @"
    it is a private key, and signatures are checked with the public one
    hint: `cosign public-key --key KEY`, or `openssl pkey -in KEY -pubout`, prints the public key that belongs to it
    ");
    assert_eq!(VerifyingKey::from_pem(key!("rsa.pub")).unwrap_err(), KeyError::Kind("RSA".to_owned()));
    assert_eq!(VerifyingKey::from_pem("hunter2").unwrap_err(), KeyError::NoKey);
}

/// A key of which cosign's JSON is another one.
fn with(change: impl Fn(&str) -> String) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let body: String = key!("cosign.key").lines().filter(|line| !line.starts_with('-')).collect();
    let json = change(&String::from_utf8(STANDARD.decode(body).unwrap()).unwrap());
    let label = "ENCRYPTED SIGSTORE PRIVATE KEY";
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(json))
}

#[test]
fn a_key_of_a_stranger_costs_no_more_than_it_may() {
    let refused = |from: &str, to: &str| refused(&with(|json| json.replace(from, to)), Some(PASSWORD));
    assert_snapshot!(refused("\"N\":65536", "\"N\":1073741824"), @"it is a damaged key: scrypt is not done with N = 1073741824, r = 8 and p = 1");
    assert_snapshot!(refused("\"N\":65536", "\"N\":65537"), @"it is a damaged key: scrypt is not done with N = 65537, r = 8 and p = 1");
    assert_snapshot!(refused("\"N\":65536", "\"N\":0"), @"it is a damaged key: scrypt is not done with N = 0, r = 8 and p = 1");
    assert_snapshot!(refused("\"r\":8", "\"r\":4294967295"), @"it is a damaged key: scrypt is not done with N = 65536, r = 4294967295 and p = 1");
    assert_snapshot!(refused("\"p\":1", "\"p\":4294967295"), @"it is a damaged key: scrypt is not done with N = 65536, r = 8 and p = 4294967295");
    assert_snapshot!(refused("scrypt", "md5"), @"it is a damaged key: its password goes through `md5`, which is not `scrypt`");
    assert_snapshot!(refused("nacl/secretbox", "rot13"), @"it is a damaged key: it is encrypted by `rot13`, which is not `nacl/secretbox`");
    assert_snapshot!(refused("{", "["), @r#"it is a damaged key: invalid type: string "kdf", expected how a key comes from its password at line 1 column 6"#);
}
