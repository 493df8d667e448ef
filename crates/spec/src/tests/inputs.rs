//! What makes a lock stale, and what does not.

use imgbuild_oci::Digest;

use crate::tests::variants_of;

const SPEC: &str = r#"name = "a"
python = "3.11"
cuda = "11.8"
env = "environment.yml"
[base]
debian = "bookworm"
packages = ["git"]
[conda]
channels = ["conda-forge"]
packages = ["numpy"]
[image]
labels = { a = "b" }
[[copy]]
from = "src"
to = "/src"
[layers]
budget = 40
"#;
const ENVIRONMENT: &str = "name: e\nchannels: [pytorch]\ndependencies: [scipy]\nvariables: {A: b}\n";

fn inputs(spec: &str, environment: &str) -> Digest {
    variants_of(&[("spec.toml", spec), ("environment.yml", environment)])[0].inputs()
}

fn changed(from: &str, to: &str) -> Digest {
    assert!(SPEC.contains(from) || ENVIRONMENT.contains(from), "{from}");
    inputs(&SPEC.replace(from, to), &ENVIRONMENT.replace(from, to))
}

#[test]
fn the_digest_of_known_inputs_is_held() {
    // When this changes, every lock becomes stale: raise `FORM` and say so in the release's notes.
    insta::assert_snapshot!(inputs(SPEC, ENVIRONMENT), @r"sha256:5c70d779ae1fef28d36a1f544a68b0eb916acd9f97e03ecb53a21826e0d30799");
}

#[test]
fn what_a_lock_holds_makes_it_stale() {
    let before = inputs(SPEC, ENVIRONMENT);
    for (from, to) in [
        ("\"3.11\"", "\"3.12\""),
        ("\"3.11\"", "{ version = \"3.11\", from = \"debian\" }"),
        ("\"11.8\"", "\"12.4\""),
        ("\"11.8\"", "{ version = \"11.8\", driver = \"535\" }"),
        ("\"11.8\"", "{ version = \"11.8\", arch = [\"8.0\"] }"),
        ("\"11.8\"", "{ version = \"11.8\", toolkit = \"runtime\" }"),
        ("\"11.8\"", "{ version = \"11.8\", compat = true }"),
        ("bookworm", "trixie"),
        ("\"git\"", "\"tmux\""),
        ("[\"git\"]", "[\"git\"]\nkeyring = \"keys.asc\""),
        ("\"conda-forge\"", "\"defaults\""),
        ("\"numpy\"", "\"numpy >=2\""),
        ("[\"git\"]", "[\"git\"]\nprofile = \"full\""),
        ("[\"git\"]", "[\"git\"]\nexclude = [\"/usr/share/icons/*\"]"),
        ("[\"git\"]", "[\"git\"]\ninclude = [\"/usr/share/locale/de/*\"]"),
        ("[\"git\"]", "[\"git\"]\ncomponents = [\"main\", \"contrib\"]"),
        ("[\"git\"]", "[\"git\"]\nsources.a = { url = \"https://a.example\", suite = \"./\" }"),
        ("[\"git\"]", "[\"git\"]\npin.git = \"1:2.*\""),
        (
            "[\"git\"]",
            "[\"git\"]\nsnapshot = { time = \"20240501T000000Z\", mirror = \"https://s.example/{archive}/{time}\" }",
        ),
        ("[\"git\"]", "[\"git\"]\npin.git = { source = \"debian\" }"),
        ("\"numpy\"]", "\"numpy\"]\nprefix = \"/srv/conda\""),
        ("\"numpy\"]", "\"numpy\"]\nmanager = \"conda\""),
        ("\"numpy\"]", "\"numpy\"]\npip = false"),
        ("\"numpy\"]", "\"numpy\"]\nchannel-priority = \"flexible\""),
        ("\"numpy\"]", "\"numpy\"]\nexclude-newer = \"2024-05-01\""),
        ("\"numpy\"]", "\"numpy\"]\nskip-post-link = [\"x\"]"),
        ("\"numpy\"]", "\"numpy\"]\nallow-post-link = [\"x\"]"),
        ("\"numpy\"]", "\"numpy\"]\naccept-damaged = [\"x\"]"),
        ("budget = 40", "budget = 41"),
        ("budget = 40", "budget = 40\nmax-layer = \"512MB\""),
        ("budget = 40", "bytecode = false"),
        ("pytorch", "bioconda"),
        ("scipy", "pandas"),
        ("\"a\"\n", "\"a\"\nplatforms = [\"linux/arm64\"]\n"),
    ] {
        assert_ne!(changed(from, to), before, "{from} -> {to}");
    }
}

#[test]
fn what_a_lock_does_not_hold_does_not() {
    let before = inputs(SPEC, ENVIRONMENT);
    for (from, to) in [
        ("name = \"a\"", "name = \"b\"\ntags = [\"x\", \"y\"]"),
        ("{ a = \"b\" }", "{ a = \"c\" }\nuser = \"0\""),
        ("from = \"src\"", "from = \"lib\""),
        ("budget = 40", "budget = 40\ncompression = \"gzip\""),
        ("budget = 40\n", ""),
        ("\"numpy\"]", "\"numpy\"]\nwritable = true"),
        ("\"numpy\"]", "\"numpy\"]\nmirrors = { \"conda-forge\" = [\"https://m.example/\"] }"),
        ("[\"git\"]", "[\"git\"]\nmirror = \"https://m.example/debian\""),
        ("[\"git\"]", "[\"git\"]\ncomponents = [\"main\"]\nprofile = \"slim\""),
        ("\"3.11\"", "3.11 # newest"),
        ("\"3.11\"", "{ from = \"conda\", version = '3.11' }"),
        ("python = \"3.11\"\ncuda = \"11.8\"", "cuda = 11.8\n\npython = \"3.11\""),
        (
            "\"11.8\"",
            "{ version = \"11.8\", driver = \"450.80.02\", visible-devices = \"void\", duplicates = \"refuse\" }",
        ),
        ("[\"numpy\"]", "[\n  # numbers\n  \"numpy\",\n]"),
        ("name: e", "name: f"),
        ("{A: b}", "{A: c}"),
        ("[scipy]", "\n  # science\n  - 'scipy'\n"),
    ] {
        assert_eq!(changed(from, to), before, "{from} -> {to}");
    }
}

#[test]
fn the_time_of_a_snapshot_counts_and_its_mirror_does_not() {
    let with = |time: &str, host: &str| {
        let snapshot = format!(
            "[\"git\"]\nsnapshot = {{ time = \"{time}\", mirror = \"https://{host}/{{archive}}/{{time}}\" }}"
        );
        changed("[\"git\"]", &snapshot)
    };
    let before = with("20240501T000000Z", "a.example");
    assert_eq!(with("20240501T000000Z", "b.example"), before);
    assert_ne!(with("20240502T000000Z", "a.example"), before);
}

const PIP: &str = r#"name = "a"
python = "3.11"
[pip]
packages = ["six >=1.16", "tool @ git+https://git.example/tool@v1", "./project"]
requirements = "requirements.txt"
constraints = "constraints.txt"
index-url = "https://i.example/simple"
extra-index-urls = ["https://j.example/simple"]
allow-builds = ["tool", "project"]
"#;
const REQUIREMENTS: &str = "numpy==1.26.0\n";
const CONSTRAINTS: &str = "scipy<2\n";

fn changed_pip(from: &str, to: &str) -> Digest {
    assert!([PIP, REQUIREMENTS, CONSTRAINTS].iter().any(|text| text.contains(from)), "{from}");
    variants_of(&[
        ("spec.toml", &PIP.replace(from, to)),
        ("requirements.txt", &REQUIREMENTS.replace(from, to)),
        ("constraints.txt", &CONSTRAINTS.replace(from, to)),
    ])[0]
        .inputs()
}

#[test]
fn the_digest_of_known_wheels_is_held() {
    // When this changes, every lock with wheels becomes stale.
    insta::assert_snapshot!(changed_pip("six", "six"), @r"sha256:f35ca03af76dd210cfe99d241224ff9cf217a5fec6f97b67366a40588c444c00");
}

#[test]
fn what_is_asked_of_pip_makes_it_stale() {
    let before = changed_pip("six", "six");
    for (from, to) in [
        (">=1.16", ">=1.17"),
        ("\"six >=1.16\"", "\"six[x] >=1.16\""),
        ("\"six >=1.16\"", "\"six >=1.16 ; os_name == 'posix'\""),
        ("@v1", "@v2"),
        ("\"./project\"", "\"-e ./project\""),
        ("\"./project\"", "\"../project\""),
        ("1.26.0", "1.26.1"),
        ("numpy==1.26.0", "--pre\nnumpy==1.26.0"),
        ("scipy<2", "scipy<3"),
        ("i.example", "k.example"),
        ("j.example", "k.example"),
        ("[\"tool\", \"project\"]", "true"),
        ("[\"tool\", \"project\"]", "[\"tool\"]"),
    ] {
        assert_ne!(changed_pip(from, to), before, "{from} -> {to}");
    }
    let hashed = |digits: &str| {
        let hash = format!("--hash=sha256:{}", digits.repeat(32));
        let spec = "name = \"a\"\npython = \"3.11\"\npip.requirements = \"requirements.txt\"\n";
        variants_of(&[("spec.toml", spec), ("requirements.txt", &format!("six==1 {hash}\n"))])[0].inputs()
    };
    assert_ne!(hashed("ab"), hashed("cd"));
    let pylock = |text: &str| {
        let spec = "name = \"a\"\npython = \"3.11\"\nenv = \"pylock.toml\"\n";
        variants_of(&[("spec.toml", spec), ("pylock.toml", text)])[0].inputs()
    };
    assert_ne!(pylock("lock-version = \"1.0\""), pylock("lock-version = \"1.1\""));
}

#[test]
fn how_it_is_written_does_not() {
    let before = changed_pip("six", "six");
    for (from, to) in [
        ("six >=1.16", "six>=  1.16"),
        ("\"./project\"", "\"project/.\""),
        ("https://i.example", "https://me:secret@i.example"),
        ("git+https://git", "git+https://${{TOKEN}}@git"),
        ("numpy==1.26.0", "# why\nnumpy == 1.26.0 # so\n--only-binary=:all:"),
        ("[\"tool\", \"project\"]", "[\"Project\", \"tool\"]"),
        ("name = \"a\"", "name = \"b\""),
    ] {
        assert_eq!(changed_pip(from, to), before, "{from} -> {to}");
    }
}

/// Of two variants with one identity the base is locked once: whatever a base may differ in makes another one.
#[test]
fn bases_that_differ_in_anything_are_two() {
    let base = "name = \"a\"\n[base]\ndebian = \"bookworm\"\npackages = [\"git\"]\nmirror = \"https://m.example/debian\"\nkeyring = \"a.asc\"\n[base.snapshot]\ntime = \"20260101T000000Z\"\nmirror = \"https://s.example/{archive}/{time}\"\n[base.sources.x]\nurl = \"https://x.example\"\nsuite = \"stable\"\ncomponents = [\"main\"]\nkeyring = \"x.asc\"\n[base.pin]\nlibc6 = { source = \"x\" }\n";
    let identity = |text: &str| {
        let files = [("spec.toml", text), ("a.asc", ""), ("b.asc", ""), ("x.asc", "")];
        let crate::Base::Debian(base) = &variants_of(&files)[0].base else { panic!("{text}") };
        base.identity()
    };
    let mut seen = std::collections::BTreeSet::from([identity(base)]);
    for (from, to) in [
        ("bookworm", "trixie"),
        ("\"git\"", "\"curl\""),
        ("m.example", "user:secret@m.example"),
        ("m.example", "n.example"),
        ("keyring = \"a.asc\"", "keyring = \"b.asc\""),
        ("20260101", "20260102"),
        ("s.example", "t.example"),
        ("x.example", "y.example"),
        ("stable", "testing"),
        ("\"main\"", "\"contrib\""),
        ("keyring = \"x.asc\"", "keyring = \"b.asc\""),
        ("libc6", "libc-bin"),
        ("[base]\n", "[base]\nprofile = \"full\"\n"),
        ("[base]\n", "[base]\nconfigure = false\n"),
        ("[base]\n", "[base]\npackage-manager = false\n"),
        ("[base]\n", "[base]\ncomponents = [\"main\", \"contrib\"]\n"),
        ("[base]\n", "[base]\nexclude = [\"/usr/share/x\"]\n"),
    ] {
        assert!(base.contains(from), "{from}");
        assert!(seen.insert(identity(&base.replace(from, to))), "{from} -> {to}");
    }
    // Where it was asked for makes no other.
    assert!(!seen.insert(identity(&format!("# a note\n{base}"))));
}
