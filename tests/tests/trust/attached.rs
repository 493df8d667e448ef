//! What is beside an image, and that it is there once.

use imgbuild_tests::distribution::Distribution;
use imgbuild_tests::{Registry, capture};
use insta::assert_snapshot;
use serde_json::Value;

use super::{imgbuild, json, key, manifest, plain, push, referrers, small};

#[test]
fn a_push_puts_beside_an_image_what_cosign_and_buildkit_put_there() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let signed = ["--sign-key", &key("ed.key"), "--provenance"];
    let image = push(&imgbuild, &target, &signed);
    let all = referrers(&registry, "small", &image);
    let shown = |value: &Value| plain(&serde_json::to_string_pretty(value).unwrap(), registry.address());
    let sizeless = |value: &Value| {
        let text = shown(value);
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("\"size\"")).collect();
        lines.join("\n")
    };
    assert_eq!(all.len(), 3);
    assert_snapshot!(sizeless(&all[0]), @r#"
    {
      "annotations": {
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z"
      },
      "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
      "config": {
        "digest": "sha256:…",
        "mediaType": "application/vnd.oci.empty.v1+json",
      },
      "layers": [
        {
          "annotations": {
            "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"
          },
          "digest": "sha256:…",
          "mediaType": "application/vnd.in-toto+json",
        }
      ],
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "schemaVersion": 2,
      "subject": {
        "digest": "sha256:…",
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
      }
    }
    "#);
    assert_snapshot!(sizeless(&all[2]), @r#"
    {
      "annotations": {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z"
      },
      "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
      "config": {
        "digest": "sha256:…",
        "mediaType": "application/vnd.oci.empty.v1+json",
      },
      "layers": [
        {
          "annotations": {
            "org.opencontainers.image.title": "sha256-….sigstore.json"
          },
          "digest": "sha256:…",
          "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        }
      ],
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "schemaVersion": 2,
      "subject": {
        "digest": "sha256:…",
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
      }
    }
    "#);
    let signatures = manifest(&registry, "small", &format!("sha256-{}.sig", image.hex()));
    let mut shown = signatures.clone();
    // It is over the port of the registry as well.
    shown["layers"][0]["annotations"]["dev.cosignproject.cosign/signature"] = "…".into();
    assert_snapshot!(sizeless(&shown), @r#"
    {
      "config": {
        "digest": "sha256:…",
        "mediaType": "application/vnd.oci.image.config.v1+json",
      },
      "layers": [
        {
          "annotations": {
            "dev.cosignproject.cosign/signature": "…"
          },
          "digest": "sha256:…",
          "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
        }
      ],
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "schemaVersion": 2
    }
    "#);
    // The image is what it would be without all that.
    assert_eq!(push(&imgbuild, &format!("{}/other", registry.address()), &[]), image);
    // Whoever pushes again adds nothing.
    assert_eq!(push(&imgbuild, &target, &signed), image);
    assert_eq!(referrers(&registry, "small", &image), all);
    assert_eq!(manifest(&registry, "small", &format!("sha256-{}.sig", image.hex())), signatures);
    // A second key signs beside the first.
    push(&imgbuild, &target, &["--sign-key", &key("p256.key")]);
    assert_eq!(referrers(&registry, "small", &image).len(), 4);
    let both = manifest(&registry, "small", &format!("sha256-{}.sig", image.hex()));
    assert_eq!(both["layers"].as_array().unwrap().len(), 2);
    for key in ["ed.pub", "p256.pub"] {
        imgbuild.run(["verify", &format!("{target}:latest"), "--key", &super::key(key)]).success();
    }
}

#[test]
fn every_image_of_several_platforms_is_signed() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let spec = fs_err::read_to_string(imgbuild.path("spec.toml")).unwrap();
    imgbuild.write("spec.toml", spec.replace("\"linux/amd64\"", "\"linux/amd64\", \"linux/arm64\""));
    let target = format!("{}/small", registry.address());
    let list = push(&imgbuild, &target, &["--provenance"]);
    let name = format!("{target}:latest");
    let signed = json(imgbuild.run(["sign", &name, "--key", &key("p256.key"), "--json"]));
    assert_eq!(signed["signed"].as_array().unwrap().len(), 3);
    assert!(signed["signed"].as_array().unwrap().contains(&list.to_string().into()));
    for platform in ["linux/amd64", "linux/arm64"] {
        let words = ["verify", &name, "--platform", platform, "--key", &key("p256.pub"), "--json"];
        let verified = json(imgbuild.run(words));
        assert_eq!(verified["signatures"].as_array().unwrap().len(), 4, "{verified:#}");
        assert_eq!(verified["provenance"][0]["signed"], false, "{verified:#}");
    }
    // What lies beside an image is in no way of those who copy it.
    let copied = format!("docker://{}/copied:1", registry.address());
    let mut skopeo = std::process::Command::new("skopeo");
    skopeo.args(["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"]);
    capture(skopeo.arg(format!("docker://{name}")).arg(copied)).success();
}

#[test]
fn a_registry_that_lists_what_refers_to_images_does_so() {
    let registry = Distribution::new();
    let imgbuild = imgbuild();
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &["--sign-key", &key("p256.key"), "--provenance"]);
    // No tag stands for the list.
    let tags = ["latest".to_owned(), format!("sha256-{}.sig", image.hex())];
    assert_eq!(registry.tags("small"), tags);
    // Nobody finds the image by its tag before its signature is there.
    let conversation = registry.conversation();
    let written: Vec<&str> =
        conversation.lines().filter(|line| line.starts_with("PUT /v2/small/manifests/")).collect();
    // The image by its digest, what attests it, two bundles, the older form, and its tag.
    assert_eq!(written.len(), 6, "{conversation}");
    assert_eq!(written[5], "PUT /v2/small/manifests/latest DOCUMENT -> 201", "{conversation}");
    let verified = json(imgbuild.run(["verify", &target, "--key", &key("p256.pub"), "--json"]));
    assert_eq!(verified["signatures"].as_array().unwrap().len(), 2);
    assert_eq!(verified["provenance"][0]["signed"], true);
}

#[test]
fn provenance_is_listed_with_the_image_where_that_is_asked_for() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &format!("{target}:alone"), &[]);
    let listed = ["--provenance=listed", "--sign-key", &key("p256.key")];
    let list = push(&imgbuild, &target, &listed);
    assert_eq!(push(&imgbuild, &target, &listed), list);
    let index = manifest(&registry, "small", "latest");
    let text = plain(&serde_json::to_string_pretty(&index).unwrap(), registry.address());
    let text = text.lines().filter(|line| !line.contains("\"size\""));
    assert_snapshot!(text.collect::<Vec<_>>().join("\n"), @r#"
    {
      "manifests": [
        {
          "digest": "sha256:…",
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "platform": {
            "architecture": "amd64",
            "os": "linux"
          },
        },
        {
          "annotations": {
            "vnd.docker.reference.digest": "sha256:…",
            "vnd.docker.reference.type": "attestation-manifest"
          },
          "digest": "sha256:…",
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "platform": {
            "architecture": "unknown",
            "os": "unknown"
          },
        }
      ],
      "mediaType": "application/vnd.oci.image.index.v1+json",
      "schemaVersion": 2
    }
    "#);
    assert_eq!(index["manifests"][0]["digest"], image.to_string());
    let artifact = manifest(&registry, "small", index["manifests"][1]["digest"].as_str().unwrap());
    assert_eq!(referrers(&registry, "small", &image)[0], artifact);
    let name = format!("{target}:latest");
    let verified = json(imgbuild.run(["verify", &name, "--key", &key("p256.pub"), "--json"]));
    assert_eq!(
        (&verified["digest"], &verified["image"]),
        (&list.to_string().into(), &image.to_string().into())
    );
    assert_eq!(verified["provenance"][0]["signed"], true);
    // Who pulls it gets the image; who copies or joins it, what attests it as well.
    imgbuild.run(["pull", &name, "--output", "small.tar"]).success();
    let joined = format!("{}/joined:1", registry.address());
    imgbuild.run(["index", "create", &joined, &name]).success();
    assert_eq!(manifest(&registry, "joined", "1"), index);
    let mut skopeo = std::process::Command::new("skopeo");
    skopeo.args(["inspect", "--tls-verify=false", "--format", "{{.Digest}} {{len .Layers}}"]);
    let seen = capture(skopeo.arg(format!("docker://{name}"))).success().stdout;
    assert_eq!(seen, format!("{list} 2\n"));
    // It is an image like any other to whoever pushes the next one.
    imgbuild.write("one", "changed");
    assert_ne!(push(&imgbuild, &target, &listed), list);
}

/// What git says in a folder.
fn git(imgbuild: &imgbuild_tests::Imgbuild, words: &[&str]) -> String {
    let mut git = std::process::Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").args([
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
    ]);
    capture(git.arg("-C").arg(imgbuild.folder()).args(words)).success().stdout.trim().to_owned()
}

#[test]
fn the_commit_is_told_and_whether_that_is_all() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    // The store of a test is beside its spec.
    imgbuild.write(".gitignore", "store\n");
    imgbuild.run(["lock", "spec.toml"]).success();
    git(&imgbuild, &["init", "--quiet"]);
    git(&imgbuild, &["remote", "add", "origin", "https://ada:hunter2@git.example/team/images"]);
    git(&imgbuild, &["add", "."]);
    git(&imgbuild, &["commit", "--quiet", "--message", "first"]);
    let commit = git(&imgbuild, &["rev-parse", "HEAD"]);
    let told = |tag: &str| {
        let target = format!("{}/small:{tag}", registry.address());
        let image = push(&imgbuild, &target, &["--provenance"]);
        let artifact = referrers(&registry, "small", &image).pop().unwrap();
        let digest = artifact["layers"][0]["digest"].as_str().unwrap().to_owned();
        let statement: Value =
            serde_json::from_slice(&super::get(&registry, &format!("small/blobs/{digest}"))).unwrap();
        let definition = &statement["predicate"]["buildDefinition"];
        assert_eq!(definition["externalParameters"]["spec"]["path"], "spec.toml");
        definition["resolvedDependencies"][1].clone()
    };
    let uri = format!("git+https://git.example/team/images@{commit}");
    let mut wanted = serde_json::json!({ "uri": uri, "digest": { "gitCommit": commit } });
    assert_eq!(told("1"), wanted);
    let name = format!("{}/small:1", registry.address());
    imgbuild.run(["sign", &name, "--key", &key("p256.key")]).success();
    let verified = json(imgbuild.run(["verify", &name, "--key", &key("p256.pub"), "--json"]));
    assert_eq!(verified["provenance"][0]["commit"]["id"], commit);
    // What is in no commit is told, too.
    imgbuild.write("one", "changed");
    wanted["annotations"] = serde_json::json!({ "changed": true });
    assert_eq!(told("2"), wanted);
}

/// Git before 2.26 does not say whose a setting is: the commit is told all the same, and none of the repository's filters runs.
#[test]
fn an_older_git_tells_the_commit_as_well() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|it| it.join("git")).find(|it| it.is_file()).unwrap();
    let bin = imgbuild.path("bin");
    let programs = std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path)));
    let imgbuild = imgbuild.variable("PATH", programs.unwrap());
    small(&imgbuild);
    imgbuild.write(".gitignore", "store\nbin\n");
    imgbuild.write(".gitattributes", "one filter=evil\n");
    imgbuild.run(["lock", "spec.toml"]).success();
    git(&imgbuild, &["init", "--quiet"]);
    git(&imgbuild, &["add", "."]);
    git(&imgbuild, &["commit", "--quiet", "--message", "first"]);
    let program = |name: &str, script: String| {
        let path = imgbuild.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    let older =
        format!("case \" $* \" in *' --show-scope '*) exit 129 ;; esac\nexec {} \"$@\"", real.display());
    program("git", older);
    program("evil", format!("touch {}; cat", imgbuild.path("bin/ran").display()));
    git(&imgbuild, &["config", "filter.evil.clean", imgbuild.path("bin/evil").to_str().unwrap()]);
    // Git reads it again.
    imgbuild.write("one", fs_err::read(imgbuild.path("one")).unwrap());
    let commit = git(&imgbuild, &["rev-parse", "HEAD"]);
    let image = push(&imgbuild, &format!("{}/small:1", registry.address()), &["--provenance"]);
    let artifact = referrers(&registry, "small", &image).pop().unwrap();
    let digest = artifact["layers"][0]["digest"].as_str().unwrap().to_owned();
    let statement = super::get(&registry, &format!("small/blobs/{digest}"));
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    let told = &statement["predicate"]["buildDefinition"]["resolvedDependencies"][1];
    assert_eq!(told["digest"]["gitCommit"], commit, "{statement:#}");
    assert_eq!(told["annotations"], Value::Null, "{statement:#}");
    assert!(!imgbuild.path("bin/ran").exists());
}

#[test]
fn a_push_says_with_what_it_signs() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let build =
        imgbuild.run(["build", "spec.toml", "--push", &target, "--sign-key", &key("ed.key"), "--provenance"]);
    let said = build.success().stderr;
    let said: Vec<&str> = said.lines().filter(|line| line.contains("with")).collect();
    assert_snapshot!(said.join("\n"), @"
    signed with the key nkkjg6C4XxrYozBdEtCDggao8bYVuKhAINHH9LHqRYU=
    with provenance
    ");
    let dry = imgbuild.run([
        "push",
        "spec.toml",
        &format!("{target}:2"),
        "--dry-run",
        "--sign-key",
        &key("ed.key"),
    ]);
    assert!(!dry.success().stderr.contains("signed"));
    let pushed = imgbuild.run(["push", "spec.toml", &format!("{target}:2"), "--sign-key", &key("p256.key")]);
    assert!(pushed.success().stderr.contains("signed with the key"));
    // A key of a variable, as CI has it.
    let imgbuild = imgbuild.variable("KEY", fs_err::read_to_string(key("cosign.key")).unwrap());
    let imgbuild = imgbuild.variable("COSIGN_PASSWORD", "correct horse");
    let signed = imgbuild.run(["sign", &format!("{target}:latest"), "--key", "env:KEY"]);
    assert_snapshot!(plain(&signed.success().stdout, registry.address()), @"sha256:… is signed with the key PrMCPqHbPedLvfmaNEMtX0T5WtBkU7GW6ht5iKm8/vQ=");
}

/// A list of its packages is an artifact that refers to the image, and a statement that is signed.
#[test]
fn a_bill_of_materials_is_put_beside_an_image() {
    let (registry, imgbuild) = (Registry::new(), imgbuild());
    small(&imgbuild);
    let target = format!("{}/small", registry.address());
    let image = push(&imgbuild, &target, &[]);
    let name = format!("{target}:latest");
    let attaches =
        || imgbuild.run(["sbom", &name, "--attach", "--sign-key", &key("ed.key")]).success().stdout;
    assert_eq!(attaches(), format!("attached to {name}, {image}\n"));
    let all = referrers(&registry, "small", &image);
    let kinds: Vec<&str> = all.iter().map(|it| it["artifactType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["application/vnd.cyclonedx+json", super::BUNDLE]);
    assert_eq!(all[1]["annotations"]["dev.sigstore.bundle.predicateType"], "https://cyclonedx.org/bom");
    let blob = all[0]["layers"][0]["digest"].as_str().unwrap();
    let printed = imgbuild.run(["sbom", &name]).success().stdout;
    assert_eq!(
        String::from_utf8(super::get(&registry, &format!("small/blobs/{blob}"))).unwrap() + "\n",
        printed
    );
    // The same again adds nothing.
    attaches();
    assert_eq!(referrers(&registry, "small", &image), all);
    assert_snapshot!(imgbuild.run(["sbom", "small:latest", "--attach"]).failure().stderr, @"
    × `small:latest` is no image of a registry, beside which it could be attached
    help: push it first, and name it as it is there: HOST/NAME:TAG
    ");
}
