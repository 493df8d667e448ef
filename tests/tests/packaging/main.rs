//! What environments hold, by the word of conda's own reader of packages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use imgbuild_tests::{Container, Imgbuild, capture, channel, python_tools, workspace_root};

#[test]
fn conda_package_handling_reads_what_the_environment_has() {
    let imgbuild = Imgbuild::new();
    let spec = fs_err::read_to_string(workspace_root().join("examples/six-packages.toml")).unwrap();
    let image = imgbuild.build(&spec.replace("conda-forge", &channel()), &[]).image();
    let container = Container::new(&image);
    let python = python_tools("packaging", "tests/tests/packaging/tools.txt").join("bin/python");
    let mut command = Command::new(python);
    command.args(["-c", include_str!("packages.py")]).arg(container.root().join("opt/conda"));
    let said = capture(command.arg(channel().strip_prefix("file://").unwrap())).success();
    assert_eq!(said.stdout, "True True\n");
}
