//! Who published what an image is made of: attestations of real packages, as indexes and channels on loopback offer them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgbuild_attestation::{Archive, TrustRoot, Verifier};
use imgbuild_conda::{Asking, channel_attestations};
use imgbuild_lock::CondaPackage;
use imgbuild_net::{Client, DownServers, Options};
use imgbuild_oci::Digest;
use imgbuild_store::Store;
use imgbuild_tests::{Answer, Imgbuild, Registry, Request, Server, channel, channel_folder, workspace_root};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{get, json as json_of, key, referrers};

const WHEEL: &str = "circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl";
const PAGE: &str = "/simple/circleci-sign-publish-example/";
const PROVENANCE: &str = "/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance";
const KEY: &str = "ed.key";

/// What is offered for a real package.
fn genuine(name: &str) -> Vec<u8> {
    let folder = workspace_root().join("crates/attestation/src/tests/genuine");
    fs_err::read(folder.join(name)).unwrap()
}

/// The provenance object that the index of the wheel has.
fn offer() -> Value {
    serde_json::from_slice(&genuine(&format!("{WHEEL}.provenance"))).unwrap()
}

/// What no run before had: the store that all runs share remembers what was offered.
fn nonce() -> u64 {
    rand::random()
}

/// An index (PEP 691) that has the wheel, and says that its attestations are at `place`, which is a path of its own or a whole URL;
/// it answers there as it is told.
fn index(place: &'static str, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    let folder = workspace_root().join("tests/tests/trust/genuine");
    let sha256 = Digest::of(fs_err::read(folder.join(WHEEL)).unwrap()).hex();
    Server::with(&folder, move |request: &Request| match request.path.as_str() {
        path if path.ends_with(PAGE) => {
            let own = format!("http://{}{place}", request.host);
            let provenance = if place.contains("://") { place } else { &own };
            // A page that leads to another server says that the file is there as well.
            let server = place.strip_suffix(PROVENANCE).unwrap_or_default();
            let file = json!({
                "filename": WHEEL, "url": format!("{server}/{WHEEL}"), "hashes": { "sha256": sha256 },
                "provenance": Some(provenance).filter(|_| !place.is_empty()),
            });
            let page = json!({
                "meta": { "api-version": "1.3" }, "name": "circleci-sign-publish-example", "files": [file],
            });
            Answer::Json(page.to_string())
        }
        path if path == PROVENANCE => answer(),
        _ => Answer::File,
    })
}

/// Writes the spec of an image with Python and the wheel, whatever index that comes from.
fn spec(imgbuild: &Imgbuild) {
    imgbuild.write(
        "spec.toml",
        format!(
            "name = \"app\"\nbase = \"bookworm\"\nplatforms = [\"linux/amd64\"]\n\
             [conda]\nchannels = [\"{}\"]\npackages = [\"python 3.11.*\"]\npip = false\n\
             [pip]\npackages = [\"circleci-sign-publish-example==0.0.1.dev137\"]\n\
             [layers]\nbytecode = false\n",
            channel()
        ),
    );
}

/// The same program, which asks this index.
fn asking(imgbuild: Imgbuild, index: &Server) -> Imgbuild {
    let place = index.url().replace("http://", "http://user:hunter2@");
    imgbuild.variable("UV_DEFAULT_INDEX", format!("{place}/{}/simple", nonce()))
}

/// Nobody waits for what fails here. What images are made of is in the store that all tests share.
fn imgbuild() -> Imgbuild {
    let store = imgbuild_tests::shared_store();
    super::imgbuild().with_store(&store).variable("IMGBUILD_HTTP_RETRIES", "0")
}

/// Builds and pushes it with provenance: what is said as JSON.
#[track_caller]
fn build(imgbuild: &Imgbuild, registry: &Registry) -> Value {
    let target = format!("{}/app", registry.address());
    json_of(imgbuild.run([
        "build",
        "spec.toml",
        "--json",
        "--provenance",
        "--sign-key",
        &key(KEY),
        "--push",
        &target,
    ]))
}

/// The predicate of the provenance that is beside an image.
fn predicate(registry: &Registry, built: &Value) -> Value {
    let image: Digest = built["pushed"][0]["digest"].as_str().unwrap().parse().unwrap();
    let artifact = &referrers(registry, "app", &image)[0];
    let digest = artifact["layers"][0]["digest"].as_str().unwrap();
    let statement: Value = serde_json::from_slice(&get(registry, &format!("app/blobs/{digest}"))).unwrap();
    statement["predicate"].clone()
}

/// The notes of attestations, without what differs from run to run.
fn notes(built: &Value, server: &Server) -> String {
    let all = built["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap());
    let own: Vec<&str> = all.filter(|note| note.contains("attestation")).collect();
    own.join("\n").replace(server.url().trim_start_matches("http://"), "SERVER")
}

#[test]
fn who_published_a_wheel_is_in_the_provenance_and_asked_once() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let index = index(PROVENANCE, || Answer::Bytes(offer().to_string().into_bytes()));
    let imgbuild = asking(imgbuild, &index);
    spec(&imgbuild);
    let built = build(&imgbuild, &registry);
    assert_eq!(built["attested"]["proved"], 1, "{built:#}");
    assert_eq!(built["attested"]["offered"], 1);
    assert_eq!(notes(&built, &index), "");

    let said = predicate(&registry, &built);
    let all = said["buildDefinition"]["resolvedDependencies"].as_array().unwrap();
    let attested: Vec<&Value> = all.iter().filter(|it| it["annotations"].is_object()).collect();
    // The index is named as everybody may see it.
    let of_index = attested[0]["annotations"]["attestations"][0]["index"].as_str().unwrap().to_owned();
    assert!(of_index.starts_with(&index.url()) && of_index.ends_with("/simple"), "{of_index}");
    let shown = serde_json::to_string_pretty(&attested).unwrap().replace(&of_index, "INDEX");
    assert_snapshot!(shown, @r#"
    [
      {
        "annotations": {
          "attestations": [
            {
              "bundle": "sha256:996fdf90bf2b5e9c65783b5e8b04c83ea28ad1c48f8f3a6403498a92d5ea71d4",
              "identity": "https://circleci.com/api/v2/projects/fdd9283f-e619-46af-8f9c-851f7d3e8b2b/pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f",
              "index": "INDEX",
              "issuer": "https://oidc.circleci.com",
              "predicateType": "https://docs.pypi.org/attestations/publish/v1",
              "repository": "github.com/CircleCI-Public/sign-and-publish-examples"
            }
          ]
        },
        "digest": {
          "sha256": "8cb34da1e27336f11a2c43f3f9c7433bd76f24f470c904724f06ad7f131d9e9f"
        },
        "uri": "pkg:pypi/circleci-sign-publish-example@0.0.1.dev137?file_name=circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl"
      }
    ]
    "#);
    // The bundle itself is there under the digest that is named, and any tool of Sigstore's reads it.
    let byproducts = said["runDetails"]["byproducts"].as_array().unwrap();
    assert_eq!(byproducts.len(), 1);
    let bundle = STANDARD.decode(byproducts[0]["content"].as_str().unwrap()).unwrap();
    assert_eq!(Digest::of(&bundle).hex(), byproducts[0]["digest"]["sha256"].as_str().unwrap());
    let named = &attested[0]["annotations"]["attestations"][0]["bundle"];
    assert_eq!(named, &Digest::of(&bundle).to_string());
    assert_eq!(byproducts[0]["mediaType"], super::BUNDLE);

    // Who may ask the index asks so here as well, and nobody is told how.
    let asked = index.requests().into_iter().filter(|it| it.path == PROVENANCE);
    let logins: Vec<_> = asked.map(|it| it.authorization).collect();
    assert_eq!(logins, [Some("Basic dXNlcjpodW50ZXIy".to_owned())]);
    assert!(!said.to_string().contains("hunter2") && !built.to_string().contains("hunter2"));

    // The next build asks nobody, and says the same.
    let asked = (index.count(PAGE), index.count(PROVENANCE));
    assert_eq!(predicate(&registry, &build(&imgbuild, &registry)), said);
    assert_eq!((index.count(PAGE), index.count(PROVENANCE)), asked);
    // So does another builder.
    let same = of_index.replace("http://", "http://user:hunter2@");
    let other = super::imgbuild().variable("UV_DEFAULT_INDEX", same);
    other.write("spec.toml", imgbuild.read("spec.toml"));
    other.write("spec.lock", imgbuild.read("spec.lock"));
    let elsewhere = Registry::new();
    assert_eq!(predicate(&elsewhere, &build(&other, &elsewhere)), said);

    let target = format!("{}/app:latest", registry.address());
    let verify = ["verify", &target, "--key", &key("ed.pub"), "--json"];
    let told = imgbuild.run(&verify[..4]).success().stdout;
    let told: Vec<&str> = told.lines().filter(|line| line.starts_with("publishers")).collect();
    assert_eq!(told, ["publishers: 1 package had attestations that held when the image was built"]);
    let told = json_of(imgbuild.run(verify));
    assert_eq!(told["provenance"][0]["publishers"][0]["issuer"], "https://oidc.circleci.com");
    let words = ["build", "spec.toml", "--provenance", "--push", &target];
    let summary = imgbuild.run(words).success().stderr;
    let packages = &built["attested"]["packages"];
    let line = format!("with provenance\n1 of {packages} packages has attestations that hold\n");
    assert!(summary.contains(&line), "{summary}");
}

#[test]
fn what_does_not_hold_is_told_and_fails_nothing() {
    let (registry, mut imgbuild) = (Registry::new(), imgbuild());
    spec(&imgbuild);
    let json = |change: &dyn Fn(&mut Value)| {
        let mut offer = offer();
        change(&mut offer);
        let text = offer.to_string().into_bytes();
        Box::new(move || Answer::Bytes(text.clone())) as Box<dyn Fn() -> Answer + Send + Sync>
    };
    let attestation = "/attestation_bundles/0/attestations/0";
    let changed = json(&|offer| {
        let text = offer.pointer_mut(&format!("{attestation}/envelope/statement")).unwrap();
        let statement = String::from_utf8(STANDARD.decode(text.as_str().unwrap()).unwrap()).unwrap();
        *text = STANDARD.encode(statement.replace("publish/v1", "publish/v2")).into();
    });
    let other = json(&|offer| {
        let bytes = genuine("pypi_attestations-0.0.19.tar.gz.provenance");
        *offer = serde_json::from_slice(&bytes).unwrap();
    });
    let publisher = json(&|offer| {
        let publisher = offer.pointer_mut("/attestation_bundles/0/publisher").unwrap();
        *publisher = json!({ "kind": "GitHub", "repository": "a/b", "workflow": "c.yml" });
    });
    let unlogged = json(&|offer| {
        let material = format!("{attestation}/verification_material/transparency_entries");
        *offer.pointer_mut(&material).unwrap() = json!([]);
    });
    let many = json(&|offer| {
        let material = format!("{attestation}/verification_material/transparency_entries");
        let entries = offer.pointer_mut(&material).unwrap().as_array_mut().unwrap();
        *entries = vec![entries[0].clone(); 5];
    });
    let folder = workspace_root().join("tests/tests/trust/genuine");
    let other_server = Server::with(&folder, |request: &Request| match request.path == PROVENANCE {
        true => Answer::Bytes(offer().to_string().into_bytes()),
        false => Answer::File,
    });
    let elsewhere: &'static str = format!("{}{PROVENANCE}", other_server.url()).leak();
    let large = || {
        let much = format!("{{\"version\": 1, \"x\": \"{}\"}}", "x".repeat(50_000_000));
        Answer::Bytes(much.into_bytes())
    };
    type Case<'a> = (&'a str, &'static str, Box<dyn Fn() -> Answer + Send + Sync>);
    let cases: Vec<Case<'_>> = vec![
        ("a changed statement", PROVENANCE, changed),
        ("an attestation of another archive", PROVENANCE, other),
        ("another publisher", PROVENANCE, publisher),
        ("no entry of a log", PROVENANCE, unlogged),
        ("many entries of logs", PROVENANCE, many),
        ("50 MB", PROVENANCE, Box::new(large)),
        ("no JSON", PROVENANCE, Box::new(|| Answer::Page("<html>".to_owned()))),
        ("nothing there", PROVENANCE, Box::new(|| Answer::Status(404))),
        ("a server that fails", PROVENANCE, Box::new(|| Answer::Status(500))),
        ("a server that refuses", PROVENANCE, Box::new(|| Answer::Status(403))),
        ("a server that leads to another", PROVENANCE, Box::new(|| Answer::Redirect(elsewhere.to_owned()))),
        ("another server", elsewhere, Box::new(|| Answer::File)),
        ("no attestations", "", Box::new(|| Answer::File)),
    ];
    let mut told = String::new();
    for (what, place, answer) in cases {
        let index = index(place, answer);
        imgbuild = asking(imgbuild, &index);
        let built = build(&imgbuild, &registry);
        assert_eq!(built["attested"]["proved"].as_u64().unwrap_or(0), 0, "{what}");
        assert!(predicate(&registry, &built)["runDetails"]["byproducts"].is_null(), "{what}");
        told.push_str(&format!("{what}:\n{}\n\n", notes(&built, &index)));
    }
    // What would hold is there, and nobody has asked for it.
    assert_eq!(other_server.count(PROVENANCE), 0);
    let told = told.replace(&other_server.url(), "OTHER");
    assert_snapshot!(told, @r#"
    a changed statement:
    an attestation of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` is not kept: its signature does not hold: what is signed was changed, or another key has signed it

    an attestation of another archive:
    an attestation of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` is not kept: it is about `pypi_attestations-0.0.19.tar.gz`, and not about `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl`

    another publisher:
    an attestation of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` is not kept: the index says that it is by c.yml of a/b at GitHub, and its certificate is of https://circleci.com/api/v2/projects/fdd9283f-e619-46af-8f9c-851f7d3e8b2b/pipeline-definitions/8e4f8ab2-8d7c-4827-9f15-de076d6d647f

    no entry of a log:
    an attestation of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` is not kept: it is not proved that a log has noted it: it names none, or has no proof of it

    many entries of logs:
    an attestation of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` is not kept: it names 5 entries of logs, and no more than 4 are looked at

    50 MB:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: `http://SERVER/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance` is larger than 262144 bytes

    no JSON:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: it is no provenance object (PEP 740) that can be read: expected value at line 1 column 1

    nothing there:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: `http://SERVER/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance` does not exist

    a server that fails:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: the server answered `500 Internal Server Error` for `http://SERVER/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance`

    a server that refuses:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: `http://SERVER/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance` may not be read (403 Forbidden); hint: check the credentials that are stored for this host

    a server that leads to another:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: `http://SERVER/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance` leads to another server, which is not asked

    another server:
    the attestations of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` cannot be had: the index says that they are at `OTHER/integrity/circleci-sign-publish-example/0.0.1.dev137/provenance`, which is not its own server

    no attestations:
    "#);
}

#[test]
fn the_settings_name_keys() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let index = index(PROVENANCE, || Answer::Bytes(offer().to_string().into_bytes()));
    let imgbuild = asking(imgbuild, &index);
    spec(&imgbuild);
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [], "certificateAuthorities": [], "ctlogs": [], "timestampAuthorities": [],
    });
    let path = imgbuild.write("keys.json", root.to_string());
    let settings =
        imgbuild.write("config.toml", format!("[sigstore]\ntrusted-root = \"{}\"\n", path.display()));
    let imgbuild = imgbuild.variable("IMGBUILD_CONFIG", settings);
    let unknown = notes(&build(&imgbuild, &registry), &index);
    imgbuild.write("keys.json", "[]");
    let target = format!("{}/app", registry.address());
    let words = ["build", "spec.toml", "--provenance", "--push", &target];
    let wrong = imgbuild.run(words).failure().stderr;
    let wrong = wrong.replace(&imgbuild.folder().display().to_string(), "FOLDER");
    assert_snapshot!(format!("{unknown}\n\n{wrong}"), @r#"
    an attestation of `circleci_sign_publish_example-0.0.1.dev137-py3-none-any.whl` is not kept: no log that Sigstore's keys know has noted it: it names the log `wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=`; hint: if it was made after this version of imgbuild, Sigstore may have new keys: name a newer `trusted_root.json` of its own as `[sigstore] trusted-root` in the settings

      × `FOLDER/keys.json` has no keys of Sigstore that can be used: failed to parse JSON: invalid length 0, expected struct TrustedRoot with 5 elements at line 1 column 2
      help: what is wanted is the `trusted_root.json` that Sigstore's own tools keep
    "#);
}

/// The sidecar of a real conda package.
const SIDECAR: &str = "actionlint-1.7.12-h60d57d3_0.conda.sigs";

/// A channel whose index names these attestations of tzdata, and which has something there.
fn channel_of(stated: String, sidecar: impl Fn() -> Answer + Send + Sync + 'static) -> Server {
    Server::with(&channel_folder(), move |request: &Request| {
        if request.path.contains(".sigs") {
            return sidecar();
        }
        if !request.path.ends_with("/noarch/repodata.json") {
            return if request.path.contains("/repodata") && !request.path.ends_with(".json") {
                Answer::Status(404)
            } else {
                Answer::File
            };
        }
        let text = fs_err::read(channel_folder().join("noarch/repodata.json")).unwrap();
        let mut index: Value = serde_json::from_slice(&text).unwrap();
        for key in ["packages", "packages.conda"] {
            for (name, record) in index[key].as_object_mut().unwrap() {
                if name.starts_with("tzdata-") {
                    record["attestations_sha256"] = stated.clone().into();
                }
            }
        }
        Answer::Bytes(index.to_string().into_bytes())
    })
}

#[test]
fn channels_are_asked_for_what_their_records_name() {
    let registry = Registry::new();
    // Blanks at the end change nothing but the hash.
    let blanks: String = format!("{:064b}", nonce()).replace('0', " ").replace('1', "\n");
    let bytes = [genuine(SIDECAR), blanks.into_bytes()].concat();
    let hash = Digest::of(&bytes).hex();
    type Case<'a> = (&'a str, Box<dyn Fn() -> Answer + Send + Sync>);
    let cases: Vec<Case<'_>> = vec![
        ("other bytes", Box::new(|| Answer::Bytes(b"[]".to_vec()))),
        ("nothing there", Box::new(|| Answer::Status(404))),
        // What has the right hash is not asked for again: so it comes last.
        ("the attestation of another package", Box::new(move || Answer::Bytes(bytes.clone()))),
    ];
    let mut told = String::new();
    for (what, sidecar) in cases {
        let imgbuild = imgbuild();
        let server = channel_of(hash.clone(), sidecar);
        let spec = format!(
            "name = \"app\"\nbase = \"bookworm\"\nplatforms = [\"linux/amd64\"]\n\
             [conda]\nchannels = [\"{}\"]\npackages = [\"tzdata\"]\npip = false\n",
            server.url()
        );
        imgbuild.write("spec.toml", spec);
        let built = build(&imgbuild, &registry);
        assert_eq!(server.count(&format!(".sigs.{hash}")), 1, "{what}");
        told.push_str(&format!("{what}:\n{}\n\n", notes(&built, &server).replace(&hash, "HASH")));
        // What a lock names that has no attestations is not asked about.
        assert_eq!(server.requests().iter().filter(|it| it.path.contains(".sigs")).count(), 1);
    }
    assert_snapshot!(told, @r#"
    other bytes:
    the attestations of `tzdata-2026b-0.tar.bz2` cannot be had: the channel has others than its index says: they have the hash `sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945`, and must have `sha256:HASH`

    nothing there:
    the attestations of `tzdata-2026b-0.tar.bz2` cannot be had: `http://SERVER/noarch/tzdata-2026b-0.tar.bz2.sigs.HASH` does not exist

    the attestation of another package:
    an attestation of `tzdata-2026b-0.tar.bz2` is not kept: it is about `actionlint-1.7.12-h60d57d3_0.conda`, and not about `tzdata-2026b-0.tar.bz2`
    "#);
}

#[test]
fn a_real_conda_package_is_of_whom_its_attestation_says() {
    let folder = imgbuild_tests::scratch("publishers");
    let store = Store::open(folder.path()).unwrap();
    let server = Server::with(folder.path(), |_| Answer::Bytes(genuine(SIDECAR)));
    let hash = Digest::of(genuine(SIDECAR)).hex();
    let sha256: Digest =
        "sha256:e3e0f35dec5b09b18baac8729d14115903b5adfd25065f8bbb90a2b3be5401e4".parse().unwrap();
    let name = "actionlint-1.7.12-h60d57d3_0.conda";
    let package: CondaPackage = toml::from_str(&format!(
        "url = \"{url}/linux-64/{name}\"\nchannel = \"{url}\"\nsha256 = \"{sha256}\"\n\
         [facts]\npaths = \"{sha256}\"\ninstalled-size = 1\n\
         [record]\nname = \"actionlint\"\nversion = \"1.7.12\"\nbuild = \"h60d57d3_0\"\nattestations_sha256 = \"{hash}\"\n",
        url = server.url(),
    ))
    .unwrap();
    let asked = |offline: bool| {
        let client = Client::new(Options { offline, ..Options::default() }).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (mut offers, down) = (Vec::new(), DownServers::default());
        let asking = Asking { channels: &[], client: &client, store: &store, down: &down };
        runtime.block_on(channel_attestations(&[&package], &asking, |_, offered| offers.push(offered)));
        offers.remove(0).unwrap()
    };
    // Offline, and before anybody was asked, nothing is known, and that is no news.
    assert_eq!(asked(true), []);
    let offered = asked(false);
    assert_eq!((asked(false), asked(true)), (offered.clone(), offered.clone()));
    assert_eq!(server.requests().len(), 1);
    let verifier = Verifier::new(&TrustRoot::read(None).unwrap()).unwrap();
    let proved = verifier.verify(&offered[0], &Archive { name, sha256 }).unwrap();
    assert_eq!(proved.repository.as_deref(), Some("https://github.com/hunger/octoconda"));
    assert!(proved.target_channel.unwrap().ends_with("/github-releases"));
    // The channel that offers it is another matter.
    assert!(proved.channel.is_some());
}

/// Whose a file is, nobody knows while a page of links is not to be had: the names of private wheels are no index's business.
#[test]
fn no_index_hears_of_wheels_while_a_page_of_links_cannot_be_had() {
    let index = index(PROVENANCE, || Answer::Json(offer().to_string()));
    let links = Server::with(&workspace_root().join("tests/tests/trust/genuine"), |_| Answer::Status(500));
    let (imgbuild, registry) = (asking(imgbuild(), &index), Registry::new());
    spec(&imgbuild);
    imgbuild.run(["lock", "spec.toml"]).success();
    let before = index.count(PAGE);
    let built = build(&imgbuild.variable("UV_FIND_LINKS", links.url()), &registry);
    assert_eq!(index.count(PAGE), before);
    let notes = built["notes"].to_string();
    assert!(notes.contains("cannot be had") || notes.contains("nobody knows which attestations"), "{notes}");
}
