//! What is found of Python in layers that are made by hand.

use imgbuild_archive::{ImagePath, LayerReader};
use imgbuild_layer::Merged;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::python_beneath::{NoPython, PythonBeneath};

/// What stands at a path: a program, a link, or a file with a text.
enum Entry {
    Program,
    Link(&'static str),
    File(&'static str),
}

use Entry::{File, Link, Program};

fn merged(entries: &[(&str, Entry)]) -> Merged {
    let mut tar = Builder::new(Vec::new());
    for (path, entry) in entries {
        let mut header = Header::new_gnu();
        header.set_mode(if matches!(entry, File(_)) { 0o644 } else { 0o755 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let body = if let File(text) = entry { text.as_bytes() } else { b"" };
        header.set_size(body.len() as u64);
        match entry {
            Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                tar.append_link(&mut header, path, target).unwrap();
            }
            Program | File(_) => tar.append_data(&mut header, path, body).unwrap(),
        }
    }
    let bytes = tar.into_inner().unwrap();
    let mut merged = Merged::new();
    merged.add(&mut LayerReader::new(bytes.as_slice(), u64::MAX), &Pythons::needs).unwrap();
    merged
}

fn pythons(entries: &[(&str, Entry)], packages: &[(&str, &str)], path: &str) -> Pythons {
    let package = |(name, version): &(&str, &str)| DpkgPackage {
        name: (*name).to_owned(),
        architecture: "amd64".to_owned(),
        version: (*version).to_owned(),
    };
    let packages: Vec<DpkgPackage> = packages.iter().map(package).collect();
    Pythons::read(&merged(entries), &packages, &[format!("PATH={path}")])
}

/// The first Python: version, program, what is seen, and what is installed.
fn found(pythons: &Pythons) -> String {
    match PythonBeneath::of(pythons) {
        Err(NoPython::Absent) => "none".to_owned(),
        Err(NoPython::Unknown(program)) => format!("unknown: {program}"),
        Ok(PythonBeneath { locked, distributions, .. }) => {
            let all: Vec<String> = distributions.iter().map(ToString::to_string).collect();
            let environment = locked.environment.map(|it| format!(" over {it}")).unwrap_or_default();
            let seen = if locked.system_site_packages { "" } else { " alone" };
            format!("{} {}{environment}{seen}: {}", locked.version, locked.program, all.join(", "))
        }
    }
}

#[test]
fn a_conda_environment() {
    let entries = || {
        vec![
            ("opt/conda/bin/python", Link("python3.11")),
            ("opt/conda/bin/python3.11", Program),
            ("opt/conda/conda-meta/history", File("")),
            ("opt/conda/conda-meta/python-3.11.9-h955ad1f_0_cpython.json", File("")),
            ("opt/conda/conda-meta/numpy-2.0.2-py311_0.json", File("")),
            ("opt/conda/lib/python3.11/os.py", File("")),
            ("opt/conda/lib/python3.11/site-packages/numpy-2.0.2.dist-info/METADATA", File("")),
            ("opt/conda/lib/python3.11/site-packages/PyYAML-6.0-py3.11.egg-info", File("")),
            ("opt/conda/lib/python3.11/site-packages/numpy/x-1.0.dist-info/METADATA", File("")),
        ]
    };
    let all = pythons(&entries(), &[], "/opt/conda/bin:/usr/bin");
    assert_eq!(found(&all), "3.11.9 /opt/conda/bin/python3.11: numpy 2.0.2, pyyaml 6.0");
    let prefix = ImagePath::new("opt/conda").unwrap();
    let conda = all.conda_at(&prefix).unwrap();
    assert_eq!(conda.packages, ["numpy-2.0.2-py311_0", "python-3.11.9-h955ad1f_0_cpython"]);
    // What is not on the PATH is no Python of the image's.
    assert_eq!(found(&pythons(&entries(), &[], "/usr/bin:relative:")), "none");
    assert_eq!(pythons(&entries(), &[], "/usr/bin").installations.len(), 1);
}

#[test]
fn debians_python() {
    let entries = [
        ("bin", Link("usr/bin")),
        ("usr/bin/python3", Link("python3.13")),
        ("usr/bin/python3.13", Program),
        ("usr/lib/python3.13/os.py", File("")),
        ("usr/lib/python3/dist-packages/six-1.17.0.dist-info/METADATA", File("")),
        ("usr/lib/python3/dist-packages/idna-3.10.egg-info/PKG-INFO", File("")),
        ("usr/local/lib/python3.13/dist-packages/idna-3.11.dist-info/METADATA", File("")),
    ];
    let packages = [("libpython3.13-stdlib", "3.13.5-2+deb13u1"), ("libpython3.1-stdlib", "3.1")];
    let all = pythons(&entries, &packages, "/bin");
    // What is below `/usr/local` comes first.
    assert_eq!(found(&all), "3.13.5 /usr/bin/python3.13: idna 3.11, six 1.17.0");
    assert_eq!(found(&pythons(&entries, &[], "/bin")), "3.13 /usr/bin/python3.13: idna 3.11, six 1.17.0");
}

#[test]
fn a_python_that_no_package_brought() {
    let entries = |header| {
        [
            ("usr/local/bin/python3.12", Program),
            ("usr/local/bin/python3", Link("python3.12")),
            ("usr/local/bin/python", Link("/usr/local/bin/python3")),
            ("usr/local/include/python3.12/patchlevel.h", File(header)),
            ("usr/local/lib/python3.12/os.py", File("")),
            ("usr/local/lib/python3.12/site-packages/pip-25.0.1.dist-info/METADATA", File("")),
        ]
    };
    let of = |header| found(&Pythons::read(&merged(&entries(header)), &[], &[]));
    assert_eq!(
        of("/* x */\n#define PY_VERSION      \t \"3.12.4\"\n"),
        "3.12.4 /usr/local/bin/python3.12: pip 25.0.1"
    );
    for odd in [
        "#define PY_VERSION \"3.11.4\"\n",
        "#define PY_VERSION \"3.12.4; rm\"\n",
        "#define PY_VERSION 3\n",
        "",
    ] {
        assert_eq!(of(odd), "3.12 /usr/local/bin/python3.12: pip 25.0.1", "{odd}");
    }
}

#[test]
fn virtual_environments() {
    let entries = |settings, pth| {
        [
            ("usr/bin/python3.13", Program),
            ("usr/lib/python3.13/os.py", File("")),
            ("usr/lib/python3/dist-packages/six-1.0.dist-info/METADATA", File("")),
            ("opt/venv/bin/python", Link("/usr/bin/python3.13")),
            ("opt/venv/pyvenv.cfg", File("home = /usr/bin\n")),
            ("opt/venv/lib/python3.13/site-packages/idna-3.10.dist-info/METADATA", File("")),
            ("opt/venv-2/bin/python", Link("/usr/bin/python3.13")),
            ("opt/venv-2/pyvenv.cfg", File(settings)),
            ("opt/venv-2/lib/python3.13/site-packages/six-2.0.dist-info/METADATA", File("")),
            ("opt/venv-2/lib/python3.13/site-packages/imgbuild-base.pth", File(pth)),
            // Made with copies.
            ("opt/copied/bin/python3", Program),
            ("opt/copied/pyvenv.cfg", File("home = /opt/venv/bin\ninclude-system-site-packages = true\n")),
            ("opt/copied/lib/python3.13/site-packages/x", File("")),
            // A link to a link is no environment to Python.
            ("usr/local/bin/python", Link("/opt/venv/bin/python")),
        ]
    };
    let own = "import site; site.addsitedir(\"/opt/venv/lib/python3.13/site-packages\")\n";
    let (alone, all) = ("home = /usr/bin\n", "home = /usr/bin\ninclude-system-site-packages = true\n");
    let of = |settings, pth, path| found(&pythons(&entries(settings, pth), &[], path));
    let second = "3.13 /usr/bin/python3.13 over /opt/venv-2/lib/python3.13/site-packages";
    assert_eq!(of(alone, own, "/opt/venv-2/bin"), format!("{second} alone: idna 3.10, six 2.0"));
    assert_eq!(of(all, "", "/opt/venv-2/bin"), format!("{second}: six 2.0"));
    let round = "import site; site.addsitedir(\"/opt/venv-2/lib/python3.13/site-packages\")\n";
    assert_eq!(of(alone, round, "/opt/venv-2/bin"), format!("{second} alone: six 2.0"));
    // The first program on the PATH counts, by whichever name: `python` before `python3`.
    assert_eq!(of(alone, own, "/opt/copied/bin:/opt/venv-2/bin"), of(alone, own, "/opt/venv-2/bin"));
    let copied = "3.13 /usr/bin/python3.13 over /opt/copied/lib/python3.13/site-packages: six 1.0";
    assert_eq!(of(alone, own, "/opt/copied/bin"), copied);
    assert_eq!(of(alone, own, "/usr/local/bin"), "3.13 /usr/bin/python3.13: six 1.0");
}

#[test]
fn what_is_no_python_that_is_known() {
    let script = [("shims/python", Program)];
    assert_eq!(found(&pythons(&script, &[], "/shims")), "unknown: /shims/python");
    let lacking = [("bin/python", Link("gone")), ("usr/bin/python3", File("not to be run"))];
    assert_eq!(found(&pythons(&lacking, &[], "/bin:/usr/bin")), "none");
    let threaded = [
        ("x/bin/python", Link("python3.13t")),
        ("x/bin/python3.13t", Program),
        ("x/lib/python3.13t/os.py", File("")),
    ];
    assert_eq!(found(&pythons(&threaded, &[], "/x/bin")), "unknown: /x/bin/python");
    let odd = [
        ("a\nb/bin/python", Link("python3.13")),
        ("a\nb/bin/python3.13", Program),
        ("a\nb/lib/python3.13/os.py", File("")),
    ];
    assert_eq!(found(&pythons(&odd, &[], "/a\nb/bin")), "unknown: /a\nb/bin/python3.13");
    let nowhere = [("v/bin/python", Program), ("v/pyvenv.cfg", File("home = /gone\n"))];
    assert_eq!(found(&pythons(&nowhere, &[], "/v/bin")), "unknown: /v/bin/python");
}
