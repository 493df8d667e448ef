//! What makes a lock stale, and what does not.

use oci::Digest;

use super::variants_of;

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
    insta::assert_snapshot!(inputs(SPEC, ENVIRONMENT), @"sha256:ad1fdb211e3d1a620fb9fba68a318a0733aad647aefda750cb37eb9bbe17fa05");
}

#[test]
fn what_a_lock_holds_makes_it_stale() {
    let before = inputs(SPEC, ENVIRONMENT);
    for (from, to) in [
        ("\"3.11\"", "\"3.12\""),
        ("\"3.11\"", "{ version = \"3.11\", from = \"debian\" }"),
        ("\"11.8\"", "\"12.4\""),
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
        ("\"numpy\"]", "\"numpy\"]\nchannel-priority = \"flexible\""),
        ("\"numpy\"]", "\"numpy\"]\nexclude-newer = \"2024-05-01\""),
        ("\"numpy\"]", "\"numpy\"]\nskip-post-link = [\"x\"]"),
        ("\"numpy\"]", "\"numpy\"]\nallow-post-link = [\"x\"]"),
        ("budget = 40", "budget = 41"),
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
