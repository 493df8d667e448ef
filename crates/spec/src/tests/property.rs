//! No text makes it panic, and every mistake can be drawn.

use imgbuild_oci::Platform;
use proptest::prelude::*;

use crate::tests::{load, render};

const SPEC: &str = r#"name = "team/{python}"
tags = ["{python}-cuda{cuda}"]
platforms = ["linux/amd64", "linux/arm64"]
python = { version = "{python}", from = "conda" }
cuda = 11.8
env = "environment.yml"
[matrix]
python = ["3.9", 3.10]
cuda = ["11.8", "12.4"]
exclude = [{ python = "3.9", cuda = "12.4" }]
[base]
debian = "bookworm"
packages = ["git"]
[conda]
packages = ["numpy >=1.26"]
exclude-newer = 2024-05-01T00:00:00Z
[image]
user = "1000:100"
expose = [8080, "53/udp"]
env = { A = "ü{{}}" }
[[copy]]
from = "src"
to = "/src"
mode = "0644"
[layers]
budget = 40
max-layer = "512MB"
"#;
const ENVIRONMENT: &str = "\
name: e
channels: &c [conda-forge, nodefaults]
dependencies:
  - python=3.11
  - pip: [x]
variables: {A: 1.50, B: ~}
prefix: /é
";
const EXPLICIT: &str =
    "# platform: linux-64\n@EXPLICIT\nhttps://c.example/a-1-0.conda#0123456789abcdef0123456789abcdef\n";

const REQUIREMENTS: &str = "\
# what we need
six[a,b] >= 1.16, <2 ; python_version < '3.12' and (os_name == \"posix\" or 'x' in extra) # why
numpy==1.26.0 \\
    --hash=sha256:abababababababababababababababababababababababababababababababab
-r requirements.txt
--extra-index-url=https://${USER}:pass@i.example/é --pre
-e 'a b'
x @ git+ssh://git@h.example/x.git@main#subdirectory=a ; os_name == 'a'
./wheels/x-1-py3-none-any.whl[a]
";

/// Keys whose values are written into files of lines and words, each with a good value.
const ONE_WORD: [(&str, &str); 14] = [
    ("[base]\nmirror = V", "https://a.example/debian"),
    ("[base]\npackages = [V]", "git"),
    ("[base]\ncomponents = [V]", "main"),
    ("[base]\nexclude = [V]", "/usr/share/x/*"),
    ("[base]\nexclude = [\"locales\"]\ninclude = [V]", "/usr/share/x/*"),
    ("[base.pin]\ngit = V", "1:2.39.*"),
    ("[base.sources.V]\nurl = \"https://a.example\"\nsuite = \"x\"", "company"),
    ("[base.sources.a]\nurl = V\nsuite = \"x\"", "https://a.example/x"),
    ("[base.sources.a]\nurl = \"https://a.example\"\nsuite = V", "bookworm/updates"),
    ("[base.sources.a]\nurl = \"https://a.example\"\nsuite = \"x\"\ncomponents = [V]", "main"),
    ("[image]\nuser = V", "jovyan:users"),
    ("[image.env]\nV = \"\"", "NAME"),
    ("[image.labels]\nV = \"\"", "org.example.name"),
    ("[conda]\npackages = [\"x\"]\nchannels = [V]", "conda-forge"),
];

fn with_value(key: &str, value: &str) -> String {
    format!("name = \"a\"\n{}\n", key.replace('V', &serde_json::Value::from(value).to_string()))
}

#[test]
fn good_words_are_taken() {
    for (key, good) in ONE_WORD {
        let spec = with_value(key, good);
        assert!(load(&[("spec.toml", spec.as_str())]).is_ok(), "{spec}");
    }
}

/// Words, and what could break a line.
fn words() -> impl Strategy<Value = String> {
    let word = "[a-z0-9./:+*-]{0,12}|https://a\\.example/[a-z]{0,3}|/[a-z/*]{1,6}";
    let other = "|[ \t\n\r'\"\\\\$`#:;,=\u{0}\u{7f}\u{85}\u{a0}\u{2028}é]";
    (word, other, word).prop_map(|(first, middle, last)| format!("{first}{middle}{last}"))
}

fn survives(spec: &str, environment: &str) {
    let files = [("spec.toml", spec), ("environment.yml", environment), ("requirements.txt", environment)];
    match load(&files) {
        Ok(spec) => {
            for platform in Platform::ALL {
                match spec.variants(platform) {
                    Ok(variants) => {
                        assert!(variants.iter().all(|variant| variant.inputs() == variant.inputs()))
                    }
                    Err(error) => assert!(!render(&error).is_empty()),
                }
            }
        }
        Err(error) => {
            assert!(!error.problems().is_empty());
            assert!(!render(&error).is_empty());
        }
    }
}

/// A text with some of its pieces taken out, doubled, or replaced.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let change = (0..text.len(), 0..12_usize, "[\\PC\\n\"{}\\[\\]=.:#&*-]{0,4}");
    proptest::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut text = text.to_owned();
        for (at, length, new) in changes {
            let floor = |mut at: usize| {
                at = at.min(text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (start, end) = (floor(at), floor(at + length));
            text.replace_range(start..end, &new);
        }
        text
    })
}

#[test]
fn deep_and_swelling_files_are_refused() {
    let deep = format!("name = {}", "[".repeat(200_000));
    survives(&deep, "");
    survives(&format!("name = \"a\"\nx{} = 1\n", ".x".repeat(200_000)), "");
    let spec = "name = \"a\"\nenv = \"environment.yml\"\n";
    survives(spec, &format!("dependencies: {}", "[".repeat(200_000)));
    survives(spec, &"- ".repeat(200_000));
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let again = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{again}]\n"));
    }
    let error = load(&[("spec.toml", spec), ("environment.yml", &laughs)]).unwrap_err();
    assert!(error.to_string().starts_with("this is not valid YAML"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_text_is_read_or_refused(spec in "\\PC*", environment in "(?s).{0,200}") {
        survives(&spec, &environment);
        survives("name = \"a\"\nenv = \"environment.yml\"\n", &environment);
    }

    #[test]
    fn any_changed_spec_is_read_or_refused(spec in mutated(SPEC)) {
        survives(&spec, "dependencies: [numpy]\n");
    }

    #[test]
    fn any_changed_environment_is_read_or_refused(environment in mutated(ENVIRONMENT)) {
        survives("name = \"a\"\nenv = \"environment.yml\"\n", &environment);
    }

    #[test]
    fn any_changed_explicit_list_is_read_or_refused(list in mutated(EXPLICIT)) {
        survives("name = \"a\"\nenv = \"environment.yml\"\n", &list);
    }

    #[test]
    fn any_changed_requirements_are_read_or_refused(requirements in mutated(REQUIREMENTS)) {
        survives("name = \"a\"\npython = \"3.11\"\nenv = \"requirements.txt\"\n", &requirements);
        survives("name = \"a\"\npython = \"3.11\"\npip.packages = [\"x\"]\npip.constraints = \"requirements.txt\"\n", &requirements);
        for line in requirements.lines() {
            let item = serde_json::Value::from(line).to_string();
            survives("name = \"a\"\nenv = \"environment.yml\"\n", &format!("dependencies: [python, pip: [{item}]]"));
        }
    }

    #[test]
    fn what_is_taken_is_one_word_of_a_line(text in words()) {
        // apt's sources and pins, dpkg's rules, the table of users, and a tar's heads hold these as they are.
        for (key, _) in ONE_WORD {
            let spec = with_value(key, &text);
            if load(&[("spec.toml", spec.as_str())]).is_ok() {
                let broken = |it: char| it.is_control() || it == ' ';
                prop_assert!(!text.is_empty() && !text.contains(broken), "{}", spec);
            }
        }
    }

    #[test]
    fn any_value_of_any_key_is_read_or_refused(value in "\\PC{0,40}") {
        let quoted = serde_json::Value::from(value).to_string();
        for key in [
            "name = V", "tags = [V]", "platforms = [V]", "python = V", "cuda = V", "env = V", "base = V",
            "base.packages = [V]", "base.mirror = V", "conda.channels = [V]", "conda.packages = [V]", "conda.prefix = V",
            "conda.exclude-newer = V", "conda.mirrors.V = [V]", "image.user = V", "image.workdir = V", "image.env.V = V",
            "image.labels.V = V", "pip.packages = [V]", "pip.requirements = V", "pip.constraints = [V]", "pip.index-url = V",
            "pip.extra-index-urls = [V]", "pip.allow-builds = [V]", "image.expose = [V]", "copy = [{ from = V, to = V, owner = V, mode = V }]",
            "matrix.V = [V]", "V = V",
        ] {
            survives(&format!("name = \"a\"\n{}\n", key.replace('V', &quoted)), "");
        }
    }
}
