//! What specs mean.

use imgbuild_environment::LockedList;
use imgbuild_oci::Platform;

use crate::tests::{variants, variants_of};
use crate::{Base, Compilation, Compression, CondaPackages, PythonFrom, Suite, Variant};

const HOST: Platform = Platform::LinuxAmd64;

fn requirements(variant: &Variant) -> Vec<String> {
    match &variant.conda.as_ref().unwrap().packages {
        CondaPackages::Requirements(all) => {
            all.iter().map(|one| format!("{} ({} {})", one.text, one.origin, one.origin.key())).collect()
        }
        CondaPackages::Locked(_) => panic!("locked packages"),
    }
}

fn channels(variant: &Variant) -> Vec<String> {
    variant.conda.as_ref().unwrap().channels.iter().map(|channel| channel.name.to_string()).collect()
}

#[test]
fn a_name_is_enough() {
    let all = variants("name = \"base\"\n");
    let [variant] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(variant.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(), ["latest"]);
    assert_eq!(variant.platform, HOST);
    assert!(variant.conda.is_none() && variant.python.is_none() && variant.cuda.is_none());
    assert!(matches!(&variant.base, Base::Debian(debian) if debian.suite == Suite::Trixie));
    assert_eq!(variant.layers.budget.get(), 40);
    assert_eq!(variant.layers.compression, Compression::Zstd);
    assert!(variant.layers.bytecode.makes_bytecode());
}

#[test]
fn numbers_are_read_as_they_are_written() {
    let all = variants("name = \"a\"\npython = 3.10\ncuda = 11.8\n");
    assert_eq!(all[0].python.as_ref().unwrap().version.as_str(), "3.10");
    assert_eq!(all[0].cuda.as_ref().unwrap().version.as_str(), "11.8");
    let matrix = "name = \"a\"\ntags = [\"{python}-{n}\"]\npython = \"{python}\"\n[matrix]\npython = [3.9, 3.10]\nn = [1, \"x\"]\n";
    let tags: Vec<String> = variants(matrix).iter().map(|variant| variant.tags[0].to_string()).collect();
    assert_eq!(tags, ["3.9-1", "3.9-x", "3.10-1", "3.10-x"]);
}

#[test]
fn a_matrix_is_every_combination_but_the_excluded_on_every_platform() {
    let all = variants(
        r#"
        name = "team/{python}"
        tags = ["{python}-cuda{cuda}", "{cuda}"]
        platforms = ["linux/arm64", "linux/amd64"]
        python = { version = "{python}", from = "debian" }
        cuda = { version = "{cuda}" }
        [matrix]
        python = ["3.9", "3.11"]
        cuda = ["11.8", "12.4"]
        exclude = [{ python = "3.9", cuda = "12.4" }]
        "#,
    );
    let names: Vec<String> = all
        .iter()
        .map(|variant| format!("{}:{} {}", variant.name, variant.tags[0], variant.platform))
        .collect();
    assert_eq!(
        names,
        [
            "team/3.9:3.9-cuda11.8 linux/arm64",
            "team/3.9:3.9-cuda11.8 linux/amd64",
            "team/3.11:3.11-cuda11.8 linux/arm64",
            "team/3.11:3.11-cuda11.8 linux/amd64",
            "team/3.11:3.11-cuda12.4 linux/arm64",
            "team/3.11:3.11-cuda12.4 linux/amd64",
        ]
    );
    assert_eq!(all[0].keys.get("cuda").map(String::as_str), Some("11.8"));
    assert_eq!(all[0].python.as_ref().unwrap().from, PythonFrom::Debian);
    assert!(all[0].conda.is_none(), "Debian's Python needs no conda");
}

#[test]
fn a_matrix_over_platforms_may_share_a_tag() {
    let all =
        variants("name = \"a\"\nplatforms = [\"linux/{arch}\"]\n[matrix]\narch = [\"amd64\", \"arm64\"]\n");
    assert_eq!(all.iter().map(|variant| variant.platform).collect::<Vec<_>>(), Platform::ALL);
}

#[test]
fn an_environment_file_joins_the_spec() {
    let spec = "name = \"a\"\nenv = \"env/{kind}.yml\"\n[conda]\nchannels = [\"pytorch\"]\npackages = [\n  \"numpy >=1.26\",\n]\n[matrix]\nkind = [\"gpu\"]\n";
    let environment = "\
name: vision
channels: [conda-forge, pytorch, nodefaults]
dependencies:
  - python=3.10
  - pytorch::pytorch=2.*=*cuda*
variables:
  HF_HOME: /data
  THREADS: 08
prefix: /home/me/conda
";
    let all = variants_of(&[("spec.toml", spec), ("env/gpu.yml", environment)]);
    let conda = all[0].conda.as_ref().unwrap();
    assert_eq!(channels(&all[0]), ["pytorch", "conda-forge"]);
    assert_eq!(
        requirements(&all[0]),
        [
            "numpy >=1.26 (spec.toml:6 conda.packages[0])",
            "python=3.10 (env/gpu.yml:4 dependencies[0])",
            "pytorch::pytorch=2.*=*cuda* (env/gpu.yml:5 dependencies[1])"
        ]
    );
    assert_eq!(conda.environment_name.as_ref().unwrap().as_str(), "vision");
    let variables: Vec<String> =
        conda.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(variables, ["HF_HOME=/data", "THREADS=08"]);
    assert_eq!(conda.prefix.as_str(), "/opt/conda");
    let CondaPackages::Requirements(all) = &conda.packages else { panic!() };
    assert_eq!((all[2].origin.line(), all[2].origin.column()), (5, 5));
    assert_eq!(all[2].origin.text(), "pytorch::pytorch=2.*=*cuda*");
}

#[test]
fn anchors_of_an_environment_file_point_at_what_they_stand_for() {
    let environment = "channels: &c [conda-forge]\ndependencies: [&n numpy, scipy]\n";
    let spec = "name = \"a\"\nenv = \"environment.yml\"\n";
    let all = variants_of(&[("spec.toml", spec), ("environment.yml", environment)]);
    assert_eq!(
        requirements(&all[0]),
        ["numpy (environment.yml:2 dependencies[0])", "scipy (environment.yml:2 dependencies[1])"]
    );
}

#[test]
fn conda_forge_is_the_channel_where_none_is_named() {
    assert_eq!(channels(&variants("name = \"a\"\npython = \"3.11\"\n")[0]), ["conda-forge"]);
    let spec = ("spec.toml", "name = \"a\"\nenv = \"environment.yml\"\n");
    let own = variants_of(&[spec, ("environment.yml", "channels: [defaults]\n")]);
    assert_eq!(channels(&own[0]), ["defaults"]);
    let none = variants_of(&[spec, ("environment.yml", "channels:\n  - nodefaults\ndependencies:\n")]);
    assert_eq!(channels(&none[0]), ["conda-forge"]);
}

#[test]
fn channels_are_open_where_conda_would_add_its_own() {
    let open = |conda: &str, environment: &str| {
        let spec = format!("name = \"a\"\nenv = \"environment.yml\"\n{conda}");
        let all = variants_of(&[("spec.toml", &spec), ("environment.yml", environment)]);
        all[0].conda.as_ref().unwrap().channels_are_open
    };
    let own = "[conda]\nchannels = [\"b\"]\n";
    assert!(open("", "dependencies: [numpy]\n"));
    assert!(open("", "channels: [a]\ndependencies: [numpy]\n"));
    assert!(!open("", "channels: [a, nodefaults]\ndependencies: [numpy]\n"));
    assert!(!open(own, "channels: [a]\ndependencies: [numpy]\n"));
    // What is locked names its channels.
    assert!(!open("", "channels: [a]\ndependencies: [numpy=1.0=0]\nprefix: /home/me\n"));
    assert!(variants("name = \"a\"\npython = \"3.11\"\n")[0].conda.as_ref().unwrap().channels_are_open);
}

#[test]
fn an_explicit_list_is_known_by_what_it_holds() {
    let list = "# platform: linux-64\n@EXPLICIT\nhttps://c.example/linux-64/a-1-0.conda#0123456789abcdef0123456789ABCDEF\n";
    let all =
        variants_of(&[("spec.toml", "name = \"a\"\nenv = \"packages.lock\"\n"), ("packages.lock", list)]);
    let CondaPackages::Locked(list) = &all[0].conda.as_ref().unwrap().packages else { panic!() };
    let LockedList::Archives(archives) = &list.packages else { panic!() };
    assert_eq!(archives[0].sha256, None);
    assert_eq!(archives[0].md5.unwrap().to_string(), "md5:0123456789abcdef0123456789abcdef");
    assert_eq!(archives[0].origin.to_string(), "packages.lock:3");
}

#[test]
fn every_key_of_the_other_tables_is_read() {
    let all = variants(
        r#"
        name = "a"
        [base]
        debian = "trixie"
        packages = ["git", "tmux"]
        mirror = "https://mirror.example/debian"
        keyring = "keys.asc"
        [conda]
        packages = ["numpy"]
        channel-priority = "flexible"
        prefix = "/srv/conda"
        manager = "mamba"
        exclude-newer = 2024-05-01
        allow-post-link = ["qt"]
        skip-post-link = ["fonts"]
        mirrors = { "conda-forge" = ["https://mirror.example/conda-forge"] }
        [image]
        user = "1000:100"
        workdir = "/workspace"
        entrypoint = []
        cmd = ["sh", "-c", "echo ${{HOME}}"]
        env = { A = "1" }
        labels = { "org.example" = "x" }
        expose = [8080, "53/udp"]
        volumes = ["/data"]
        [[copy]]
        from = "src"
        to = "/workspace/src"
        owner = "1000:100"
        mode = "0644"
        [layers]
        budget = 120
        compression = "none"
        bytecode = false
        [[check]]
        run = ["python", "-c", "print(1)"]
        expect = "1"
        timeout = 60
        [[check]]
        run = ["true"]
        "#,
    );
    let variant = &all[0];
    let Base::Debian(debian) = &variant.base else { panic!() };
    assert_eq!(debian.suite.as_str(), "trixie");
    assert_eq!(debian.packages[1].text.whole(), "tmux");
    assert_eq!(debian.packages[1].origin.key(), "base.packages[1]");
    assert_eq!(debian.keyring.as_ref().unwrap().path.to_str(), Some("keys.asc"));
    let conda = variant.conda.as_ref().unwrap();
    assert!(conda.writable, "a manager changes the environment");
    assert_eq!(conda.exclude_newer.unwrap().to_string(), "2024-05-01T00:00:00Z");
    assert_eq!(conda.mirrors.len(), 1);
    assert_eq!(variant.image.cmd.as_ref().unwrap()[2].as_str(), "echo ${HOME}");
    assert_eq!(variant.image.entrypoint.as_ref().unwrap().len(), 0);
    let ports: Vec<String> = variant.image.expose.iter().map(ToString::to_string).collect();
    assert_eq!(ports, ["53/udp", "8080/tcp"]);
    assert_eq!(variant.copy[0].mode.unwrap().bits(), 0o644);
    assert_eq!(variant.copy[0].origin.key(), "copy[0]");
    assert_eq!((variant.layers.budget.get(), variant.layers.bytecode), (120, Compilation::Nowhere));
    assert_eq!(conda.allow_post_link[0].as_str(), "qt");
    let [first, second] = variant.checks.as_slice() else { panic!() };
    assert_eq!((first.run.len(), first.expect.as_deref(), first.timeout.get()), (3, Some("1"), 60));
    assert_eq!((second.run.len(), second.expect.as_deref(), second.timeout.get()), (1, None, 300));
    assert_eq!(second.origin.key(), "check[1].run");
}

#[test]
fn the_short_forms_of_the_base() {
    assert!(matches!(&variants("name = \"a\"\nbase = \"scratch\"\n")[0].base, Base::Scratch));
    assert!(matches!(&variants("name = \"a\"\nbase = { scratch = true }\n")[0].base, Base::Scratch));
    for suite in Suite::ALL {
        let base = &variants(&format!("name = \"a\"\nbase = \"{}\"\n", suite.as_str()))[0].base;
        assert!(matches!(base, Base::Debian(debian) if debian.suite == suite));
        assert_eq!(Suite::with_python(suite.python()), Some(suite));
    }
    assert_eq!(Suite::with_python("3.12"), None);
}

#[test]
fn a_spec_is_loaded_from_the_disk_with_its_files_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.toml"), "name = \"a\"\nenv = \"e.yml\"\n").unwrap();
    std::fs::write(folder.path().join("e.yml"), "dependencies: [numpy]\n").unwrap();
    let spec = crate::Spec::load(&folder.path().join("spec.toml")).unwrap();
    assert_eq!(spec.folder(), folder.path());
    assert_eq!(spec.variants(HOST).unwrap().len(), 1);
    let error = crate::Spec::load(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("it is not a file"), "{error}");
}

#[test]
fn an_existing_image_brings_its_python_where_nothing_is_asked_of_conda() {
    let from = |rest: &str| {
        let text = format!("name = \"a\"\nbase = {{ image = \"team/base:1\" }}\n{rest}");
        let variant = variants(&text).remove(0);
        (variant.python.map(|python| python.from), variant.conda.is_some(), variant.pip.is_some())
    };
    let (base, conda) = (Some(PythonFrom::Base), Some(PythonFrom::Conda));
    assert_eq!(from("[pip]\npackages = [\"six\"]\n"), (None, false, true));
    assert_eq!(from("python = \"3.11\"\n[pip]\npackages = [\"six\"]\n"), (base, false, true));
    assert_eq!(from("python = \"3.11\"\n"), (base, false, false));
    assert_eq!(from("python = \"3.11\"\n[conda]\n"), (conda, true, false));
    assert_eq!(from("python = { version = \"3.11\", from = \"conda\" }\n"), (conda, true, false));
    let beside = "python = { version = \"3.11\", from = \"base\" }\n[conda]\npackages = [\"tzdata\"]\n[pip]\npackages = [\"six\"]\n";
    assert_eq!(from(beside), (base, true, true));
    // Jupyter runs in it too, and its wheels come with it.
    assert_eq!(from("jupyter = true\n"), (None, false, true));
    // What is conda's gets its Python from there.
    assert!(crate::tests::message("name = \"a\"\nbase = { image = \"team/base:1\" }\n[conda]\npackages = [\"tzdata\"]\n[pip]\npackages = [\"six\"]\n").contains("`python = \"3.11\"`"));
}
