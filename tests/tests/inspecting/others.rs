//! Images as buildah, podman, skopeo, umoci and docker make and write them: what we say of them is what those say.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use imgbuild_oci::Digest;
use imgbuild_tests::{Bench, Docker, LIMITS, Registry, apart, capture};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// What stands at the paths of an image or a folder: kind, rights, owner, and what is in files.
type Listing = BTreeMap<String, Value>;

/// A program in whose folder buildah has made images, and the registry that has two of them.
fn made() -> (Bench, Registry) {
    let (bench, registry) = (Bench::new(), Registry::new());
    let sockets = tempfile::tempdir().unwrap();
    let mut shell = apart("sh");
    shell.arg(imgbuild_tests::workspace_root().join("tests/tests/inspecting/buildah.sh")).arg("/bin/busybox");
    shell.arg(sockets.path()).arg(registry.address()).current_dir(bench.imgbuild.folder());
    capture(&mut shell).success();
    (bench, registry)
}

fn json_of(bench: &Bench, arguments: &[&str]) -> Value {
    serde_json::from_str(&bench.run(arguments).stdout).unwrap()
}

/// What `imgbuild ls` and `imgbuild cat` say of an image.
fn listing(bench: &Bench, image: &str) -> Listing {
    let (mut all, mut folders) = (Listing::new(), vec!["/".to_owned()]);
    while let Some(folder) = folders.pop() {
        for mut entry in json_of(bench, &["ls", image, &folder, "--json"]).as_array().unwrap().clone() {
            let object = entry.as_object_mut().unwrap();
            let path = object["path"].as_str().unwrap().to_owned();
            if object.contains_key("folder") {
                folders.push(path.clone());
            }
            if object.contains_key("size") {
                let bytes = bench.imgbuild.command(["cat", image, &path]).output().unwrap().stdout;
                object.insert("content".to_owned(), json!(Digest::of(bytes).to_string()));
            }
            ["name", "path", "layer"].iter().for_each(|key| drop(object.remove(*key)));
            all.insert(path, entry);
        }
    }
    all
}

/// What a folder holds, in the same words.
fn folder(root: &Path) -> Listing {
    let (mut all, mut folders) = (Listing::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
            let (place, found) = (entry.path(), entry.path().symlink_metadata().unwrap());
            let path = format!("/{}", place.strip_prefix(root).unwrap().display());
            let kind = found.file_type();
            let mode = format!("{:04o}", found.permissions().mode() & 0o7777);
            let mut value = json!({ "mode": mode, "uid": found.uid(), "gid": found.gid() });
            if kind.is_dir() {
                value["folder"] = json!(true);
                folders.push(place);
            } else if kind.is_symlink() {
                value["target"] = json!(fs_err::read_link(place).unwrap());
            } else if kind.is_file() {
                value["size"] = json!(found.len());
                value["content"] = json!(Digest::of(fs_err::read(place).unwrap()).to_string());
            } else if kind.is_fifo() {
                value["special"] = json!("a named pipe");
            } else {
                // Both are small.
                let (major, minor) = (found.rdev() >> 8, found.rdev() & 0xff);
                value["special"] = json!(format!("the character device {major}:{minor}"));
            }
            all.insert(path, value);
        }
    }
    all
}

fn skopeo(bench: &Bench, arguments: &[&str]) -> Value {
    let mut command = Command::new("skopeo");
    let said = capture(command.args(arguments).current_dir(bench.imgbuild.folder())).success().stdout;
    serde_json::from_str(&said).unwrap()
}

/// What `inspect` says of an image is what skopeo says of it, which calls it by `theirs`.
fn is_told_as_by_skopeo(bench: &Bench, ours: &str, theirs: &str) {
    let told = json_of(bench, &["inspect", ours, "--layers", "--json"]);
    let of_skopeo = skopeo(bench, &["inspect", "--tls-verify=false", theirs]);
    let config = skopeo(bench, &["inspect", "--tls-verify=false", "--config", theirs]);
    let layers = told["layers"].as_array().unwrap();
    if !theirs.starts_with("docker-archive:") {
        assert_eq!(told["digest"], of_skopeo["Digest"], "{ours}");
        let digests: Vec<Value> = layers.iter().map(|it| it["digest"].clone()).collect();
        assert_eq!(json!(digests), of_skopeo["Layers"], "{ours}");
    }
    let diff_ids: Vec<Value> = layers.iter().map(|it| it["diff-id"].clone()).collect();
    assert_eq!(json!(diff_ids), config["rootfs"]["diff_ids"], "{ours}");
    let architecture = config["architecture"].as_str().unwrap();
    assert_eq!(told["platform"], json!(format!("linux/{architecture}")), "{ours}");
    for key in
        ["User", "Env", "Cmd", "Entrypoint", "ExposedPorts", "Labels", "WorkingDir", "Volumes", "StopSignal"]
    {
        // What is nothing is not said, or said to be nothing.
        let said = |it: &Value| Some(it[key].clone()).filter(|it| !it.is_null() && *it != json!(""));
        assert_eq!(said(&told["config"]), said(&config["config"]), "{key} of {ours}");
    }
}

#[test]
fn what_buildah_podman_and_skopeo_write_is_one_image() {
    let (bench, registry) = made();
    let truth = folder(&bench.imgbuild.path("truth"));
    assert!(truth.len() > 15, "{truth:?}");
    let of_registry = |tag: &str| format!("{}/two:{tag}", registry.address());
    let (schema2, zstd) = (of_registry("schema2"), of_registry("zstd"));
    let forms = [
        ("./oci", "oci:oci:two"),
        ("./several:example.com/a:two", "oci:several:example.com/a:two"),
        ("./zstd", "oci:zstd:two"),
        ("./chunked", "oci:chunked:two"),
        ("./podman-oci", "oci:podman-oci"),
        ("./buildah.oci.tar", "oci-archive:buildah.oci.tar:two"),
        ("./podman.oci.tar", "oci-archive:podman.oci.tar"),
        ("./buildah.docker.tar", "docker-archive:buildah.docker.tar"),
        ("./podman.docker.tar", "docker-archive:podman.docker.tar"),
        (
            "./podman.several.tar:localhost/two-docker:latest",
            "docker-archive:podman.several.tar:localhost/two-docker:latest",
        ),
        (&schema2, &format!("docker://{schema2}")),
        (&zstd, &format!("docker://{zstd}")),
    ];
    for (ours, theirs) in forms {
        assert_eq!(listing(&bench, ours), truth, "{ours}");
        is_told_as_by_skopeo(&bench, ours, theirs);
        // Nothing is known of its packages, and that is said everywhere.
        for command in ["size", "tree"] {
            bench.run(&[command, ours]);
        }
        let files = json_of(&bench, &["inspect", ours, "--files", "--json"]);
        let paths = files["files"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap());
        let expected = truth.iter().filter(|(_, what)| what.get("folder").is_none());
        assert_eq!(paths.collect::<Vec<_>>(), expected.map(|it| it.0.as_str()).collect::<Vec<_>>(), "{ours}");
        // The same files, however they are written.
        let outcome = bench.imgbuild.run(["diff", "./oci", ours, "--files", "--json"]);
        let differs: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(differs["files"], json!({ "added": [], "removed": [], "changed": [] }), "{ours}");
    }
    // How many bytes the layer has is of the day.
    let differs = bench.imgbuild.run(["diff", "./several:example.com/a:one", "./oci", "--files"]).stdout;
    assert_snapshot!(differs.lines().take_while(|it| !it.is_empty()).collect::<Vec<_>>().join("\n"), @"
    files
      - /etc/hello
      - /srv/a/one
      + /etc/soft/file
      + /srv/a/three
      ~ /bin/busybox (security.capability)
      ~ /etc/soft (kind, mode)
      ~ /srv/b (mode)
      ~ /srv/empty (kind, mode)
      ~ /srv/null (the character device 1:3 -> the character device 1:5)
    ");
    assert_snapshot!(imgbuild_tests::named(&bench.run(&["ls", "./oci", "/srv"]).stdout), @"
    drwxr-xr-x  0:0    -  a
    drwx------  0:0    -  b
    lrwxrwxrwx  0:0    -  empty -> b
    crw-r--r--  0:0  1:5  null
    prw-r--r--  0:0    -  pipe
    ");
    assert_snapshot!(bench.refuses(&["inspect", "./several"]), @r#"
    × `./several` holds several images: `example.com/a:one`, `example.com/a:two`
    help: name one: `./several:example.com/a:one`, or in a spec `layout = { path = "…", reference = "…" }`
    "#);
    assert_snapshot!(bench.refuses(&["inspect", "./several:three"]), @"  × `./several` holds no image `three`; there are: `example.com/a:one`, `example.com/a:two`");
    assert_snapshot!(bench.refuses(&["inspect", "./podman.several.tar"]), @r#"
    × `./podman.several.tar` holds several images: `localhost/two-docker:latest`, `localhost/one:latest`
    help: name one: `./podman.several.tar:localhost/two-docker:latest`, or in a spec `layout = { path = "…", reference = "…" }`
    "#);
    assert_snapshot!(bench.refuses(&["inspect", "./dir"]), @"
    × `./dir` is a folder and no OCI layout: it has no `index.json`
    help: what others wrote as `dir:` becomes a layout: `skopeo copy dir:./dir oci:LAYOUT`
    ");
}

#[test]
fn what_is_pushed_of_several_is_named_as_it_is_told() {
    let (bench, registry) = made();
    let target = |name: &str| format!("{}/pushed/{name}:1", registry.address());
    let pushed = |words: &[&str], target: &str| {
        bench.run(&[&["push"], words, &[target]].concat());
        json_of(&bench, &["inspect", target, "--json"])["digest"].clone()
    };
    for (number, (file, name)) in
        [("./several", "example.com/a:one"), ("./podman.several.tar", "localhost/two-docker:latest")]
            .into_iter()
            .enumerate()
    {
        let behind = pushed(&[&format!("{file}:{name}")], &target(&format!("behind{number}")));
        assert_eq!(pushed(&[file, "--named", name], &target(&format!("named{number}"))), behind);
    }
    // What has no manifest has the digest of the one that is made for it.
    let digest = pushed(&["./podman.docker.tar"], &target("made"));
    let named = ["./podman.docker.tar", "--named", digest.as_str().unwrap()];
    assert_eq!(pushed(&named, &target("by-digest")), digest);
    let behind = format!("./podman.docker.tar@{}", digest.as_str().unwrap());
    assert_eq!(json_of(&bench, &["inspect", &behind, "--json"])["digest"], digest);
    let refuses = |image: &str| bench.refuses(&["push", image, &target("none")]);
    let all = ["./several", "./several:three", "./podman.several.tar", "./podman.several.tar:three", "./dir"];
    assert_snapshot!(all.map(refuses).join("\n"), @r#"
    × `./several` holds several images: `example.com/a:one`, `example.com/a:two`
    help: name one: `./several:example.com/a:one`, or in a spec `layout = { path = "…", reference = "…" }`
    × `./several` holds no image `three`; there are: `example.com/a:one`, `example.com/a:two`
    × `./podman.several.tar` holds several images: `localhost/two-docker:latest`, `localhost/one:latest`
    help: name one: `./podman.several.tar:localhost/two-docker:latest`, or in a spec `layout = { path = "…", reference = "…" }`
    × `./podman.several.tar` holds no image `three`; there are: `localhost/two-docker:latest`, `localhost/one:latest`
    × `./dir` is a folder and no OCI layout: it has no `index.json`
    help: what others wrote as `dir:` becomes a layout: `skopeo copy dir:./dir oci:LAYOUT`
    "#);
}

/// A registry's image is that, whatever lies in the folder; `./` says that a file is meant.
#[test]
fn a_folder_hides_no_image_of_a_registry() {
    let (bench, registry) = made();
    let name = format!("{}/two", registry.address());
    fs_err::create_dir(bench.imgbuild.path(registry.address())).unwrap();
    fs_err::rename(bench.imgbuild.path("several"), bench.imgbuild.path(&name)).unwrap();
    is_told_as_by_skopeo(&bench, &format!("{name}:schema2"), &format!("docker://{name}:schema2"));
    assert_eq!(bench.run(&["cat", &format!("./{name}:example.com/a:one"), "/etc/hello"]).stdout, "hello\n");
}

#[test]
fn what_umoci_makes_is_what_umoci_unpacks() {
    let (bench, _registry) = made();
    let mut shell = Command::new("sh");
    shell.arg(imgbuild_tests::workspace_root().join("tests/tests/inspecting/umoci.sh"));
    capture(shell.current_dir(bench.imgbuild.folder())).success();
    assert_eq!(listing(&bench, "./umoci:base"), folder(&bench.imgbuild.path("truth")));
    assert_eq!(listing(&bench, "./umoci:next"), folder(&bench.imgbuild.path("unpacked")));
    for name in ["base", "again", "next"] {
        is_told_as_by_skopeo(&bench, &format!("./umoci:{name}"), &format!("oci:umoci:{name}"));
    }
    let layers = json_of(&bench, &["inspect", "./umoci:next", "--layers", "--json"]);
    let titles = layers["layers"].as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap());
    assert_eq!(titles.collect::<Vec<_>>(), ["umoci repack", "umoci insert"]);
    assert_eq!(bench.run(&["cat", "./umoci:next", "/srv/b/new"]).stdout, "new\n");
    assert_snapshot!(bench.refuses(&["inspect", "./umoci"]), @r#"
    × `./umoci` holds several images: `again`, `base`, `next`
    help: name one: `./umoci:again`, or in a spec `layout = { path = "…", reference = "…" }`
    "#);
}

/// What an engine puts into every container is no part of its image.
const OF_THE_ENGINE: [&str; 7] =
    ["/.dockerenv", "/dev", "/proc", "/sys", "/etc/h", "/etc/mtab", "/etc/resolv.conf"];

#[test]
fn what_docker_saves_is_what_its_containers_see() {
    let (bench, _registry) = made();
    let path = |name: &str| bench.imgbuild.path(name).display().to_string();
    let engine = Docker::start(&bench.imgbuild.path("docker"));
    let docker = |arguments: &[&str]| engine.run(arguments).success();
    docker(&["load", "--quiet", "--input", &path("buildah.docker.tar")]);
    let mut run = vec!["run", "--name=changed", "--network=none", "--user=0", "--entrypoint=/bin/busybox"];
    run.extend(LIMITS);
    let script =
        "b=/bin/busybox; $b rm -r /srv/a; $b mkdir /srv/a; echo docker > /srv/a/docker; $b ln -s a /srv/c";
    run.extend(["example.com/two:1", "sh", "-c", script]);
    docker(&run);
    docker(&["commit", "--message", "by hand", "changed", "example.com/three:1"]);
    docker(&["export", "--output", &path("container.tar"), "changed"]);
    docker(&["save", "--output", &path("one.tar"), "example.com/three:1"]);
    docker(&["save", "--output", &path("both.tar"), "example.com/three:1", "example.com/two:1"]);
    fs_err::create_dir(bench.imgbuild.path("container")).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--preserve-permissions", "--numeric-owner", "--file"]).arg(path("container.tar"));
    capture(tar.arg("--directory").arg(path("container"))).success();
    let seen = |listing: Listing| -> Listing {
        let is_own =
            |path: &String| path != "/srv/data" && !OF_THE_ENGINE.iter().any(|it| path.starts_with(it));
        listing.into_iter().filter(|(path, _)| is_own(path)).collect()
    };
    let truth = seen(folder(&bench.imgbuild.path("container")));
    for (ours, theirs) in [
        ("./one.tar", "docker-archive:one.tar"),
        ("./both.tar:example.com/three:1", "docker-archive:both.tar:example.com/three:1"),
    ] {
        assert_eq!(seen(listing(&bench, ours)), truth, "{ours}");
        is_told_as_by_skopeo(&bench, ours, theirs);
    }
    assert_eq!(listing(&bench, "./both.tar:example.com/two:1"), folder(&bench.imgbuild.path("truth")));
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

/// Puts a document into a layout; gives its descriptor.
pub(crate) fn put(layout: &Path, media_type: &str, document: &Value) -> Value {
    let text = document.to_string();
    let digest = Digest::of(&text);
    fs_err::write(layout.join("blobs/sha256").join(digest.hex()), &text).unwrap();
    json!({ "mediaType": media_type, "digest": digest.to_string(), "size": text.len() })
}

pub(crate) fn get(layout: &Path, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:");
    read_json(&layout.join("blobs/sha256").join(digest))
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// As docker saves since version 25: a layout, with what older versions look for beside it.
#[test]
fn what_docker_saves_today_is_read() {
    let (bench, _registry) = made();
    let layout = bench.imgbuild.path("oci");
    let mut index = read_json(&layout.join("index.json"));
    let manifest = get(&layout, &index["manifests"][0]);
    let path = |it: &Value| json!(format!("blobs/sha256/{}", &it["digest"].as_str().unwrap()[7..]));
    let layers: Vec<Value> = manifest["layers"].as_array().unwrap().iter().map(path).collect();
    let of_docker = json!([{ "Config": path(&manifest["config"]), "RepoTags": ["two:1"], "Layers": layers, "LayerSources": {} }]);
    fs_err::write(layout.join("manifest.json"), of_docker.to_string()).unwrap();
    fs_err::write(layout.join("repositories"), r#"{"two":{"1":"0"}}"#).unwrap();
    index["manifests"][0]["annotations"] = json!({
        "io.containerd.image.name": "docker.io/library/two:1",
        "org.opencontainers.image.ref.name": "1",
    });
    index["mediaType"] = json!(INDEX);
    fs_err::write(layout.join("index.json"), index.to_string()).unwrap();
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--file",
        "saved.tar",
        "-C",
        "oci",
        "blobs",
        "index.json",
        "manifest.json",
        "oci-layout",
        "repositories",
    ]);
    capture(tar.current_dir(bench.imgbuild.folder())).success();
    for name in ["./saved.tar", "./saved.tar:1", "./saved.tar:docker.io/library/two:1"] {
        assert_eq!(json_of(&bench, &["inspect", name, "--json"])["digest"], index["manifests"][0]["digest"]);
    }
    assert_eq!(listing(&bench, "./saved.tar"), folder(&bench.imgbuild.path("truth")));
    is_told_as_by_skopeo(&bench, "./saved.tar", "oci-archive:saved.tar");
}

/// As `docker buildx build --platform … --output type=oci` makes it: an index of images, each with an attestation beside it.
#[test]
fn what_buildkit_makes_is_an_image_for_each_platform() {
    let (bench, _registry) = made();
    let layout = bench.imgbuild.path("oci");
    let index = read_json(&layout.join("index.json"));
    let manifest = get(&layout, &index["manifests"][0]);
    let mut items = Vec::new();
    for (architecture, variant) in [("amd64", None), ("arm64", Some("v8"))] {
        let mut config = get(&layout, &manifest["config"]);
        config["architecture"] = json!(architecture);
        config["history"] = json!([
            { "created": "2026-01-01T00:00:00Z", "created_by": "COPY . / # buildkit", "comment": "buildkit.dockerfile.v0" },
            { "created_by": "ENV A=b", "comment": "buildkit.dockerfile.v0", "empty_layer": true },
            { "created_by": "RUN /bin/sh -c true # buildkit", "comment": "buildkit.dockerfile.v0" },
        ]);
        let mut image = manifest.clone();
        image["mediaType"] = json!(MANIFEST);
        image["config"] = put(&layout, CONFIG, &config);
        let mut item = put(&layout, MANIFEST, &image);
        item["platform"] = json!({ "os": "linux", "architecture": architecture });
        if let Some(variant) = variant {
            item["platform"]["variant"] = json!(variant);
        }
        let statement = json!({ "_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://slsa.dev/provenance/v0.2" });
        let mut layer = put(&layout, "application/vnd.in-toto+json", &statement);
        layer["annotations"] = json!({ "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" });
        let empty = json!({ "architecture": "unknown", "os": "unknown", "config": {}, "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] } });
        let attestation = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": put(&layout, CONFIG, &empty), "layers": [layer] });
        let mut attested = put(&layout, MANIFEST, &attestation);
        attested["annotations"] = json!({
            "vnd.docker.reference.digest": item["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        });
        attested["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        items.extend([item, attested]);
    }
    let inner = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": items });
    let mut top = put(&layout, INDEX, &inner);
    top["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [top] });
    fs_err::write(layout.join("index.json"), index.to_string()).unwrap();
    let truth = folder(&bench.imgbuild.path("truth"));
    for (platform, item) in [("amd64", &items[0]), ("arm64", &items[2])] {
        let os = format!("linux/{platform}");
        let told = json_of(&bench, &["inspect", "./oci", "--platform", &os, "--layers", "--json"]);
        assert_eq!((&told["digest"], &told["platform"]), (&item["digest"], &json!(os)));
        let of_skopeo = skopeo(&bench, &["--override-arch", platform, "inspect", "oci:oci"]);
        let digests: Vec<Value> =
            told["layers"].as_array().unwrap().iter().map(|it| it["digest"].clone()).collect();
        assert_eq!(
            (json!(platform), json!(digests)),
            (of_skopeo["Architecture"].clone(), of_skopeo["Layers"].clone())
        );
        assert_eq!(told["layers"][0]["title"], json!("COPY . / # buildkit"));
        assert_eq!(told["layers"][1]["title"], json!("RUN /bin/sh -c true # buildkit"));
    }
    assert_eq!(listing(&bench, "./oci"), truth);
}
