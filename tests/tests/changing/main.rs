//! Environments that are changed inside of images, by rattler: conda and mamba are in no registry that tests can reach.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use imgbuild_tests::{Container, Imgbuild, Start, channel};

/// What changes the environment that it runs in.
const CHANGE: &str = include_str!("change.py");

#[test]
fn nothing_that_the_spec_asked_for_is_lost() {
    let imgbuild = Imgbuild::new();
    let channel = channel();
    let spec = format!(
        "name = \"change\"\npython = \"3.11\"\nplatforms = [\"linux/amd64\"]\n[conda]\nchannels = [\"{channel}\"]\nmanager = \"micromamba\"\npackages = [\"numpy 1.26.*\", \"certifi\"]\n[pip]\npackages = [\"py-rattler==0.28.0\"]\n"
    );
    let image = imgbuild.build(&spec, &[]).image();
    let folder = channel.strip_prefix("file://").unwrap();
    for (name, user) in [("user", "1000"), ("any-in-group-0", "12345:0"), ("root", "0:0")] {
        // Each from the image as it was.
        let container = Container::new(&image);
        let command = Some(vec!["python", "-c", CHANGE, channel.as_str(), "six"]);
        let mount = Some((PathBuf::from(folder), folder));
        let start = Start { user: Some(user), command, mount, ..Start::default() };
        let (code, said) = container.spawn(name, &start).end();
        assert_eq!(code, 0, "{user}: {said}");
        // rattler writes one file for backups, and never takes it away.
        let expected = "lost [] added ['six']\nlost [] added []\nleft ['CACHEDIR.TAG']\n";
        assert_eq!(said, expected, "{user}");
    }
}
