//! `imgbuild init`: what it writes is a spec that `check` takes, and what it leaves out is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::Imgbuild;
use insta::assert_snapshot;

const DOCKERFILE: &str = "\
FROM python:3.11-slim
ENV API_KEY=abcdefgh MODE=prod
WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt && python -m nltk.downloader punkt
COPY src ./src
COPY conf ./conf
USER 1000
CMD [\"python\", \"src/main.py\"]
";

/// A folder with what the Dockerfile names.
fn project() -> Imgbuild {
    let imgbuild = Imgbuild::new();
    imgbuild.write("Dockerfile", DOCKERFILE);
    imgbuild.write("requirements.txt", "six==1.17.0\n");
    imgbuild.write("src/main.py", "print(1)\n");
    imgbuild.write("conf/.env", "PASSWORD=x\n");
    imgbuild
}

#[test]
fn a_spec_from_nothing_is_written_once() {
    let imgbuild = Imgbuild::new();
    assert_eq!(imgbuild.run(["init"]).success().stdout, "spec.toml\n");
    imgbuild.run(["check", "spec.toml"]).success();
    let written = imgbuild.read("spec.toml");
    assert_snapshot!(imgbuild.run(["init"]).failure().stderr, @r"
    × `spec.toml` is there already
    help: `--force` writes over it, and `--output` says where else the spec is written
    ");
    assert_eq!(imgbuild.run(["init", "--output", "-"]).success().stdout, written);
    imgbuild.write("spec.toml", "mine");
    imgbuild.run(["init", "--force"]).success();
    assert_eq!(imgbuild.read("spec.toml"), written);
}

#[test]
fn what_is_made_of_a_dockerfile_is_checked_and_the_rest_is_told() {
    let imgbuild = project();
    let made = imgbuild.run(["init", "--from", "Dockerfile"]).success();
    assert_eq!(made.stdout, "spec.toml\n");
    assert_snapshot!(made.stderr, @r#"
    not taken over: line 2: ENV API_KEY=…
      a secret is not taken over: give it when a container starts (`--env`), or mount it; whoever has an image has what is in it
    not taken over: line 5: python -m nltk.downloader punkt
      no command runs while an image is made: put what it makes beside the spec, and copy it by `[[copy]]`
    not taken over: line 7: `[[copy]]`: from = "conf", to = "/app/conf"
      `conf/.env` is a file of environment variables, and is not copied into an image by accident; name it in `.imgbuildignore`, or name this one file in `from` if it must be in the image
    "#);
    let text = imgbuild.read("spec.toml");
    assert!(!text.contains("abcdefgh"), "{text}");
    assert!(imgbuild.run(["check", "spec.toml"]).success().stdout.contains("linux/"), "{text}");
    let json = imgbuild.run(["init", "--from", "Dockerfile", "--force", "--json"]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (json["spec"].as_str(), json["leftOut"].as_array().map(Vec::len)),
        (Some("spec.toml"), Some(3))
    );
    assert_eq!(json["leftOut"][0]["place"], "line 2");
}

#[test]
fn a_file_that_is_itself_wrong_is_told_with_its_line() {
    let imgbuild = Imgbuild::new();
    imgbuild.write("Dockerfile", "# How to build\n\nRun `make`.\n");
    assert_snapshot!(imgbuild.run(["init", "--from", "Dockerfile"]).failure().stderr, @r"
    × `Dockerfile` is no Dockerfile: it has no `FROM`
    help: each Dockerfile says what it begins with, such as `FROM python:3.11`
    ");
    imgbuild.write("Dockerfile", "FROM debian\nRUN apt-get update && \\\n\napt-get install x\nISNTALL git\n");
    assert_snapshot!(imgbuild.run(["init", "--from", "Dockerfile"]).failure().stderr, @r"
     × `ISNTALL` is no instruction of a Dockerfile
      ╭─[Dockerfile:5:1]
    4 │ apt-get install x
    5 │ ISNTALL git
      · ─────┬─────
      ·      ╰── here
      ╰────
     help: a line goes on where it ends with `\`, and nothing stands behind that
    ");
    imgbuild.write("environment.yml", "dependencies: [numpy, 'python >>3']\n");
    assert_snapshot!(imgbuild.run(["init", "--from", "environment.yml"]).failure().stderr, @r"
      × cannot lock the conda environment of `image:latest (linux/amd64)`
      ╰─▶ `python >>3` is not a conda match spec: unable to parse version spec: >>3

    Advice: 
      ☞ it was asked for here
       ╭─[environment.yml:1:23]
     1 │ dependencies: [numpy, 'python >>3']
       ·                       ──────┬─────
       ·                             ╰── this requirement
       ╰────
    ");
    assert!(!imgbuild.path("spec.toml").exists());
}
