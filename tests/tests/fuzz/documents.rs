//! Signed indexes, specs, locks, and the documents of images.

use imgbuild_debian::Keyring;
use imgbuild_oci::{Choice, DiffId, Digest, Platform, StoredImage};
use imgbuild_spec::Spec;
use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::json;

use crate::seeds::{FILES, gzip, tar_of};
use crate::{Seed, fuzz};

const KEY: &[u8] = include_bytes!("../../../crates/debian/src/archive/testdata/extended.key");
const SIGNED: &str = include_str!("../../../crates/debian/src/archive/testdata/extended.signed");
/// When the text was signed, in seconds since 1970.
const SIGNING: i64 = 1_577_836_800;

#[test]
fn in_release() {
    let keyring = Keyring::read(KEY).unwrap();
    let text = keyring.verify(SIGNED, SIGNING).unwrap();
    let words = [
        "-----BEGIN PGP SIGNED MESSAGE-----\n",
        "-----BEGIN PGP SIGNATURE-----\n",
        "-----END PGP SIGNATURE-----\n",
        "Hash: SHA512\n",
        "Hash: MD5\n",
        "\n\n",
        "- ",
        "\r\n",
        "Suite: other\n",
        "=",
        " ",
        "\t",
        "\0",
    ];
    fuzz(&[Seed::plain(SIGNED)], &words, |bytes| {
        let found =
            keyring.verify(&String::from_utf8_lossy(bytes), SIGNING).map_err(|error| error.to_string())?;
        // Nothing but what was signed is ever taken from it.
        assert_eq!(found, text);
        Ok(())
    });
    let whole = [KEY, SIGNED.as_bytes()].concat();
    // Nor is it so by another key, however that one came to be.
    fuzz(&[Seed::plain(whole)], &words, |bytes| {
        let at = bytes.windows(10).position(|it| it == b"-----BEGIN").filter(|at| *at > 0);
        let (key, signed) = bytes.split_at(at.unwrap_or(KEY.len().min(bytes.len())));
        let keyring = Keyring::read(key).map_err(|error| error.to_string())?;
        let found =
            keyring.verify(&String::from_utf8_lossy(signed), SIGNING).map_err(|error| error.to_string())?;
        assert_eq!(found, text);
        Ok(())
    });
}

const SPEC: &str = r#"name = "team/{python}"
tags = ["{python}-cuda{cuda}"]
platforms = ["linux/amd64"]
python = { version = "{python}", from = "conda" }
cuda = "{cuda}"
env = "environment.yml"
[matrix]
python = ["3.9", "3.10"]
cuda = ["11.8", "12.4"]
exclude = [{ python = "3.9", cuda = "12.4" }]
[base]
debian = "bookworm"
packages = ["git"]
pin = { git = "1:2.39.*" }
[conda]
packages = ["numpy >=1.26"]
exclude-newer = 2024-05-01T00:00:00Z
[pip]
packages = ["six[a] >=1.16 ; python_version < '3.12'"]
[image]
user = "1000:100"
expose = [8080, "53/udp"]
env = { A = "ü{{}}" }
[layers]
budget = 40
"#;
const ENVIRONMENT: &str = "\
name: e
channels: &c [conda-forge, nodefaults]
dependencies:
  - python=3.11
  - pip: [x]
variables: {A: 1.50, B: ~}
prefix: /é
";

#[test]
fn spec() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs_err::write(file("environment.yml"), ENVIRONMENT).unwrap();
    // The files are told apart by a first byte.
    let marked = |mark: u8| move |text: &[u8]| [&[mark], text].concat();
    let seeds = [Seed::part(SPEC, marked(b's')), Seed::part(ENVIRONMENT, marked(b'e'))];
    let words = [
        "[",
        "]",
        "{",
        "}",
        "{python}",
        "{{",
        "\"\"\"",
        "'",
        "\\u0000",
        "\\x",
        "= ",
        "[[copy]]\n",
        "jupyter = true\n",
        "- ",
        "  ",
        "&a ",
        "*a",
        "<<: *c",
        "!!binary ",
        "? ",
        ": ",
        "|\n",
        "---\n",
        "#",
        "\t",
        "\u{feff}",
        "1979-05-27",
    ];
    fuzz(&seeds, &words, |bytes| {
        let (mark, text) = bytes.split_first().unwrap();
        let of_spec = *mark == b's';
        fs_err::write(file("spec.toml"), if of_spec { text } else { SPEC.as_bytes() }).unwrap();
        fs_err::write(file("environment.yml"), if of_spec { ENVIRONMENT.as_bytes() } else { text }).unwrap();
        let variants = Spec::load(&file("spec.toml")).and_then(|spec| spec.variants(Platform::LinuxAmd64));
        variants.map(drop).map_err(|error| {
            // Every mistake can be shown, at its place.
            let mut shown = String::new();
            let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
            handler.render_report(&mut shown, &error).unwrap();
            assert!(!shown.is_empty());
            error.to_string()
        })
    });
}

#[test]
fn lock() {
    let seeds = [Seed::plain(include_str!("seeds/spec.lock"))];
    let words = [
        "[[variant]]\n",
        "[[pypi]]\n",
        "[",
        "]",
        "\"\"\"",
        "sha256:",
        "\\u0000",
        "../",
        "/",
        "version = 2\n",
        "= ",
        ",",
        "{",
        "}",
        "\"",
        "'",
        "#",
        "\n\n",
    ];
    fuzz(&seeds, &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let lock = imgbuild_lock::Lock::parse(&text).map_err(|error| error.to_string())?;
        // What is read is written, and read again as the same.
        assert_eq!(imgbuild_lock::Lock::parse(&lock.to_text().unwrap()).unwrap(), lock);
        Ok(())
    });
}

#[test]
fn image_documents() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("image.tar");
    let tar = tar_of(FILES);
    let layer = gzip(&tar);
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": "2024-05-01T00:00:00Z",
        "config": { "Env": ["PATH=/usr/bin"], "User": "1000", "Cmd": ["sh"], "Labels": { "a": "b" } },
        "rootfs": { "type": "layers", "diff_ids": [DiffId(Digest::of(&tar))] },
        "history": [{ "created": "2024-05-01T00:00:00Z", "created_by": "hand" }],
    })
    .to_string();
    let described = |media_type: &str, bytes: &[u8]| json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() });
    let of_config = "application/vnd.oci.image.config.v1+json";
    let of_layer = "application/vnd.oci.image.layer.v1.tar+gzip";
    let of_manifest = "application/vnd.oci.image.manifest.v1+json";
    let packed = layer.clone();
    let manifest = move |config: &[u8]| {
        json!({
            "schemaVersion": 2, "mediaType": of_manifest,
            "config": described(of_config, config), "layers": [described(of_layer, &packed)],
        })
        .to_string()
        .into_bytes()
    };
    let index = move |manifest: &[u8]| {
        let mut descriptor = described(of_manifest, manifest);
        descriptor["platform"] = json!({ "architecture": "amd64", "os": "linux" });
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": "a:1" });
        json!({ "schemaVersion": 2, "manifests": [descriptor] }).to_string().into_bytes()
    };
    let whole = move |index: &[u8], manifest: &[u8], config: &[u8]| {
        let name = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
        let names = [name(manifest), name(config), name(&layer)];
        tar_of([
            ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice()),
            ("index.json", index),
            (&names[0], manifest),
            (&names[1], config),
            (&names[2], &layer),
        ])
    };
    let c = config.clone().into_bytes();
    let m = manifest(&c);
    let i = index(&m);
    let [(of_1, of_2, of_3), (of_4, _, _)] = [(); 2].map(|()| (c.clone(), m.clone(), whole.clone()));
    let seeds = [
        Seed::plain(whole(&i, &m, &c)),
        Seed::part(i, {
            let whole = whole.clone();
            move |index| whole(index, &of_2, &of_1)
        }),
        Seed::part(m, move |manifest| of_3(&index(manifest), manifest, &of_4)),
        Seed::part(config, move |config| {
            let manifest = manifest(config);
            whole(&index(&manifest), &manifest, config)
        }),
    ];
    let words = [
        "\"manifests\":[],",
        "\"layers\":[],",
        "\"Layers\":[],",
        "\"mediaType\":\"application/vnd.oci.image.index.v1+json\",",
        "\"size\":-1,",
        "null",
        "[",
        "{",
        "}",
        "\\u0000",
        "sha512:",
        "../",
        "\"urls\":[\"http://a\"],",
        "\"data\":\"AAAA\",",
        "\"variant\":\"v8\",",
        "\"artifactType\":\"x\",",
        "\"subject\":{},",
    ];
    fuzz(&seeds, &words, |bytes| {
        fs_err::write(&file, bytes).unwrap();
        let choice = Choice { platform: Platform::LinuxAmd64, reference: None };
        let image = StoredImage::open(&file, &choice).map_err(|error| error.to_string())?;
        for number in 0..image.layers.len() {
            let read = image.read_layer(number, |tar| std::io::copy(tar, &mut std::io::sink()));
            let (copied, size) = read.map_err(|error| error.to_string())?;
            assert_eq!(copied.unwrap(), size);
        }
        Ok(())
    });
    // What says that a tarball holds does not panic either.
    fuzz(&seeds, &words, |bytes| {
        fs_err::write(&file, bytes).unwrap();
        imgbuild_oci::validate(&file).map(drop).map_err(|error| error.to_string())
    });
}
