//! Lines of requirements files, as uv reads them and as they are read here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild_oci::Platform;
use imgbuild_spec::Spec;

/// Lines that both take.
const TAKEN: &[&str] = &[
    "numpy",
    "numpy>=1",
    "numpy >=1, <2",
    "numpy (>=1)",
    "numpy(>=1,<2)",
    "numpy>=1,",
    "numpy==1.*",
    "numpy~=1.0",
    "numpy===1.0",
    "numpy==1.0+local",
    "numpy==v1.0",
    "numpy==1.0-1",
    "numpy==1.0RC1",
    "numpy<1!2",
    "numpy[a]",
    "numpy[ a , b ]>=1",
    "numpy[]",
    "numpy [a]",
    "nu--mpy",
    "nu_mpy.x",
    "1",
    "numpy;python_version<\"3\"",
    "numpy ;python_version<'3'",
    "numpy ; python_version < '3' or (os_name == 'posix' and extra == 'x')",
    "numpy ; 'x' in platform_machine",
    "numpy ; platform_machine not in 'x y'",
    "numpy ; os.name == 'posix'",
    "numpy ; platform.python_implementation == 'CPython'",
    "numpy ; python_implementation == 'CPython'",
    "numpy ; ((python_version < '3'))",
    "numpy ; os_name == python_version",
    "numpy@https://h.example/numpy-1.0-py3-none-any.whl",
    "numpy @ https://h.example/numpy-1.0.tar.gz ; python_version < '3'",
    "numpy @ https://h.example/numpy-1.0.tar.gz; python_version < '3'",
    "numpy[a] @ https://h.example/numpy-1.0.zip",
    "numpy @ git+https://h.example/x@v1#subdirectory=a",
    "numpy @ git+ssh://git@h.example/x.git",
    "numpy @ ./project",
    "numpy @ file:project",
    "git+https://h.example/x#egg=numpy",
    "https://h.example/numpy-1.0-py3-none-any.whl ; python_version < '3'",
    "https://${USER}:${PASSWORD}@h.example/numpy-1.0-py3-none-any.whl",
    "./project",
    "./project[a,b] ; python_version < '3'",
    "project/",
    "-e project",
    "-e .",
    "-e ./project[a]",
    "-e ./project ; python_version < '3'",
    "numpy @ git+git@h.example:x/y",
    "--no-binary :all:",
    "--no-index",
    "--find-links ./project",
    "--trusted-host h.example",
    "--use-feature=x",
    "-e numpy @ ./project",
    "-e \"./project\"",
    "--editable=./project",
    "numpy==1 --hash=sha256:abababababababababababababababababababababababababababababababab",
    "numpy==1 ; os_name == 'a' --hash sha256:abababababababababababababababababababababababababababababababab",
    "numpy # comment",
    "#numpy",
    "-i https://i.example/simple",
    "--index-url=https://i.example/simple",
    "--extra-index-url https://i.example/simple",
    "--pre",
    "--require-hashes",
    "--only-binary :all:",
    "--only-binary=numpy",
    "--prefer-binary",
];

/// Lines that both refuse.
const REFUSED: &[&str] = &[
    "numpy>=1.*",
    "numpy~=1",
    "numpy===abc",
    "numpy>=1.0+local",
    "numpy=>1",
    "numpy=1.0",
    "numpy 1.0",
    "numpy==",
    "numpy,",
    "numpy>=1 <2",
    "numpy[a,]",
    "numpy[a b]",
    "numpy[a-]",
    "numpy-",
    "-numpy",
    "_n",
    "nümpy",
    "numpy ; python_version < '3' and",
    "numpy ; python_version",
    "numpy ; python_version < 3",
    "numpy ; platform_machine notin 'x y'",
    "numpy ; python_version === '3.8'",
    "numpy ; python_version <> '3.8'",
    "numpy ; bogus == 'x'",
    "numpy ; (python_version < '3'",
    "numpy ; python_version < '3')",
    "numpy ;",
    "numpy @",
    "numpy >=1 @ https://h.example/numpy-1.0.tar.gz",
    "numpy @ https://h.example/x.exe",
    "hg+https://h.example/x",
    "https://h.example/x.conda",
    "~/project",
    "--no-deps",
    "-",
    "numpy pandas",
    "\"numpy\"",
    "${V}",
];

/// Lines that uv refuses, and that are taken here, because pip takes them.
const REFUSED_BY_UV: &[&str] = &["-e git+https://h.example/x#egg=x", "numpy==1 --config-settings=a=b"];

/// Lines that uv takes, and that are errors here.
const REFUSED_HERE: &[&str] = &[
    // pip refuses them as well: with hashes, nothing may be left open.
    "numpy --hash=sha256:abababababababababababababababababababababababababababababababab",
    "numpy==1 --hash=foo:00",
    // uv takes a URL of a scheme that it does not know for a path.
    "numpy @ ftp://h.example/x.tar.gz",
    // These conditions are never what was meant.
    "numpy ; 'a' == 'b'",
];

fn uv() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wheels/tools/bin/uv");
    assert!(path.is_file(), "`uv` is not there\nhint: run `cargo xtask wheels`");
    path.canonicalize().unwrap()
}

/// Why uv refuses a line as such: not because nothing can be found for it.
fn refused_by_uv(folder: &Path, line: &str) -> Option<String> {
    std::fs::write(folder.join("requirements.txt"), format!("{line}\n")).unwrap();
    let mut command = Command::new(uv());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("UV_")) {
        command.env_remove(name);
    }
    command.args(["pip", "compile", "requirements.txt", "--no-config", "--offline", "--no-index", "--quiet"]);
    command.args(["--python-version", "3.11", "--color", "never", "--cache-dir", "cache"]);
    let output = command.current_dir(folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let words = ["parse requirement", "Unsupported", "Unexpected", "Expected ", "Invalid "];
    (!output.status.success() && words.iter().any(|word| text.contains(word))).then_some(text)
}

fn refused_here(folder: &Path, line: &str) -> Option<String> {
    std::fs::write(folder.join("requirements.txt"), format!("{line}\n")).unwrap();
    let spec = folder.join("spec.toml");
    std::fs::write(&spec, "name = \"a\"\npython = \"3.11\"\npip.requirements = \"requirements.txt\"\n")
        .unwrap();
    let variants = Spec::load(&spec).and_then(|spec| spec.variants(Platform::LinuxAmd64));
    variants.err().map(|error| error.to_string())
}

#[test]
fn what_uv_reads_is_read_and_what_it_refuses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join("project")).unwrap();
    // All at once: what it takes needs no process for each.
    for lines in [TAKEN, REFUSED_HERE] {
        assert_eq!(refused_by_uv(folder, &lines.join("\n")), None);
    }
    let wrong = |lines: &[&str], by: fn(&Path, &str) -> Option<String>, refused: bool| {
        let found = lines.iter().map(|line| (line.to_string(), by(folder, line)));
        found.filter(|(_, found)| found.is_some() != refused).collect::<Vec<_>>()
    };
    assert_eq!(wrong(REFUSED, refused_by_uv, true), []);
    assert_eq!(wrong(REFUSED_BY_UV, refused_by_uv, true), []);
    assert_eq!(wrong(REFUSED_BY_UV, refused_here, false), []);
    assert_eq!(wrong(TAKEN, refused_here, false), []);
    assert_eq!(wrong(REFUSED, refused_here, true), []);
    assert_eq!(wrong(REFUSED_HERE, refused_here, true), []);
}
