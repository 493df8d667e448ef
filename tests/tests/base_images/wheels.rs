//! Wheels over the Python of an image that is there: what is seen of it, and what is said where that cannot be.

use std::path::Path;
use std::process::Command;

use imgbuild_oci::{ContainerConfig, Platform};
use imgbuild_tests::{
    Container, Image, Imgbuild, LIMITS, Podman, Server, capture, channel, package_index, scratch,
};

use crate::bad_wheels::python;
use crate::{Site, config, has_blob, system};

/// `late` requires what the bases have, and `command` brings a program.
const WHEELS: &str = "
    late-1.0-py3-none-any.whl requires=idna
    command-1.0-py3-none-any.whl command=made-by-a-wheel
    idna-99.0-py3-none-any.whl
";

/// Where a program and the packages are, as the image's Python finds them.
const WHERE: &str = "import sys, importlib; print(sys.executable, *(importlib.import_module(it).__file__ for it in sys.argv[1:]))";

fn index(site: &Site) -> Server {
    package_index(&site.imgbuild.path("index"), WHEELS, |_| None)
}

/// A spec of wheels on an image of the registry.
fn on(site: &Site, name: &str, base: &str, wheels: &str, index: &Server) -> String {
    format!(
        "name = \"{name}\"\nplatforms = [\"linux/amd64\"]\nbase = {{ image = \"{}\" }}\n\
         [pip]\npackages = [{wheels}]\nindex-url = \"{}/simple\"\n[layers]\nbudget = 100\n",
        site.name(base),
        index.url()
    )
}

/// Builds an image of ours, and pushes it.
fn put_own(site: &Site, image: &str, spec: &str) {
    let own = Imgbuild::new();
    own.write("spec.toml", spec);
    own.run(["build", "spec.toml", "--push", &site.name(image)]).success();
}

fn python_of_conda(rest: &str) -> String {
    format!(
        "name = \"base\"\nplatforms = [\"linux/amd64\"]\npython = \"3.11\"\n{rest}[conda]\nchannels = [\"{}\"]\npackages = [\"idna\"]\n",
        channel()
    )
}

/// The projects that `pip list` shows, each with its version.
fn listed(said: &str) -> String {
    let lines = said.lines().skip(2).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join(", ")
}

#[test]
fn over_a_conda_environment() {
    let site = Site::new();
    put_own(&site, "team/base:1", &python_of_conda(""));
    let index = index(&site);
    site.imgbuild.write("spec.toml", on(&site, "app", "team/base:1", "\"late\", \"command\"", &index));
    site.imgbuild.run(["lock", "spec.toml"]).success();
    let lock = site.lock();
    let wheels = lock.variants[0].pypi.as_ref().unwrap();
    let idna = wheels.provided.first().unwrap();
    assert!(idna.starts_with("idna ") && idna != "idna 99.0", "{idna}");
    assert_eq!(wheels.requested, ["command", "late"]);
    // Who builds by the lock fetches nothing of the base.
    let (other, to) = (site.elsewhere(), site.name("team/app:1"));
    other.run(["build", "spec.toml", "--locked", "--push", &to]).success();
    let layers = lock.variants[0].image.clone().unwrap().layers;
    assert!(layers.iter().all(|layer| !has_blob(&other, &layer.digest)));
    let expected = "/opt/venv/bin/python /opt/venv/lib/python3.11/site-packages/late/__init__.py /opt/conda/lib/python3.11/site-packages/idna/__init__.py\n";
    let program = ["python", "-c", WHERE, "late", "idna"];
    let said = other.run([&["run", "app:latest", "--"][..], &program].concat()).success().stdout;
    assert_eq!(said, expected);
    let podman = Podman::new(&other.path("podman"));
    let run = |words: &[&str]| {
        let image = ["--tls-verify=false", "--pull=always", &to];
        podman.run(&[&["run", "--rm", "--net=none"][..], &LIMITS, &image, words].concat()).success().stdout
    };
    assert_eq!(run(&program), expected);
    assert_eq!(
        run(&["bash", "-c", "command -v python pip made-by-a-wheel; pip check"]),
        "/opt/venv/bin/python\n/opt/venv/bin/pip\n/opt/venv/bin/made-by-a-wheel\nNo broken requirements found.\n"
    );
    // A login shell finds the same, whatever the base's own start-up files say.
    assert_eq!(run(&["bash", "-lc", "command -v python"]), "/opt/venv/bin/python\n");
    let all = listed(&run(&["pip", "list"]));
    assert!(all.contains("command 1.0") && all.contains("late 1.0") && all.contains(idna.as_str()), "{all}");
    // The same lock gives the same bytes, without the network.
    let digest = other.build_again(&["--locked"]).image().digest;
    assert_eq!(other.build_again(&["--locked", "--offline"]).image().digest, digest);
    assert_eq!(site.imgbuild.build_again(&["--locked"]).image().digest, digest);
}

#[test]
fn over_virtual_environments() {
    let site = Site::new();
    let index = index(&site);
    let base = "name = \"base\"\nplatforms = [\"linux/amd64\"]\npython = { version = \"3.13\", from = \"debian\" }\n[pip]\npackages = [\"idna\", \"pip\"]\nwritable = true\n";
    put_own(&site, "team/base:1", base);
    // Each stands on the one before, and sees all of them.
    site.imgbuild.write("spec.toml", on(&site, "app", "team/base:1", "\"command\"", &index));
    site.imgbuild.run(["build", "spec.toml", "--push", &site.name("team/app:1")]).success();
    site.imgbuild.write("spec.toml", on(&site, "more", "team/app:1", "\"late\"", &index));
    let image = site.imgbuild.build_again(&[]).image();
    assert_eq!(site.lock().variants[0].pypi.as_ref().unwrap().prefix.to_string(), "/opt/venv-3");
    let container = Container::new(&image);
    let packages =
        |folder: &str, name: &str| format!("/opt/{folder}/lib/python3.13/site-packages/{name}/__init__.py");
    let all = [packages("venv-3", "late"), packages("venv-2", "command"), packages("venv", "idna")].join(" ");
    let said = container.start_with(&["python", "-c", WHERE, "late", "command", "idna"]).success().stdout;
    assert_eq!(said, format!("/opt/venv-3/bin/python {all}\n"));
    let said = listed(&container.start_with(&["pip", "list"]).success().stdout);
    assert!(["command 1.0", "idna ", "late 1.0", "pip "].iter().all(|it| said.contains(it)), "{said}");
    // Debian's own packages are not seen in the base's environment, and so not here.
    let said = container.start_with(&[
        "python",
        "-c",
        "import sys; print(*[it for it in sys.path if 'dist-packages' in it])",
    ]);
    assert_eq!(said.success().stdout, "\n");
    // What the one in the middle has is known as well.
    site.imgbuild.write("spec.toml", on(&site, "more", "team/app:1", "\"command>1\"", &index));
    let said = site.fails(&["lock", "spec.toml"]);
    assert!(
        said.contains("contradicts the base `127.0.0.1:50000/team/app:1`, whose Python has `command 1.0`"),
        "{said}"
    );
}

/// The Python of the channel, below `/usr/local` as the official images of Python have theirs.
fn put_local(site: &Site, image: &str) {
    let conda = Imgbuild::new();
    let container = Container::new(&conda.build(&python_of_conda(""), &[]).image());
    let own = Imgbuild::new();
    let local = own.path("local");
    fs_err::create_dir(&local).unwrap();
    copy(&container.root().join("opt/conda"), &local);
    fs_err::remove_dir_all(local.join("conda-meta")).unwrap();
    let spec =
        "name = \"base\"\nplatforms = [\"linux/amd64\"]\n[[copy]]\nfrom = \"local\"\nto = \"/usr/local\"\n";
    own.write("spec.toml", spec);
    own.run(["build", "spec.toml", "--push", &site.name(image)]).success();
}

fn copy(from: &Path, to: &Path) {
    capture(Command::new("cp").args(["-a", "--no-target-directory"]).args([from, to])).success();
}

#[test]
fn over_a_python_below_usr_local() {
    let site = Site::new();
    put_local(&site, "team/base:1");
    let index = index(&site);
    let spec = on(&site, "app", "team/base:1", "\"late\"", &index);
    let check = "[[check]]\nrun = [\"python\", \"-c\", \"import late, idna, sys; print(sys.base_prefix)\"]\nexpect = \"/usr/local\"\n";
    site.imgbuild
        .write("spec.toml", format!("{spec}{check}").replace("[pip]", "[image]\nuser = \"1234\"\n[pip]"));
    let image = site.imgbuild.build_again(&[]).image();
    let lock = site.lock();
    let python = lock.variants[0].pypi.as_ref().unwrap().python.clone().unwrap();
    assert_eq!(python.program.to_string(), "/usr/local/bin/python3.11");
    assert!(python.version.starts_with("3.11."), "{}", python.version);
    let container = Container::new(&image);
    let said = container.start_with(&["python", "-c", WHERE, "late", "idna"]).success().stdout;
    let expected = "/opt/venv/bin/python /opt/venv/lib/python3.11/site-packages/late/__init__.py /usr/local/lib/python3.11/site-packages/idna/__init__.py\n";
    assert_eq!(said, expected);
    let all = listed(&container.start_with(&["pip", "list"]).success().stdout);
    assert!(all.contains("late 1.0") && all.contains("idna "), "{all}");
    let settings = String::from_utf8(image.file("opt/venv/pyvenv.cfg")).unwrap();
    assert_eq!(
        settings,
        format!(
            "home = /usr/local/bin\ninclude-system-site-packages = true\nversion = {}\nexecutable = /usr/local/bin/python3.11\n",
            python.version
        )
    );
}

#[test]
fn over_debians_own_python() {
    let site = Site::new();
    let index = index(&site);
    let base = "name = \"base\"\nplatforms = [\"linux/amd64\"]\npython = { version = \"3.13\", from = \"debian\" }\n[base]\npackages = [\"python3-idna\"]\n";
    put_own(&site, "team/base:1", base);
    site.imgbuild.write("spec.toml", on(&site, "app", "team/base:1", "\"late\"", &index));
    let container = Container::new(&site.imgbuild.build_again(&[]).image());
    let said = container.start_with(&["python", "-c", WHERE, "late", "idna"]).success().stdout;
    let expected = "/opt/venv/bin/python /opt/venv/lib/python3.13/site-packages/late/__init__.py /usr/lib/python3/dist-packages/idna/__init__.py\n";
    assert_eq!(said, expected);
    let python = site.lock().variants[0].pypi.as_ref().unwrap().python.clone().unwrap();
    assert!(python.version.starts_with("3.13.") && !python.has_pip, "{python:?}");
}

/// A base of which only the names are a Python's, for both platforms.
fn put_names(site: &Site, image: &str) {
    let config = ContainerConfig { env: vec!["PATH=/opt/conda/bin:/bin".to_owned()], ..config() };
    site.put(image, &[Platform::LinuxAmd64, Platform::LinuxArm64], vec![system(), python()], &config);
}

#[test]
fn for_each_platform_whatever_this_machine_runs() {
    let site = Site::new();
    put_names(&site, "team/base:1");
    let index = index(&site);
    let spec = on(&site, "app", "team/base:1", "\"command\"", &index);
    let both = spec.replace("[\"linux/amd64\"]", "[\"linux/amd64\", \"linux/arm64\"]");
    site.imgbuild.write("spec.toml", both);
    let images = Image::all(site.imgbuild.build_again(&[]).path());
    assert_eq!(images.len(), 2);
    for image in images {
        // No bytecode is made by a Python that may not run here.
        let tree = scratch("unpacked");
        image.unpack(tree.path());
        let module = tree.path().join("opt/venv/lib/python3.11/site-packages/command");
        assert!(module.join("__init__.py").is_file() && !module.join("__pycache__").exists());
    }
}

#[test]
fn an_extra_of_what_the_base_has_is_read_from_its_layers() {
    let site = Site::new();
    put_names(&site, "team/base:1");
    let index = package_index(
        &site.imgbuild.path("index"),
        "late-1.0-py3-none-any.whl\nother-1.0-py3-none-any.whl\n",
        |_| None,
    );
    let lock = |imgbuild: &Imgbuild, wheels: &str| {
        imgbuild.write("spec.toml", on(&site, "app", "team/base:1", wheels, &index));
        imgbuild.run(["lock", "spec.toml"]).success();
        let lock = imgbuild_lock::Lock::parse(&imgbuild.read("spec.lock")).unwrap();
        let wheels = lock.variants[0].pypi.clone().unwrap();
        let names: Vec<String> =
            lock.pypi.into_iter().map(|it| format!("{} {}", it.name, it.version)).collect();
        (names, wheels.provided)
    };
    // What it requires besides is its own matter.
    let (more, provided) = (vec!["late 1.0".to_owned()], vec!["good 1.0".to_owned()]);
    assert_eq!(lock(&site.imgbuild, "\"good[more]\""), (more.clone(), provided.clone()));
    // A machine that has read none of its layers locks more over it, and fetches those that are looked into.
    assert_eq!(lock(&site.imgbuild, "\"other\""), (vec!["other 1.0".to_owned()], vec![]));
    let other = site.elsewhere();
    assert_eq!(lock(&other, "\"good[more]\""), (more, provided));
}
