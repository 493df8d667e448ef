//! What bad wheels, indexes and requirements get, through the program: the whole message with the line of the spec that asked
//! for it, and nothing delivered. Projects are hand-made and stand on an index of HTML on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use imgbuild_tests::{Answer, Imgbuild, Server, channel, package_index};
use insta::assert_snapshot;

const PROJECTS: &str = "
    good-1.0-py3-none-any.whl
    needs-1.0-py3-none-any.whl requires=good>=2
    foreign-1.0-cp311-cp311-win_amd64.whl
    foreign-1.0-cp311-cp311-macosx_11_0_arm64.whl
    source-1.0.tar.gz
    outside-1.0-py3-none-any.whl path=../../etc/profile.d/x.sh
    absolute-1.0-py3-none-any.whl path=/etc/x
    record-1.0-py3-none-any.whl record=y
    renamed-1.0-py3-none-any.whl name=other
    hostile-1.0-py3-none-any.whl command=../../../usr/bin/sh
    numpy-2.4.0-py3-none-any.whl
    older-1.0-cp39-cp39-manylinux_2_17_x86_64.whl
    older-2.0-cp310-cp310-manylinux_2_17_x86_64.whl
    older-2.0.tar.gz
    glibc-1.0-cp311-cp311-manylinux_2_39_x86_64.whl
    musl-1.0-cp311-cp311-musllinux_1_1_x86_64.whl
    torch-2.5.1-py3-none-any.whl
    moved-1.0-cp310-cp310-win32.whl
    moved-2.0-py3-none-any.whl
    other-1.0.tar.gz
    wants-1.0-py3-none-any.whl requires=source
    also-1.0-py3-none-any.whl requires=other
    alien-1.0-py3-none-any.whl requires=foreign
    lost-1.0-py3-none-any.whl requires=nowhere
    local-1.0-py3-none-any.whl requires=torch==2.5.1+cu124
    mover-1.0-py3-none-any.whl requires=moved
    array-1.0-py3-none-any.whl requires=numpy>=2
    user-1.0-py3-none-any.whl requires=good
    twice-1.0-py3-none-any.whl
    twice-2.0-py3-none-any.whl requires=good>1
    twice-3.0-py3-none-any.whl
    later-1.0-py3-none-any.whl requires=twice>1
";

/// A program, and the index that it asks.
struct Bench {
    imgbuild: Imgbuild,
    index: Server,
}

impl Bench {
    /// `fault` is asked first what an index does.
    fn new(fault: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::of(Imgbuild::new(), fault)
    }

    fn of(imgbuild: Imgbuild, fault: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let index = package_index(&imgbuild.path("index"), PROJECTS, fault);
        Self { imgbuild, index }
    }

    /// The message of a build of wheels from this index.
    fn refuses(&self, wheels: &str) -> String {
        self.refuses_in("python = { version = \"3.11\", from = \"debian\" }\nbase = \"bookworm\"", wheels)
    }

    fn refuses_in(&self, head: &str, wheels: &str) -> String {
        let spec = format!(
            "name = \"x\"\nplatforms = [\"linux/amd64\"]\n{head}\n[pip]\n{wheels}\nindex-url = \"URL\"\n"
        );
        self.imgbuild.write("spec.toml", spec.replace("URL", &format!("{}/simple", self.index.url())));
        let outcome = self.imgbuild.run(["build", "spec.toml", "--quiet", "--output", "out"]).failure();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""));
        assert!(
            !self.imgbuild.path("out").exists()
                || self.imgbuild.path("out").read_dir().unwrap().next().is_none()
        );
        let address = self.index.url();
        let address = address.trim_start_matches("http://");
        outcome
            .stderr
            .replace(address, "INDEX")
            .replace(&self.imgbuild.folder().display().to_string(), "FOLDER")
    }
}

fn refused(wheels: &str) -> String {
    Bench::new(|_| None).refuses(wheels)
}

#[test]
fn no_wheel_for_the_platform() {
    assert_snapshot!(refused("packages = [\"foreign\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no wheel of `foreign 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Windows and macOS alone
              there is `cp311-cp311-macosx_11_0_arm64`, `cp311-cp311-win_amd64`
            wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["foreign"]
       ·             ────┬────
       ·                 ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_constraint_that_leaves_no_wheel_that_fits() {
    let bench = Bench::new(|_| None);
    bench.imgbuild.write("constraints.txt", "moved<2\n");
    assert_snapshot!(bench.refuses("packages = [\"moved\"]\nconstraints = [\"constraints.txt\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no wheel of `moved 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Python 3.10 alone, and for Windows alone; the constraint `moved<2` leaves out 2.0, which fits
              there is `cp310-cp310-win32`
            wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["moved"]
       ·             ───┬───
       ·                ╰── this requirement
     7 │ constraints = ["constraints.txt"]
       ╰────

    Advice: 
      ☞ a limit is set here
       ╭─[constraints.txt:1:1]
     1 │ moved<2
       · ───┬───
       ·    ╰── this constraint
       ╰────
    "#);
}

#[test]
fn all_packages_without_a_wheel_are_told_at_once() {
    let packages = "packages = [\"foreign\", \"source\", \"glibc\", \"musl\", \"older\", \"absent-one\", \"torch==2.5.1+cu124\", \"good\"]";
    assert_snapshot!(refused(packages), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ 7 packages cannot be had for Python 3.11 on linux/amd64 with glibc 2.36:
            `foreign 1.0`: its wheels are for Windows and macOS alone
              there is `cp311-cp311-macosx_11_0_arm64`, `cp311-cp311-win_amd64`
            `source 1.0`: it has a source distribution alone
            `glibc 1.0`: its wheels need glibc 2.39, and the image has 2.36
              there is `cp311-cp311-manylinux_2_39_x86_64`
            `musl 1.0`: its wheels are for Linux with musl, and the image has glibc
              there is `cp311-cp311-musllinux_1_1_x86_64`
            `older 2.0`: its wheels are for Python 3.10 alone
              there is `cp310-cp310-manylinux_2_17_x86_64`
            `absent-one`: no index has a package of that name
            `torch==2.5.1+cu124`: the index has no such version; the nearest is `2.5.1`
            wanted is one of `cp311-cp311-manylinux_2_36_x86_64`, `cp311-abi3-manylinux_2_36_x86_64`, `py3-none-any`
      help: `base = "trixie"` has glibc 2.41; `cuda = "12.4"` in the spec takes `torch` from PyTorch's index for that CUDA; or name an index that has it in `index-url` or `extra-index-urls` of `[pip]`; `allow-builds = ["source", "older"]` in `[pip]` lets imgbuild build them, in the sandbox

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["foreign", "source", "glibc", "musl", "older", "absent-one", "torch==2.5.1+cu124", "good"]
       ·             ────┬────
       ·                 ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_version_for_cuda_without_its_index() {
    assert_snapshot!(refused("packages = [\"torch==2.5.1+cu124\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `torch==2.5.1+cu124` cannot be had: the index has no such version; the nearest is `2.5.1`
      help: `cuda = "12.4"` in the spec takes `torch` from PyTorch's index for that CUDA; or name an index that has it in `index-url` or `extra-index-urls` of `[pip]`

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["torch==2.5.1+cu124"]
       ·             ──────────┬─────────
       ·                       ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn what_other_packages_require_is_told_with_who_requires_it() {
    let packages = "packages = [\"wants\", \"also\", \"glibc\", \"alien\", \"lost\", \"local\"]";
    let message = refused(packages);
    let told: Vec<&str> =
        message.lines().filter(|line| line.contains("requires it")).map(str::trim).collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    // uv tells them in its own order.
    assert_snapshot!(sorted.join("\n"), @r#"
    `foreign 1.0`: its wheels are for Windows and macOS alone; `alien` requires it
    `nowhere`: no index has a package of that name; `lost` requires it
    `other 1.0`: it has a source distribution alone; `also` requires it
    `source 1.0`: it has a source distribution alone; `wants` requires it
    `torch==2.5.1+cu124`: the index has no such version; the nearest is `2.5.1`; `local` requires it
    "#);
    assert!(message.contains("6 packages cannot be had for Python 3.11"), "{message}");
    assert!(message.contains("`cuda = \"12.4\"` in the spec takes `torch`"), "{message}");
    // What may be built is no fault.
    assert_snapshot!(refused("packages = [\"wants\", \"also\"]\nallow-builds = [\"other\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no wheel of `source 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: it has a source distribution alone; `wants` requires it
      help: `allow-builds = ["source"]` in `[pip]` lets imgbuild build it, in the sandbox

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["wants", "also"]
       ·             ───┬───
       ·                ╰── this requirement
     7 │ allow-builds = ["other"]
       ╰────
    "#);
}

#[test]
fn a_constraint_that_leaves_out_every_version() {
    let bench = Bench::new(|_| None);
    bench.imgbuild.write("constraints.txt", "# what we run\ngood<1\n");
    let constraints = "constraints = [\"constraints.txt\"]";
    assert_snapshot!(bench.refuses(&format!("packages = [\"good\"]\n{constraints}")), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `good` cannot be had: the constraint `good<1` leaves out every version of it that is asked for

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── this requirement
     7 │ constraints = ["constraints.txt"]
       ╰────

    Advice: 
      ☞ a limit is set here
       ╭─[constraints.txt:2:1]
     1 │ # what we run
     2 │ good<1
       · ───┬──
       ·    ╰── this constraint
       ╰────
    "#);
    let of_another = bench.refuses(&format!("packages = [\"user\"]\n{constraints}"));
    let (said, places) = of_another.split_once("\n\nAdvice").unwrap();
    assert_snapshot!(said, @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `good` cannot be had: the constraint `good<1` leaves out every version of it that is asked for; `user` requires it
    "#);
    assert!(places.contains("[constraints.txt:2:1]") && places.contains("\"user\""), "{places}");
    bench.imgbuild.write("constraints.txt", "moved<2\n");
    let of_another = bench.refuses(&format!("packages = [\"mover\"]\n{constraints}"));
    assert!(
        of_another.contains("the constraint `moved<2` leaves out 2.0, which fits; `mover` requires it"),
        "{of_another}"
    );
}

#[test]
fn a_constraint_takes_part_in_a_conflict() {
    let bench = Bench::new(|_| None);
    bench.imgbuild.write("constraints.txt", "twice<3\nunknown<2\n");
    let message = bench.refuses("packages = [\"later\", \"good\"]\nconstraints = [\"constraints.txt\"]");
    assert!(message.contains("`twice<3` is a constraint"), "{message}");
    assert!(message.contains("[constraints.txt:1:1]") && message.contains("\"later\""), "{message}");
}

#[test]
fn conda_leaves_out_what_wheels_and_constraints_want() {
    let head =
        format!("python = \"3.11\"\n[conda]\nchannels = [\"{}\"]\npackages = [\"numpy 1.26.*\"]", channel());
    let bench = Bench::new(|_| None);
    let told = |wheels: &str| {
        let message = bench.refuses_in(&head, wheels).replace(&channel(), "CHANNEL");
        assert!(message.contains("conda was asked for it here"), "{message}");
        message.split("\n\nAdvice").next().unwrap().to_owned()
    };
    assert_snapshot!(told("packages = [\"array\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the pip requirement `array` contradicts conda's package `numpy 1.26.4 py311_0`, which provides `numpy 1.26.4`:
          No solution found when resolving dependencies
            cause: Because only numpy<2 is available and all versions of array depend on numpy>=2, we can conclude that all versions of array cannot be used.
                   And because you require array, we can conclude that your requirements are unsatisfiable.
      help: let conda install another version of it, or change the requirement
    "#);
    bench.imgbuild.write("constraints.txt", "numpy<1.26\n");
    assert_snapshot!(told("packages = [\"numpy\"]\nconstraints = [\"constraints.txt\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the constraint `numpy<1.26` contradicts conda's package `numpy 1.26.4 py311_0`, which provides `numpy 1.26.4`
      help: let conda install another version of it, or change the constraint
    "#);
}

#[test]
fn a_url_that_is_none_with_its_variables_in_place() {
    let imgbuild = Imgbuild::new().variable("WHERE", "hunter2 [").variable("NOTHING", "");
    let bench = Bench::of(imgbuild, |_| None);
    let wheels = "requirements = \"requirements.txt\"\nallow-builds = true";
    for line in [
        "x @ https://${WHERE}/x-1.0.tar.gz",
        "x @ git+https://${WHERE}/x.git",
        "x @ https://${NOTHING}/x.zip",
    ] {
        bench.imgbuild.write("requirements.txt", format!("good\n{line}\n"));
        let message = bench.refuses(wheels);
        assert!(!message.contains("hunter2"), "{message}");
        assert!(message.contains("requirements.txt:2:1"), "{message}");
        assert!(message.contains("with its variables in their places it is no URL"), "{message}");
    }
    assert_snapshot!(bench.refuses(wheels), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `x @ https://${NOTHING}/x.zip` cannot be installed: with its variables in their places it is no URL: it names no host

    Advice: 
      ☞ it was asked for here
       ╭─[requirements.txt:2:1]
     1 │ good
     2 │ x @ https://${NOTHING}/x.zip
       · ──────────────┬─────────────
       ·               ╰── this requirement
       ╰────
    "#);
}

#[test]
fn requirements_that_contradict_each_other() {
    assert_snapshot!(refused("packages = [\"needs\", \"good <2\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
          No solution found when resolving dependencies
            cause: Because all versions of needs depend on good>=2 and you require needs, we can conclude that you require good>=2.
                   And because you require good<2, we can conclude that your requirements are unsatisfiable.

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["needs", "good <2"]
       ·             ───┬───
       ·                ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_source_distribution_without_permission() {
    assert_snapshot!(refused("packages = [\"good\", \"source\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no wheel of `source 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: it has a source distribution alone
      help: `allow-builds = ["source"]` in `[pip]` lets imgbuild build it, in the sandbox

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:21]
     5 │ [pip]
     6 │ packages = ["good", "source"]
       ·                     ────┬───
       ·                         ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_local_project_without_permission() {
    let bench = Bench::new(|_| None);
    bench.imgbuild.write("project/pyproject.toml", "[project]\nname = \"project\"\nversion = \"1\"\n");
    assert_snapshot!(bench.refuses("packages = [\"-e ./project\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the folder `project` is no wheel, and may not be built
      help: `allow-builds = ["project"]` in `[pip]` lets imgbuild build it, in the sandbox

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["-e ./project"]
       ·             ───────┬──────
       ·                    ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_mistyped_name_on_either_side() {
    assert_snapshot!(refused("packages = [\"good\", \"nunpy\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `nunpy` cannot be had: no index has a package of that name
      help: did you mean `numpy`?

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:21]
     5 │ [pip]
     6 │ packages = ["good", "nunpy"]
       ·                     ───┬───
       ·                        ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
    let conda =
        format!("python = \"3.11\"\n[conda]\nchannels = [\"{}\"]\npackages = [\"nunpy >=1\"]", channel());
    let message = Bench::new(|_| None).refuses_in(&conda, "packages = [\"good\"]");
    assert_snapshot!(message.replace(&channel(), "CHANNEL"), @r#"
      × cannot lock the conda environment of `x:latest (linux/amd64)`
      ╰─▶ no set of packages satisfies all requirements:
          No candidates were found for nunpy >=1.
      help: no channel has `nunpy`: did you mean `numpy`?

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ channels = ["CHANNEL"]
     6 │ packages = ["nunpy >=1"]
       ·             ─────┬─────
       ·                  ╰── this requirement
     7 │ [pip]
       ╰────
    "#);
}

#[test]
fn conda_has_another_version() {
    let conda =
        format!("python = \"3.11\"\n[conda]\nchannels = [\"{}\"]\npackages = [\"numpy 1.26.*\"]", channel());
    let message = Bench::new(|_| None).refuses_in(&conda, "packages = [\"numpy >=2\"]");
    assert_snapshot!(message.replace(&channel(), "CHANNEL"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ the pip requirement `numpy>=2` contradicts conda's package `numpy 1.26.4 py311_0`, which provides `numpy 1.26.4`
      help: let conda install another version of it, or change the requirement

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:8:13]
     7 │ [pip]
     8 │ packages = ["numpy >=2"]
       ·             ─────┬─────
       ·                  ╰── this requirement
     9 │ index-url = "http://INDEX/simple"
       ╰────

    Advice: 
      ☞ conda was asked for it here
       ╭─[spec.toml:6:13]
     5 │ channels = ["CHANNEL"]
     6 │ packages = ["numpy 1.26.*"]
       ·             ───────┬──────
       ·                    ╰── this requirement
     7 │ [pip]
       ╰────
    "#);
}

#[test]
fn paths_that_leave_the_environment() {
    assert_snapshot!(refused("packages = [\"outside\"]"), @r#"
    × cannot lock the wheels of `x:latest (linux/amd64)`
    ├─▶ `outside-1.0-py3-none-any.whl` cannot be installed
    ╰─▶ the zip container is ambiguous or damaged at `../../etc/profile.d/x.sh`: its name has a component `..`
    "#);
    assert_snapshot!(refused("packages = [\"absolute\"]"), @r#"
    × cannot lock the wheels of `x:latest (linux/amd64)`
    ├─▶ `absolute-1.0-py3-none-any.whl` cannot be installed
    ╰─▶ the zip container is ambiguous or damaged at `/etc/x`: its name is absolute
    "#);
}

#[test]
fn a_record_that_does_not_hold() {
    assert_snapshot!(refused("packages = [\"record\"]"), @r#"
    × cannot put `pypi/record` into a layer
    ╰─▶ `record/__init__.py` has the hash `sha256=nia_NpkRxFwkPGhBR7I_yeHc_PJX0pmhxjIBam_NM_Q`, and its `RECORD` says `sha256=ofzkNjhU_4iM_0uOeHXWAMJoI5BBKoz3mzfQsRFIsPo`
    "#);
}

#[test]
fn a_wheel_of_another_name() {
    assert_snapshot!(refused("packages = [\"renamed\"]"), @r#"
    × cannot lock the wheels of `x:latest (linux/amd64)`
    ╰─▶ `uv` failed while it chose Python packages:
        error: Package metadata name `other` does not match given name `renamed`
    "#);
}

#[test]
fn a_command_with_a_hostile_name() {
    assert_snapshot!(refused("packages = [\"hostile\"]"), @r#"
    × cannot lock the wheels of `x:latest (linux/amd64)`
    ├─▶ `hostile-1.0-py3-none-any.whl` cannot be installed
    ╰─▶ its entry point `../../../usr/bin/sh` has a name that no command may have
    "#);
}

#[test]
fn a_file_that_is_not_what_the_index_says() {
    let changed = |path: &str| path.ends_with(".whl").then(|| Answer::Page("x".repeat(2000)));
    assert_snapshot!(Bench::new(changed).refuses("packages = [\"good\"]"), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
          No solution found when resolving dependencies
            cause: Because good==1.0 has an invalid package format and only good==1.0 is available, we can conclude that all versions of good cannot be used.
                   And because you require good, we can conclude that your requirements are unsatisfiable.
            Failed to read from zip file
      help: The structure of `good` (v1.0) was invalid:

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_file_with_another_hash() {
    let name = "good-1.0-py3-none-any.whl";
    let lies = move |path: &str| {
        let link = format!("<a href=\"/{name}#sha256={}\">{name}</a>", "0".repeat(64));
        path.starts_with("/simple/").then_some(Answer::Page(link))
    };
    assert_snapshot!(Bench::new(lies).refuses("packages = [\"good\"]"), @r#"
    × cannot get `good-1.0-py3-none-any.whl`
    ╰─▶ `http://INDEX/good-1.0-py3-none-any.whl` has the sha256 `6a0f3d066be453020129754161e18672b29c1d7fbe5c69eeefab229f4527c661`, and `0000000000000000000000000000000000000000000000000000000000000000` was expected
    "#);
}

#[test]
fn an_index_that_fails() {
    let index = |answer: fn() -> Answer| {
        let fault = move |path: &str| path.starts_with("/simple/").then(answer);
        Bench::new(fault).refuses("packages = [\"good\"]")
    };
    assert_snapshot!(index(|| Answer::Challenge("Basic realm=\"x\"".to_owned())), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ no set of wheels satisfies all requirements for Python 3.11 on linux/amd64 with glibc 2.36:
          No solution found when resolving dependencies
            cause: Because good was not found in the package registry and you require good, we can conclude that your requirements are unsatisfiable.
      help: An index URL (http://INDEX/simple) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
    assert_snapshot!(index(|| Answer::Status(404)), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `good` cannot be had: no index has a package of that name

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
    assert_snapshot!(index(|| Answer::Page("{ garbage".to_owned())), @r#"
      × cannot lock the wheels of `x:latest (linux/amd64)`
      ╰─▶ `good` cannot be had: no index has a package of that name

    Advice: 
      ☞ it was asked for here
       ╭─[spec.toml:6:13]
     5 │ [pip]
     6 │ packages = ["good"]
       ·             ───┬──
       ·                ╰── this requirement
     7 │ index-url = "http://INDEX/simple"
       ╰────
    "#);
}

#[test]
fn a_file_that_is_gone() {
    let gone = |path: &str| path.ends_with(".whl").then_some(Answer::Status(404));
    assert_snapshot!(Bench::new(gone).refuses("packages = [\"good\"]"), @r#"
    × cannot lock the wheels of `x:latest (linux/amd64)`
    ╰─▶ `uv` failed while it chose Python packages:
        error: Failed to fetch: http://INDEX/good-1.0-py3-none-any.whl
          cause: HTTP status client error (404 -) for url (http://INDEX/good-1.0-py3-none-any.whl)
    "#);
}
