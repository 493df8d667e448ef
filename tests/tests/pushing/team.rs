//! A team's whole way, as `docs/registry.md` shows it: each command of the page runs and prints what stands there, with the test channel
//! for conda-forge and Debian's `docker-registry`, with TLS and a password, for the team's own.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

use imgbuild_oci::Digest;
use imgbuild_tests::distribution::Certificates;
use imgbuild_tests::{
    Container, Guard, Image, Imgbuild, LIMITS, Podman, Registry, blocks, channel, commands, prints, shell,
    workspace_root,
};

use crate::imgbuild;

/// What the page calls the registry and who pushes there, and what both are here.
struct Team {
    imgbuild: Imgbuild,
    registry: Registry,
    _podman: Podman,
}

impl Team {
    fn new() -> Self {
        let certificates = Certificates::new(&[]);
        let registry =
            Registry::guarded(Guard { password: true, tls: Some(&certificates), ..Guard::default() });
        let mut imgbuild = imgbuild();
        for name in ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "XDG_CONFIG_HOME"] {
            imgbuild = imgbuild.without(name);
        }
        let authority = fs_err::read(certificates.authority()).unwrap();
        imgbuild.write(&format!(".config/containers/certs.d/{}/ca.crt", registry.address()), authority);
        imgbuild.write("password", "hunter2\n");
        imgbuild.write("train.py", "import torch\nprint('training with', torch.version.cuda)\n");
        // Podman, with what it keeps in this folder. What the machine lets it do is no matter of the page. It would find this program
        // again where that stands: in the first folder of `PATH`.
        let podman = Podman::new(&imgbuild.path("podman"));
        let program = format!(
            "#!/bin/sh\nPATH=${{PATH#*:}}\nverb=$1; shift\nexec {} $verb --net=none {} \"$@\"\n",
            podman.line(),
            LIMITS.join(" ")
        );
        let program = imgbuild.write("bin/podman", program);
        fs_err::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { imgbuild, registry, _podman: podman }
    }

    /// A text of the page as it is here.
    fn here(&self, text: &str) -> String {
        text.replace("registry.example", self.registry.address())
            .replace("--user ci", "--user user")
            .replace("\"conda-forge\"", &format!("\"{}\"", channel()))
    }

    /// Runs a line of the page, and gives what it prints as the page would say it.
    fn run(&self, line: &str) -> String {
        let outcome = shell(&self.imgbuild, &self.here(line));
        let said = format!("{}{}", outcome.stderr, outcome.stdout);
        said.replace(self.registry.address(), "registry.example").replace("as `user`", "as `ci`")
    }

    /// The images of a tag.
    fn image(&self, tag: &str) -> Image {
        let name = format!("registry.example/team/base-pytorch:{tag}");
        let folder = format!("pulled-{}", tag.replace('.', "-"));
        if self.imgbuild.path(&folder).exists() {
            fs_err::remove_dir_all(self.imgbuild.path(&folder)).unwrap();
        }
        self.run(&format!("imgbuild pull {name} -o {folder} --format oci-dir"));
        let [image] = Image::all(&self.imgbuild.path(&folder)).try_into().unwrap();
        image
    }
}

const TAGS: [&str; 2] = ["3.11-cuda12.9", "3.11-cuda13.0"];

/// The layers of images, and what each is of.
fn layers(images: &[Image]) -> BTreeMap<Digest, String> {
    let of = |image: &Image| {
        let history = image.config.history.iter().filter(|it| !it.empty_layer).map(|it| it.comment.clone());
        let layers = image.manifest.layers.iter().map(|layer| layer.digest);
        layers.zip(history).collect::<Vec<_>>()
    };
    images.iter().flat_map(of).collect()
}

#[test]
fn the_whole_way_of_a_team() {
    let page = fs_err::read_to_string(workspace_root().join("docs/registry.md")).unwrap();
    let section = page.split("\n## ").find(|it| it.starts_with("A team's whole way")).unwrap();
    let team = Team::new();
    for spec in blocks(section, "toml") {
        let name = spec.lines().find_map(|it| Some(it.strip_prefix("name ")?.split('"').nth(1)?.to_owned()));
        team.imgbuild.write(&format!("{}.toml", name.unwrap()), team.here(&spec));
    }
    let mut pushed = Vec::new();
    for (line, shown) in blocks(section, "console").iter().flat_map(|console| commands(console)) {
        let is_build = line.starts_with("imgbuild build");
        // Each build is on a machine whose disk is empty.
        if is_build && team.imgbuild.store().exists() {
            fs_err::remove_dir_all(team.imgbuild.store()).unwrap();
        }
        prints(&team.run(&line), &shown, &line);
        if is_build && line.contains("base-pytorch.toml") {
            pushed.push((layers(&TAGS.map(|tag| team.image(tag))), team.registry.blobs()));
        }
    }
    let [before, after] = pushed.try_into().unwrap();
    moves_only_the_package(&before, &after);
    // And crun runs what skopeo has pulled.
    let copy =
        "skopeo copy --quiet --authfile .docker/config.json docker://registry.example/team/app:1 oci:app:1";
    team.run(copy);
    let [image] = Image::all(&team.imgbuild.path("app")).try_into().unwrap();
    let said = Container::new(&image).start_with(&["python", "/app/train.py"]).success();
    assert_eq!(said.stdout, "training with 12.9\n");
}

/// The layers of a matrix, and all blobs of the registry then.
type Pushed = (BTreeMap<Digest, String>, BTreeMap<Digest, u64>);

/// What came to the registry are the layers that were not there, and these are of the one package that has changed.
fn moves_only_the_package(before: &Pushed, after: &Pushed) {
    let new = after.0.iter().filter(|(digest, _)| !before.0.contains_key(digest));
    let of: BTreeSet<&str> = new.clone().map(|(_, of)| of.as_str()).collect();
    let metadata = "environment base, the lock and the bill of materials, shell and start-up files";
    assert_eq!(of, BTreeSet::from([metadata, "numpy 2.0.2 py311_0"]));
    let came = |digest: &Digest| after.1[digest];
    let arrived: u64 = after.1.keys().filter(|digest| !before.1.contains_key(digest)).map(came).sum();
    let layers: u64 = new.map(|(digest, _)| came(digest)).sum();
    // Of each image its configuration and its manifest are new as well.
    assert!(
        layers < arrived && arrived < layers + 100_000,
        "{arrived} bytes came, and {layers} are of layers"
    );
}
