//! Files that a spec names, and notes of them.

use insta::assert_snapshot;

use super::{BASE, Bench, PYTHON, first};

#[test]
fn what_is_not_for_this_platform_need_not_be_there() {
    let bench = Bench::new();
    let spec = format!(
        "name = \"x\"\nplatforms = [\"linux/amd64\"]\n{BASE}{PYTHON}[pip]\npackages = [\"./x-1-py3-none-any.whl ; sys_platform == 'win32'\"]\n"
    );
    bench.imgbuild.write("spec.toml", spec.replace("URL", &bench.server.url()));
    bench.imgbuild.run(["check", "spec.toml"]).success();
}

#[test]
fn notes_are_told_by_check() {
    let bench = Bench::new();
    bench.imgbuild.write("requirements.txt", "--trusted-host x.example\n-f ./nowhere\nsix\n");
    let spec = format!(
        "name = \"x\"\nplatforms = [\"linux/amd64\"]\n{BASE}{PYTHON}pip.requirements = \"requirements.txt\"\n"
    );
    bench.imgbuild.write("spec.toml", spec.replace("URL", &bench.server.url()));
    assert_snapshot!(bench.imgbuild.run(["check", "spec.toml"]).success().stdout, @"
    x:latest (linux/amd64)

    there is no lock that fits this spec, so no layers are planned: run `imgbuild lock`

    note: requirements.txt:1: `--trusted-host x.example` is not followed: certificates are always checked, and `http://` needs no permission
    note: `--find-links nowhere` does nothing: there is no such folder
    ");
    assert_snapshot!(bench.imgbuild.run(["check", "--json", "spec.toml"]).success().stdout, @r#"
    {
      "variants": [
        {
          "name": "x",
          "tags": [
            "latest"
          ],
          "platform": "linux/amd64",
          "keys": {},
          "layers": null
        }
      ],
      "locked": false,
      "notes": [
        "requirements.txt:1: `--trusted-host x.example` is not followed: certificates are always checked, and `http://` needs no permission",
        "`--find-links nowhere` does nothing: there is no such folder"
      ]
    }
    "#);
}

#[test]
fn folders_of_another_tools_lock_that_are_not_there() {
    let bench = Bench::new();
    bench.imgbuild.write("here/pyproject.toml", "[project]\nname = \"here\"\nversion = \"1\"\n");
    bench.imgbuild.write(
        "pixi.lock",
        "version: 6\nenvironments:\n  default:\n    channels: []\n    packages:\n      linux-64:\n\
         \x20     - pypi: ./here\n      - pypi: ./gone\npackages:\n\
         - pypi: ./here\n  name: here\n  version: '1'\n\
         - pypi: ./gone\n  name: gone\n  version: '1'\n  editable: true\n",
    );
    let said = bench.refuses(&format!("{BASE}{PYTHON}env = \"pixi.lock\"\npip.allow-builds = true\n"));
    assert_eq!(
        first(&said),
        "× cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `gone` cannot be installed: it is not there"
    );
    assert!(said.contains("[pixi.lock:13:"), "{said}");
}

#[test]
fn a_wheel_of_a_lock_is_found_from_wherever_the_spec_is_named() {
    let bench = Bench::new();
    let (name, bytes) = ("six-1.16.0-py2.py3-none-any.whl", b"not read");
    bench.imgbuild.write(&format!("sub/locks/{name}"), bytes);
    let lock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"six\"\nversion = \"1.16.0\"\n\
         [[packages.wheels]]\nname = \"{name}\"\npath = \"{name}\"\nhashes = {{ sha256 = \"{}\" }}\n",
        imgbuild_oci::Digest::of(bytes).hex()
    );
    bench.imgbuild.write("sub/locks/pylock.toml", lock);
    let spec = format!("name = \"x\"\n{BASE}{PYTHON}[pip]\nrequirements = \"locks/pylock.toml\"\n");
    bench.imgbuild.write("sub/spec.toml", spec.replace("URL", &bench.server.url()));
    let check = |folder: &str, spec: &str| {
        let mut command = bench.imgbuild.command(["check", spec]);
        let output = command.current_dir(bench.imgbuild.path(folder)).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let within = check("sub", "spec.toml");
    assert_eq!(within.0, Some(0), "{}", within.1);
    assert_eq!(check(".", "sub/spec.toml"), within);
    std::fs::remove_file(bench.imgbuild.path(&format!("sub/locks/{name}"))).unwrap();
    for (folder, spec) in [("sub", "spec.toml"), (".", "sub/spec.toml")] {
        let (code, said) = check(folder, spec);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("it is not there"), "{said}");
    }
}
