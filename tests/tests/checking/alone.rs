//! Each mistake alone: every command says the same of it.

use imgbuild_tests::capture;
use insta::assert_snapshot;

use super::{BASE, Bench, PYTHON, first};

/// A lock with what may not be built, and with what is not here.
const PYLOCK: &str = "\
lock-version = \"1.0\"
[[packages]]
name = \"fetched\"
version = \"1.0\"
sdist = { url = \"https://f.example/fetched-1.0.tar.gz\", hashes = { sha256 = \"ZEROS\" } }
[[packages]]
name = \"theirs\"
vcs = { type = \"git\", url = \"https://git.example/theirs\", commit-id = \"0123\" }
[[packages]]
name = \"elsewhere\"
marker = \"sys_platform == 'win32'\"
directory = { path = \"nowhere\" }
[[packages]]
name = \"gone\"
version = \"1.0\"
wheels = [{ path = \"gone-1.0-py3-none-any.whl\", hashes = { sha256 = \"ZEROS\" } }]
[[packages]]
name = \"here\"
version = \"1.0\"
wheels = [{ path = \"here-1.0-py3-none-any.whl\", hashes = { sha256 = \"ZEROS\" } }]
[[packages]]
name = \"none\"
directory = { path = \"nowhere\" }
";

/// The same of pixi.
const PIXI: &str = "\
version: 6
environments:
  default:
    channels: [{url: https://c.example/forge/}]
    packages:
      linux-64:
      - conda: https://c.example/forge/linux-64/python-3.11.2-0_cpython.conda
      - pypi: ./own
      - pypi: https://f.example/old-1.0.tar.gz
      - pypi: ./gone-1.0-py3-none-any.whl
      - pypi: ./here-1.0-py3-none-any.whl
packages:
- conda: https://c.example/forge/linux-64/python-3.11.2-0_cpython.conda
- pypi: ./own
  name: own-thing
- pypi: https://f.example/old-1.0.tar.gz
  name: old
- pypi: ./gone-1.0-py3-none-any.whl
  name: gone
- pypi: ./here-1.0-py3-none-any.whl
  name: here
  sha256: 0000000000000000000000000000000000000000000000000000000000000000
";

#[test]
fn every_command_says_the_same() {
    let bench = Bench::new();
    bench.imgbuild.write("empty/README", "");
    bench.imgbuild.write("project/pyproject.toml", "[project\n");
    bench.imgbuild.write("channel/noarch/repodata.json", "{}");
    bench.imgbuild.write("pylock.toml", "packages = [\n");
    bench.imgbuild.write("pylock.two.toml", "lock-version = \"2.0\"\n");
    bench
        .imgbuild
        .write("pylock.marker.toml", "lock-version = \"1.0\"\nenvironments = [\"os_name = 'x'\"]\n");
    let wheel = "wheels = [{ url = \"https://f.example/six-1.16.0-py2.py3-none-any.whl\" }]";
    let renamed =
        format!("lock-version = \"1.0\"\n[[packages]]\nname = \"idna\"\nversion = \"3.10\"\n{wheel}\n");
    bench.imgbuild.write("pylock.renamed.toml", renamed);
    let renamed =
        PIXI.replace("https://f.example/old-1.0.tar.gz", "https://f.example/six-1.0%2bcpu-py3-none-any.whl");
    bench.imgbuild.write("renamed.pixi.lock", renamed);
    bench.imgbuild.write(
        "gone.txt",
        format!("@EXPLICIT\nfile://{}/gone/linux-64/a-1-0.conda\n", bench.imgbuild.folder().display()),
    );
    bench.imgbuild.write("keys.asc", "no keys\n");
    capture(std::process::Command::new("mkfifo").arg(bench.imgbuild.path("pipe.txt"))).success();
    bench.imgbuild.write("own/pyproject.toml", "[project]\nname = \"Own.Thing\"\nversion = \"1\"\n");
    bench.imgbuild.write("here-1.0-py3-none-any.whl", "wheel");
    bench.imgbuild.write("here-1.0.tar.gz", "source");
    bench.imgbuild.write("odd.whl", "wheel");
    let pylock = PYLOCK.replace("ZEROS", &"0".repeat(64));
    bench.imgbuild.write("pylock.built.toml", &pylock);
    bench.imgbuild.write("pixi.lock", PIXI);
    let other = pylock.replace("type = \"git\"", "type = \"hg\"");
    bench.imgbuild.write("pylock.other.toml", other);
    bench.imgbuild.write("pylock.hash.toml", PYLOCK.replace("ZEROS", "zz"));
    let old = "lock-version = \"1.0\"\n[[packages]]\nname = \"old\"\nversion = \"1.0\"\nwheels = [{ url = \"https://f.example/old-1.0-cp310-cp310-manylinux_2_17_x86_64.whl\" }]\n";
    bench.imgbuild.write("pylock.old.toml", old);
    let sdist = "sdist = { url = \"https://f.example/old-1.0.tar.gz\", hashes = {} }\n";
    bench.imgbuild.write("pylock.sdist.toml", format!("{old}{sdist}"));
    bench
        .imgbuild
        .write("hashed.txt", format!("./here-1.0-py3-none-any.whl --hash=sha256:{}\n", "0".repeat(64)));
    bench.imgbuild.write("partly.txt", format!("six --hash=sha256:{}\nidna\n", "0".repeat(64)));
    bench.imgbuild.write(
        "twice.txt",
        "@EXPLICIT\nURL/noarch/a-1-0.conda\nURL/noarch/a-2-0.conda\n".replace("URL", "https://c.example"),
    );
    bench.imgbuild.write("other.txt", "@EXPLICIT\nhttps://c.example/osx-64/a-1-0.conda\n");
    let table = [
        "[conda]\npackages = [\"numpy >>1\"]",
        "[conda]\npackages = [\"numpy[version='>=1\"]",
        "[conda]\npackages = [\"\u{e9} x\"]",
        "[conda]\nchannels = [\"http://[\"]\npackages = [\"six\"]",
        "[conda]\nchannels = [\"./nowhere\"]\npackages = [\"six\"]",
        "[conda]\nchannels = [\"./channel\"]\npackages = [\"six\"]",
        "[conda]\npackages = [\"six\"]\nmirrors = { conda-forge = [\"file:///srv/mirror\"] }",
        "env = \"twice.txt\"",
        "env = \"other.txt\"",
        "env = \"gone.txt\"",
        "env = \"renamed.pixi.lock\"",
        "PYTHON[pip]\npackages = [\"./nowhere\"]",
        "PYTHON[pip]\npackages = [\"-e ./empty\"]\nallow-builds = true",
        "PYTHON[pip]\npackages = [\"./project\"]\nallow-builds = true",
        "PYTHON[pip]\npackages = [\"./x-1.0-py3-none-any.whl\"]",
        "PYTHON[pip]\npackages = [\"x @ file:///nowhere/x-1.0.tar.gz ; python_version > '3.9'\"]",
        "PYTHON[pip]\npackages = [\"./odd.whl\"]",
        "PYTHON[pip]\npackages = [\"./own\"]",
        "PYTHON[pip]\npackages = [\"-e ./own\"]\nallow-builds = [\"other\"]",
        "PYTHON[pip]\npackages = [\"./here-1.0.tar.gz\"]",
        "PYTHON[pip]\npackages = [\"x @ git+https://git.example/x.git\", \"y @ https://f.example/y-1.tar.gz\"]",
        "PYTHON[pip]\npackages = [\"x @ file:///home/conda/work/x\"]",
        "PYTHON[pip]\nrequirements = \"hashed.txt\"",
        "PYTHON[pip]\nrequirements = \"partly.txt\"",
        "PYTHON[pip]\nrequirements = \"pylock.built.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.built.toml\"\nallow-builds = [\"fetched\", \"theirs\"]",
        "PYTHON[pip]\nrequirements = \"pylock.other.toml\"",
        "env = \"pixi.lock\"",
        "PYTHON[pip]\nrequirements = \"pylock.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.two.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.renamed.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.marker.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.hash.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.old.toml\"",
        "PYTHON[pip]\nrequirements = \"pylock.sdist.toml\"",
        "PYTHON[pip]\nrequirements = \"pipe.txt\"",
        "[conda]\npackages = [\"six\"]\nmirrors = { conda-forge = [\"file://host/srv\"] }",
        "[base]\nmirror = \"URL/debian\"\nkeyring = \"pipe.txt\"",
        "[base]\nmirror = \"URL/debian\"\nkeyring = \"nowhere.asc\"",
        "[base]\nmirror = \"URL/debian\"\nkeyring = \"keys.asc\"",
        "[base]\nmirror = \"URL/debian\"\nsources.own = { url = \"URL/own\", suite = \"x\", components = [\"main\"], keyring = \"nowhere.asc\" }",
        "base = { layout = \"nowhere.tar\" }",
    ];
    let said = table.map(|spec| {
        let base = if spec.contains("base") { "" } else { BASE };
        let (head, rest) = spec.strip_prefix("PYTHON").map_or(("", spec), |rest| (PYTHON, rest));
        let (key, rest) =
            if rest.starts_with("env") { (format!("{rest}\n"), "") } else { (String::new(), rest) };
        format!("{spec}\n    {}", first(&bench.refuses(&format!("{key}{base}{head}{rest}\n"))))
    });
    assert_snapshot!(said.join("\n"), @r#"
    [conda]
    packages = ["numpy >>1"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `numpy >>1` is not a conda match spec: unable to parse version spec: >>1
    [conda]
    packages = ["numpy[version='>=1"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `numpy[version='>=1` is not a conda match spec: invalid package name 'numpy[version': 'numpy[version' is not a valid package name. Package names can only contain 0-9, a-z, A-Z, -, _, or .
    [conda]
    packages = ["é x"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `é x` is not a conda match spec: invalid package name 'é': 'é' is not a valid package name. Package names can only contain 0-9, a-z, A-Z, -, _, or .
    [conda]
    channels = ["http://["]
    packages = ["six"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ `http://[` is not a channel: could not parse url
    [conda]
    channels = ["./nowhere"]
    packages = ["six"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ the channel `./nowhere` is the folder `FOLDER/nowhere/`, which is not there
    [conda]
    channels = ["./channel"]
    packages = ["six"]
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ the channel `./channel` has no index for `linux-64`
    [conda]
    packages = ["six"]
    mirrors = { conda-forge = ["file:///srv/mirror"] }
        × cannot lock the conda environment of `x:latest (linux/amd64)` ╰─▶ the channel `conda-forge` is the folder `/srv/mirror/`, which is not there
    env = "twice.txt"
        × cannot take the packages of `twice.txt` for `x:latest (linux/amd64)` ╰─▶ the lock has two packages `a`: `a-1-0.conda` and `a-2-0.conda`
    env = "other.txt"
        × cannot take the packages of `other.txt` for `x:latest (linux/amd64)` ╰─▶ `a-1-0.conda` is a package for `osx-64`, and the image is for `linux-64`
    env = "gone.txt"
        × cannot take the packages of `gone.txt` for `x:latest (linux/amd64)` ╰─▶ `FOLDER/gone/linux-64/a-1-0.conda` is not there
    env = "renamed.pixi.lock"
        × the wheel `six-1.0+cpu-py3-none-any.whl` is listed as `old 1.0+cpu`, and by its name it is another one help: lock again with the tool that wrote the list; if it still says so, somebody has changed the file
    PYTHON[pip]
    packages = ["./nowhere"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `nowhere` cannot be installed: it is not there
    PYTHON[pip]
    packages = ["-e ./empty"]
    allow-builds = true
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `empty` cannot be installed: it has neither a `pyproject.toml` nor a `setup.py`: it is no project of Python's
    PYTHON[pip]
    packages = ["./project"]
    allow-builds = true
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `project` cannot be installed: its `pyproject.toml` cannot be read: unclosed table, expected `]`
    PYTHON[pip]
    packages = ["./x-1.0-py3-none-any.whl"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `x-1.0-py3-none-any.whl` cannot be installed: it is not there
    PYTHON[pip]
    packages = ["x @ file:///nowhere/x-1.0.tar.gz ; python_version > '3.9'"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the file `/nowhere/x-1.0.tar.gz` cannot be installed: it is not there
    PYTHON[pip]
    packages = ["./odd.whl"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `odd.whl` cannot be installed: no wheel is called like it: it has not five or six parts between hyphens
    PYTHON[pip]
    packages = ["./own"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `own` is no wheel, and may not be built
    PYTHON[pip]
    packages = ["-e ./own"]
    allow-builds = ["other"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `own` is no wheel, and may not be built
    PYTHON[pip]
    packages = ["./here-1.0.tar.gz"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the source distribution `here-1.0.tar.gz` is no wheel, and may not be built
    PYTHON[pip]
    packages = ["x @ git+https://git.example/x.git", "y @ https://f.example/y-1.tar.gz"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ 2 packages are no wheels, and may not be built:
    PYTHON[pip]
    packages = ["x @ file:///home/conda/work/x"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `/home/conda/work/x` cannot be installed: it is not there
    PYTHON[pip]
    requirements = "hashed.txt"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `here-1.0-py3-none-any.whl` cannot be installed: its sha256 is `ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91`, which the requirement does not state
    PYTHON[pip]
    requirements = "partly.txt"
        × `six` is not one version, and every requirement beside one with a hash must be one version with a hash ╭─[partly.txt:1:1]
    PYTHON[pip]
    requirements = "pylock.built.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `gone-1.0-py3-none-any.whl` cannot be installed: it is not there
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `here-1.0-py3-none-any.whl` cannot be installed: `here-1.0-py3-none-any.whl` has the sha256 `ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91`, and the lock says `0000000000000000000000000000000000000000000000000000000000000000`
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `nowhere` cannot be installed: it is not there
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ 2 packages are no wheels, and may not be built:
    PYTHON[pip]
    requirements = "pylock.built.toml"
    allow-builds = ["fetched", "theirs"]
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `gone-1.0-py3-none-any.whl` cannot be installed: it is not there
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `here-1.0-py3-none-any.whl` cannot be installed: `here-1.0-py3-none-any.whl` has the sha256 `ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91`, and the lock says `0000000000000000000000000000000000000000000000000000000000000000`
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the folder `nowhere` cannot be installed: it is not there
    PYTHON[pip]
    requirements = "pylock.other.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ `a repository of hg` is not where a package can be
    env = "pixi.lock"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `gone-1.0-py3-none-any.whl` cannot be installed: it is not there
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the wheel `here-1.0-py3-none-any.whl` cannot be installed: `here-1.0-py3-none-any.whl` has the sha256 `ba59926159d2aa256eb8739b8da7e2b574b960e1202c6d624cbe981cef996c91`, and the lock says `0000000000000000000000000000000000000000000000000000000000000000`
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ 2 packages are no wheels, and may not be built:
    PYTHON[pip]
    requirements = "pylock.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file cannot be read: line 1 is not what PEP 751 says
    PYTHON[pip]
    requirements = "pylock.two.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file has version `2.0`, and version 1 is the one that is known
    PYTHON[pip]
    requirements = "pylock.renamed.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file has the wheel `six-1.16.0-py2.py3-none-any.whl` for `idna 3.10`, and by its name it is another one
    PYTHON[pip]
    requirements = "pylock.marker.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file has a condition that is none: `os_name = \'x\'`
    PYTHON[pip]
    requirements = "pylock.hash.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ the lock file states the sha256 `zz` of `fetched-1.0.tar.gz`, which cannot be one
    PYTHON[pip]
    requirements = "pylock.old.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ no wheel of `old 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Python 3.10 alone
    PYTHON[pip]
    requirements = "pylock.sdist.toml"
        × cannot lock the wheels of `x:latest (linux/amd64)` ╰─▶ no wheel of `old 1.0` fits Python 3.11 on linux/amd64 with glibc 2.36: its wheels are for Python 3.10 alone
    PYTHON[pip]
    requirements = "pipe.txt"
        × cannot read `pipe.txt`: it is not a file ╭─[spec.toml:6:16]
    [conda]
    packages = ["six"]
    mirrors = { conda-forge = ["file://host/srv"] }
        × `file://host/srv` is not the URL of a mirror: a folder of this machine is `file:///srv/mirror` ╭─[spec.toml:6:28]
    [base]
    mirror = "URL/debian"
    keyring = "pipe.txt"
        × cannot use the keyring `pipe.txt` ╰─▶ it is not a file
    [base]
    mirror = "URL/debian"
    keyring = "nowhere.asc"
        × cannot use the keyring `nowhere.asc` ╰─▶ No such file or directory (os error 2)
    [base]
    mirror = "URL/debian"
    keyring = "keys.asc"
        × cannot use the keyring `keys.asc` ╰─▶ the keyring holds no OpenPGP public key
    [base]
    mirror = "URL/debian"
    sources.own = { url = "URL/own", suite = "x", components = ["main"], keyring = "nowhere.asc" }
        × cannot use the keyring `nowhere.asc` ╰─▶ No such file or directory (os error 2)
    base = { layout = "nowhere.tar" }
        × cannot build on `nowhere.tar` ├─▶ `nowhere.tar` cannot be read as an image
    "#);
}
