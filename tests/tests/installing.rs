//! What pip and uv install from inside of an image: as its user, as another one of group 0, and as root, into each environment that
//! can be written; off the network, from a folder of wheels.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use imgbuild_tests::{Container, Imgbuild, Start, channel, package_index, workspace_root};

/// `late` requires what the image has, and `command` brings a program.
const WHEELS: &str = "
    late-1.0-py3-none-any.whl requires=idna
    command-1.0-py3-none-any.whl command=made-by-a-wheel
    command-2.0-py3-none-any.whl command=made-by-a-wheel
    idna-99.0-py3-none-any.whl
";

/// Installs, installs another version, takes away, and changes what the image has; says where it is, and that all fits together.
const SCRIPT: &str = r#"
set -e
umask 0022
where() { python -c 'import command, late, sys, importlib.metadata as m; print(m.version("command"), late.__file__.replace(sys.prefix, "PREFIX"))'; }
command -v made-by-a-wheel || true
$INSTALL --no-index --find-links /wheelhouse late command==1.0
where
command -v made-by-a-wheel
$INSTALL --no-index --find-links /wheelhouse --upgrade command
where
$REMOVE command
python -c 'import command' 2>&1 | tail -1
$INSTALL --no-index --find-links /wheelhouse idna==99.0
python -c 'import idna, importlib.metadata as m; print(m.version("idna"), idna.x)'
python -m pip check
"#;

const PIP: [&str; 2] = [
    "python -m pip install --quiet --root-user-action ignore --no-cache-dir --disable-pip-version-check",
    "python -m pip uninstall --quiet --root-user-action ignore --yes",
];
const UV: [&str; 2] = [
    "/wheelhouse/uv pip install --quiet --no-cache --no-config",
    "/wheelhouse/uv pip uninstall --quiet --no-config",
];

/// An image in which each of them installs, for each user.
fn installs(spec: &str, site_packages: &str, bin: &str) {
    let imgbuild = Imgbuild::new();
    let folder = imgbuild.path("wheelhouse");
    drop(package_index(&folder, WHEELS, |_| None));
    fs_err::copy(workspace_root().join("target/wheels/tools/bin/uv"), folder.join("uv")).unwrap();
    let image = imgbuild.build(spec, &[]).image();
    assert_eq!(image.variable("UV_SYSTEM_PYTHON").is_some(), bin.contains("conda"));
    let expected = format!(
        "1.0 PREFIX/{site_packages}/late/__init__.py\n{bin}/made-by-a-wheel\n2.0 PREFIX/{site_packages}/late/__init__.py\nModuleNotFoundError: No module named 'command'\n99.0 1\nNo broken requirements found.\n"
    );
    for (name, user) in [("user", "1000"), ("any-in-group-0", "12345:0"), ("root", "0:0")] {
        for (program, [install, remove]) in [("pip", PIP), ("uv", UV)] {
            // Each from the image as it was.
            let container = Container::new(&image);
            let start = Start {
                user: Some(user),
                command: Some(vec!["sh", "-c", SCRIPT]),
                env: vec![("INSTALL", install.to_owned()), ("REMOVE", remove.to_owned())],
                mount: Some((PathBuf::from(&folder), "/wheelhouse")),
                ..Start::default()
            };
            let (code, said) = container.spawn(&format!("{name}-{program}"), &start).end();
            assert_eq!((code, said.as_str()), (0, expected.as_str()), "{program} as {name}");
        }
    }
}

#[test]
fn into_a_conda_environment() {
    let spec = format!(
        "name = \"installing\"\npython = \"3.11\"\nplatforms = [\"linux/amd64\"]\n[conda]\nchannels = [\"{}\"]\nwritable = true\npackages = [\"idna\"]\n",
        channel()
    );
    installs(&spec, "lib/python3.11/site-packages", "/opt/conda/bin");
}

#[test]
fn into_a_virtual_environment() {
    let spec = "name = \"installing\"\npython = { version = \"3.13\", from = \"debian\" }\n[pip]\nwritable = true\npackages = [\"idna\"]\n";
    installs(spec, "lib/python3.13/site-packages", "/opt/venv/bin");
}
