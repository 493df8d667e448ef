//! What an image is to those who use it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use imgbuild_oci::Digest;
use imgbuild_tests::{Container, Image, Imgbuild, Kind, Node, Tree, capture, channel};

const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

fn conda(head: &str, table: &str) -> String {
    format!(
        "name = \"image\"\nplatforms = [\"linux/amd64\"]\n{head}\n[conda]\nchannels = [\"{}\"]\n{table}",
        channel()
    )
}

#[test]
fn quickstart_runs() {
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(&imgbuild.example("quickstart"), &[]);
    assert_eq!(output.path().file_name().unwrap(), "quickstart-latest.tar");
    let image = output.image();
    let config = &image.config.config;
    // Without a group, which would take all others away; by number, so that Kubernetes sees that it is not root.
    assert_eq!(config.user, "1000");
    assert_eq!(config.entrypoint, ["/usr/bin/tini", "-g", "--", "/usr/local/bin/imgbuild-start"]);
    let path = format!("/opt/venv/bin:{SYSTEM_PATH}:/home/user/.local/share/imgbuild/quickstart/bin");
    assert_eq!(image.variable("PATH"), Some(path.as_str()));
    assert_eq!(image.variable("LANG"), Some("C.UTF-8"));
    assert_eq!(image.variable("CONDA_PREFIX"), None);
    // One item of the history for each layer.
    assert_eq!(image.config.history.len(), image.manifest.layers.len());

    let container = Container::new(&image);
    let greeting = container.start().success().stdout;
    assert!(greeting.starts_with("Hello from Python 3.13."), "{greeting}");
    assert!(greeting.ends_with("\nThe sum of [0 1 2 3 4 5 6 7 8 9] is 45\n"), "{greeting}");
    let said = |command: &[&str]| container.start_with(command).success().stdout.trim().to_owned();
    assert_eq!(said(&["id"]), "uid=1000(user) gid=100(users) groups=100(users),0(root)");
    assert_eq!(said(&["sh", "-c", "cd && pwd && touch mine && stat -c %U:%G mine"]), "/home/user\nuser:root");
    assert_eq!(said(&["sh", "-c", "readlink /proc/1/exe"]), "/usr/bin/tini");
    assert_eq!(said(&["locale", "charmap"]), "UTF-8");
    assert_eq!(
        said(&["python", "-c", "import sys; print(sys.executable, sys.flags.dont_write_bytecode)"]),
        "/opt/venv/bin/python 0"
    );
    let authorities = "import ssl; print(len(ssl.create_default_context().get_ca_certs()) > 100)";
    assert_eq!(said(&["python", "-c", authorities]), "True");
    assert_eq!(said(&["sh", "-c", "TZ=Asia/Tokyo date -d @0 +%R"]), "09:00");
    // dpkg finds nothing to complain about, and knows what is installed.
    assert_eq!(container.exec_as_root(&["dpkg", "--audit"]).success().stdout, "");
    assert_eq!(said(&["dpkg-query", "-W", "-f", "${Version}", "tini"]), "0.19.0-3+b8");
}

#[test]
fn conda_python_is_there_without_activation() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&conda("python = \"3.11\"", "packages = [\"numpy\"]\n"), &[]).image();
    let path = format!("/opt/conda/bin:{SYSTEM_PATH}:/home/user/.local/share/imgbuild/image/bin");
    assert_eq!(image.variable("PATH"), Some(path.as_str()));
    assert_eq!(image.variable("CONDA_PREFIX"), Some("/opt/conda"));
    assert_eq!(image.variable("CONDA_DEFAULT_ENV"), Some("base"));
    let container = Container::new(&image);
    let program = "import sys, numpy, ssl, sqlite3; print(sys.executable, sys.prefix)";
    assert_eq!(
        container.exec(&["python", "-c", program]).success().stdout,
        "/opt/conda/bin/python /opt/conda\n"
    );
    // A login shell, which makes its variables itself, finds it too.
    let login = container.exec(&["env", "-i", "bash", "-l", "-c", "command -v python && echo $CONDA_PREFIX"]);
    assert_eq!(login.success().stdout, "/opt/conda/bin/python\n/opt/conda\n");
    // `manager = "none"`: nobody in the image changes the environment.
    for name in ["conda", "mamba", "micromamba"] {
        assert!(!container.root().join("opt/conda/bin").join(name).exists());
    }
    let frozen = container.root().join("opt/conda/conda-meta/frozen");
    let frozen: serde_json::Value = serde_json::from_slice(&fs_err::read(frozen).unwrap()).unwrap();
    assert!(frozen["message"].as_str().unwrap().contains("`writable = true`"), "{frozen}");
    let written = container.exec(&["touch", "/opt/conda/lib/mine"]);
    assert!(written.failure().stderr.contains("Permission denied"));
}

/// What shells say of a manager, in the ways in which people come to one.
fn in_shells(container: &Container, manager: &str) -> String {
    let script = format!("{manager} activate x");
    let ways: [&[&str]; 6] = [
        &["bash", "-c"],
        &["bash", "-ic"],
        &["bash", "-lc"],
        &["env", "-i", "sh", "-lc"],
        &["zsh", "-c"],
        &["env", "-i", "zsh", "-lic"],
    ];
    let said = |way: &&[&str]| {
        let outcome = container.exec(&[way, &[script.as_str()][..]].concat()).success();
        format!("{}: {}", way.join(" "), outcome.stdout)
    };
    ways.iter().map(said).collect()
}

#[test]
fn an_environment_is_changed_from_inside() {
    let imgbuild = Imgbuild::new();
    let mirror = "mirrors = { conda-forge = [\"https://mirror.example/conda-forge\"] }\n";
    let table = format!("manager = \"conda\"\n{mirror}");
    let spec = conda("python = \"3.11\"\nbase = { packages = [\"zsh\"] }\ncuda = \"12.4\"", &table);
    let image = imgbuild.build(&spec, &[]).image();
    let path = image.variable("PATH").unwrap();
    assert!(path.starts_with("/opt/conda/bin:/opt/conda/condabin:/usr/local/sbin:"), "{path}");
    for (name, value) in [
        ("CONDA_SHLVL", "1"),
        ("CONDA_EXE", "/opt/conda/bin/conda"),
        ("CONDA_PYTHON_EXE", "/opt/conda/bin/python"),
        ("CONDA_OVERRIDE_CUDA", "12.0"),
        ("BASH_ENV", "/etc/imgbuild/shell.sh"),
    ] {
        assert_eq!(image.variable(name), Some(value), "{name}");
    }
    let container = Container::new(&image);
    insta::assert_snapshot!(in_shells(&container, "conda"), @r"
    bash -c: stand-in conda of a shell: activate x
    bash -ic: stand-in conda of a shell: activate x
    bash -lc: stand-in conda of a shell: activate x
    env -i sh -lc: stand-in conda of a shell: activate x
    zsh -c: stand-in conda of a shell: activate x
    env -i zsh -lic: stand-in conda of a shell: activate x
    ");
    let file = |path: &str| fs_err::read_to_string(container.root().join("opt/conda").join(path)).unwrap();
    insta::assert_snapshot!(file(".condarc").replace(&channel(), "CHANNEL"), @r#"
    # Made by imgbuild, of the image's spec.
    channels:
      - CHANNEL
    channel_priority: strict
    pkgs_dirs:
      - /opt/conda/pkgs
      - "~/.conda/pkgs"
    envs_dirs:
      - /opt/conda/envs
      - "~/.conda/envs"
    override_virtual_packages:
      cuda: "12.0"
    "#);
    assert_eq!(file("conda-meta/pinned"), "python 3.11.*\n");
    assert!(!container.root().join("opt/conda/conda-meta/frozen").exists());
    // An interactive bash is told nothing else than by Debian.
    let rest = fs_err::read_to_string(container.root().join("etc/bash.bashrc")).unwrap();
    assert!(rest.starts_with("# System-wide .bashrc file") && rest.ends_with("\n. /etc/imgbuild/shell.sh\n"));
    assert_eq!(unrecorded(&container.root().join("opt/conda")), Vec::<String>::new());
}

/// The bytecode below a prefix that no record names, and what records name that is not there.
fn unrecorded(prefix: &std::path::Path) -> Vec<String> {
    let records = fs_err::read_dir(prefix.join("conda-meta")).unwrap().map(|it| it.unwrap().path());
    let records = records.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let mut named = std::collections::BTreeSet::new();
    for record in records {
        let record: serde_json::Value = serde_json::from_slice(&fs_err::read(record).unwrap()).unwrap();
        assert_eq!(record["requested_specs"], serde_json::json!([]), "who asked is in `history`");
        let paths = record["paths_data"]["paths"].as_array().unwrap();
        let paths: Vec<&str> = paths.iter().map(|path| path["_path"].as_str().unwrap()).collect();
        assert_eq!(record["files"], serde_json::json!(paths));
        named.extend(paths.into_iter().map(str::to_owned));
    }
    let absent = named.iter().filter(|path| prefix.join(path).symlink_metadata().is_err());
    let mut all: Vec<String> = absent.map(|path| format!("{path} is not there")).collect();
    let found =
        capture(Command::new("find").arg(prefix).args(["-name", "*.pyc", "-printf", "%P\n"])).success();
    all.extend(found.stdout.lines().filter(|path| !named.contains(*path)).map(str::to_owned));
    assert!(found.stdout.lines().count() > 500);
    all
}

#[test]
fn micromamba_is_found_by_every_shell() {
    let imgbuild = Imgbuild::new();
    let spec = conda("base = { packages = [\"zsh\"] }", "manager = \"micromamba\"\n");
    let image = imgbuild.build(&spec, &[]).image();
    assert_eq!(image.variable("MAMBA_ROOT_PREFIX"), Some("/opt/conda"));
    assert_eq!(image.variable("MAMBA_EXE"), Some("/opt/conda/bin/micromamba"));
    insta::assert_snapshot!(in_shells(&Container::new(&image), "micromamba"), @r"
    bash -c: stand-in micromamba of bash: activate x
    bash -ic: stand-in micromamba of bash: activate x
    bash -lc: stand-in micromamba of bash: activate x
    env -i sh -lc: stand-in micromamba of posix: activate x
    zsh -c: stand-in micromamba of zsh: activate x
    env -i zsh -lic: stand-in micromamba of zsh: activate x
    ");
}

#[test]
fn activation_holds_for_every_process() {
    let packages = "packages = [\"odd-activate-static\", \"odd-activate-dynamic\", \"odd-env-vars\"]\n";
    let imgbuild = Imgbuild::new();
    let output = imgbuild.build(&conda("", packages), &[]);
    let image = output.image();
    assert_eq!(image.variable("ODD_FOO"), Some("bar"));
    assert_eq!(image.variable("ODD_HOME"), Some("/opt/conda/share/odd"));
    assert_eq!(image.variable("ODD_QUOTED"), Some("a b"));
    assert_eq!(image.variable("ODD_VARIABLE"), Some("value"));
    assert_eq!(image.variable("ODD_PATH"), Some("/odd"));
    // What only a shell can say is told, and holds for the entrypoint and for login shells.
    let dynamic = &output.report["images"][0]["dynamicActivation"];
    assert_eq!(dynamic[0]["package"], "odd-activate-dynamic");
    assert_eq!(image.variable("ODD_HOST"), None);
    let container = Container::new(&image);
    let show = "echo $ODD_FOO $ODD_HOST $ODD_IF";
    assert_eq!(container.start_with(&["bash", "-c", show]).success().stdout, "bar x86_64 1\n");
    assert_eq!(container.exec(&["env", "-i", "bash", "-l", "-c", show]).success().stdout, "bar x86_64 1\n");
    // bash itself reads it where nothing of ours has started it; other programs have what variables can say.
    assert_eq!(container.exec(&["bash", "-c", show]).success().stdout, "bar x86_64 1\n");
    assert_eq!(container.exec(&["bash", "-ic", show]).success().stdout, "bar x86_64 1\n");
    assert_eq!(container.exec(&["sh", "-c", show]).success().stdout, "bar\n");
    // It is done once.
    let twice =
        "echo $ODD_FOO $ODD_HOST $ODD_IF $IMGBUILD_ACTIVATED; unset ODD_HOST; bash -c 'echo [$ODD_HOST]'";
    assert_eq!(
        container.start_with(&["bash", "-c", twice]).success().stdout,
        "bar x86_64 1 /opt/conda\n[]\n"
    );
}

#[test]
fn an_environment_file_gives_names_and_variables() {
    let imgbuild = Imgbuild::new();
    let environment = format!(
        "name: analysis\nchannels:\n  - {}\ndependencies:\n  - python=3.11\n  - six=*=pyhd8ed1ab_0\n\
         variables:\n  GREETING: hello world\n  EMPTY: \"\"\nprefix: /home/somebody/envs/analysis\n",
        channel()
    );
    imgbuild.write("environment.yml", environment);
    let output =
        imgbuild.build("name = \"image\"\nplatforms = [\"linux/amd64\"]\nenv = \"environment.yml\"\n", &[]);
    let image = output.image();
    assert_eq!(image.variable("CONDA_DEFAULT_ENV"), Some("analysis"));
    assert_eq!(image.variable("CONDA_PREFIX"), Some("/opt/conda"));
    assert_eq!(image.variable("GREETING"), Some("hello world"));
    assert_eq!(image.variable("EMPTY"), Some(""));
    let container = Container::new(&image);
    let by_name = container.exec(&["/opt/conda/envs/analysis/bin/python", "-c", "import six; print('six')"]);
    assert_eq!(by_name.success().stdout, "six\n");
    let history = String::from_utf8(image.file("opt/conda/conda-meta/history")).unwrap();
    assert!(history.contains("python=3.11") && history.contains("six"), "{history}");
    assert!(!String::from_utf8(image.file("opt/conda/conda-meta/state")).unwrap().contains("somebody"));
}

#[test]
fn an_explicit_list_is_taken_as_it_is() {
    let imgbuild = Imgbuild::new();
    let folder = imgbuild_tests::channel_folder();
    let line = |path: &str| {
        let md5 = imgbuild_tests::capture(std::process::Command::new("md5sum").arg(folder.join(path)));
        format!("{}/{path}#{}\n", channel(), md5.success().stdout.split_whitespace().next().unwrap())
    };
    let list =
        ["noarch/odd-noarch-generic-1.0-0.conda", "noarch/odd-softlinks-1.0-0.tar.bz2"].map(line).concat();
    imgbuild.write("list.txt", format!("# platform: linux-64\n@EXPLICIT\n{list}"));
    let spec = "name = \"image\"\nplatforms = [\"linux/amd64\"]\nenv = \"list.txt\"\n";
    let image = imgbuild.build(spec, &[]).image();
    assert_eq!(image.file("opt/conda/share/odd-noarch-generic/file.txt"), b"/opt/conda\n");
    let meta = image.file("opt/conda/conda-meta/odd-softlinks-1.0-0.json");
    assert!(String::from_utf8(meta).unwrap().contains("odd-softlinks-1.0-0.tar.bz2"));

    // A wrong md5 stops it.
    let wrong = list.replacen('#', "#0", 1);
    let (start, end) = wrong.split_once("#0").unwrap();
    let wrong = format!("{start}#0{}", end.replacen(|character: char| character.is_ascii_hexdigit(), "", 1));
    imgbuild.write("list.txt", format!("@EXPLICIT\n{wrong}"));
    let refused = imgbuild.run(["lock", "spec.toml"]).failure();
    assert!(refused.stderr.contains("odd-noarch-generic"), "{}", refused.stderr);
}

#[test]
fn a_matrix_on_two_platforms_is_one_index_for_each_tag() {
    let imgbuild = Imgbuild::new();
    // The test channel has no pip for Python 3.9.
    let spec = imgbuild.example("matrix").replace("conda-forge", &channel()) + "pip = false\n";
    let output = imgbuild.build(&spec, &[]);
    let names: Vec<_> = output.paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["science-py3.9.tar", "science-py3.11.tar"]);
    for (path, version) in output.paths.iter().zip(["3.9.2", "3.11.2"]) {
        let images = Image::all(path);
        let platforms: Vec<_> = images.iter().map(|image| image.config.architecture.as_str()).collect();
        assert_eq!(platforms, ["amd64", "arm64"]);
        let container = Container::new(&images[0]);
        let program = "import platform, numpy, pandas, requests; print(platform.python_version())";
        assert_eq!(container.exec(&["python", "-c", program]).success().stdout.trim(), version);
        // The other platform's programs are that platform's, made here: `e_machine` of its ELF header is 183.
        let minor = version.rsplit_once('.').unwrap().0;
        let program = images[1].file(&format!("opt/conda/bin/python{minor}"));
        assert_eq!(program[18..20], [183, 0]);
        assert_eq!(images[1].file("usr/bin/tini")[18..20], [183, 0]);
    }
    // One lock for all.
    let lock = Digest::of(imgbuild.read("spec.lock"));
    for image in output.paths.iter().flat_map(|path| Image::all(path)) {
        assert_eq!(image.config.config.labels["io.github.imgbuild.lock"], lock.to_string());
    }
    let wanted = Image::all(&output.paths[0])[1].digest;
    // `--only` and `--platform` build a part of it, and the same images.
    let part = imgbuild.build_again(&["--locked", "--only", "python=3.9", "--platform", "linux/arm64"]);
    assert_eq!(part.image().digest, wanted);
}

#[test]
fn a_writable_environment_belongs_to_the_user() {
    let table = "packages = [\"odd-modes\", \"odd-softlinks\"]\nwritable = true\n";
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&conda("python = \"3.11\"", table), &[]).image();
    let container = Container::new(&image);
    let tree = Tree::read(&container.root());
    let inside = tree.0.iter().filter(|(path, _)| path.starts_with("opt/conda"));
    // The group's rights are the user's, so that any user in group 0 may change it as well.
    let is_shared = |node: &Node| match node.kind {
        Kind::Symlink(_) => true,
        Kind::Folder => node.mode & 0o2000 != 0 && node.mode >> 3 & 7 == node.mode >> 6 & 7,
        _ => node.mode >> 3 & 7 == node.mode >> 6 & 7,
    };
    let theirs = |node: &Node| node.owner == (1000, 0) && is_shared(node);
    let others: Vec<_> = inside.filter(|(_, node)| !theirs(node)).map(|(path, _)| path).take(5).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(tree.0["opt"].owner, (0, 0));
    let changed = "import sysconfig, pathlib; pathlib.Path(sysconfig.get_path('purelib'), 'mine.py').write_text('x = 1'); import mine; print(mine.x)";
    assert_eq!(container.exec(&["python", "-c", changed]).success().stdout, "1\n");
}

#[test]
fn the_lock_is_in_the_image() {
    let imgbuild = Imgbuild::new();
    let image = imgbuild.build(&conda("", "packages = [\"odd-noarch-generic\"]\n"), &[]).image();
    let lock = imgbuild.read("spec.lock");
    assert_eq!(image.config.config.labels["io.github.imgbuild.lock"], Digest::of(&lock).to_string());
    let held = (0..image.manifest.layers.len()).rev().find_map(|index| {
        let mut archive = tar::Archive::new(image.layer(index));
        archive.entries().unwrap().map(Result::unwrap).find_map(|mut entry| {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut text = String::new();
            name.ends_with(".lock").then(|| std::io::Read::read_to_string(&mut entry, &mut text).unwrap())?;
            Some((name, text))
        })
    });
    let (name, text) = held.unwrap();
    assert!(name.contains("imgbuild"), "{name}");
    assert_eq!(text, lock);
}

/// Each form holds the same layers, and is what it says (every build of these tests is validated).
#[test]
fn every_form_is_valid() {
    let imgbuild = Imgbuild::new();
    let spec = conda("", "packages = [\"odd-noarch-generic\"]\n");
    let oci = imgbuild.build(&spec, &[]).image();
    let layout = imgbuild.build_again(&["--format", "oci-dir"]);
    assert!(layout.path().is_dir());
    assert_eq!(layout.image().digest, oci.digest);
    let docker = imgbuild.build_again(&["--format", "docker"]).image();
    assert_eq!(docker.config.rootfs, oci.config.rootfs);
    let types: Vec<_> = docker.manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
    assert!(
        types.iter().all(|kind| *kind == "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        "{types:?}"
    );
}
