//! The page of the documentation on whose an image is: what it shows is run.

use imgbuild_tests::{Imgbuild, Registry, blocks, commands, prints, shell, workspace_root};

use crate::{imgbuild, key};

/// The part of the page that is about an image that is not what it should be.
const AGAIN: &str = "\n### Building it again\n";

/// What a job of GitHub's says of itself.
const JOB: [(&str, &str); 6] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.com"),
    ("GITHUB_REPOSITORY", "team/app"),
    ("GITHUB_RUN_ID", "7"),
    ("GITHUB_RUN_ATTEMPT", "1"),
    ("RUNNER_ENVIRONMENT", "github-hosted"),
];

/// A repository with a spec, where `cosign` makes the keys of the tests.
fn checkout() -> Imgbuild {
    let imgbuild = JOB.into_iter().fold(imgbuild(), |it, (name, value)| it.variable(name, value));
    imgbuild.write("train.py", "train(e)\n");
    imgbuild.write(
        "app.toml",
        "name = \"app\"\nbase = \"scratch\"\nplatforms = [\"linux/amd64\"]\n[[copy]]\nfrom = \"train.py\"\nto = \"/app/train.py\"\n",
    );
    let copied = format!("#!/bin/sh\ncp {} cosign.key; cp {} cosign.pub\n", key("p256.key"), key("p256.pub"));
    imgbuild.write("bin/cosign", copied);
    shell(
        &imgbuild,
        "chmod +x bin/cosign; printf 'bin\\ncosign.*\\n' > .gitignore; git init --quiet; git add --all; \
        git -c user.name=a -c user.email=a@b.example commit --quiet --message one",
    );
    imgbuild
}

#[test]
fn what_the_page_shows_is_what_is_printed() {
    let page = fs_err::read_to_string(workspace_root().join("docs/supply-chain.md")).unwrap();
    let registry = Registry::new();
    let page = page.replace("registry.example", registry.address());
    let (signed, again) = page.split_once(AGAIN).unwrap();
    let imgbuild = checkout();
    for (line, shown) in blocks(signed, "console").iter().flat_map(|console| commands(console)) {
        prints(&shell(&imgbuild, &format!("{line} 2>&1")).stdout, &shown, &line);
    }
    imgbuild.write("train.py", "train(E)\n");
    for (line, shown) in blocks(again, "console").iter().flat_map(|console| commands(console)) {
        prints(&shell(&imgbuild, &format!("{line} 2>&1; test $? = 1")).stdout, &shown, &line);
    }
}
