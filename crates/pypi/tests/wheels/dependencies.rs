//! Requirements and markers, held against `packaging`, the reader and evaluator of pip.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use imgbuild_oci::Platform;
use imgbuild_pypi::{Environment, Target, normalized};
use imgbuild_requirement::{DependencySpecifier, Marker, VersionsOrUrl};
use pep440_rs::Version;
use proptest::prelude::*;

use crate::dependency_texts::{DIFFERENCES, EQUALITY, MARKERS, ORDER, REQUIREMENTS, VALUES};
use crate::oracle::{run, tool};

/// Prints for every requirement and marker what `packaging` makes of it.
const PACKAGING: &str = r#"
import json, sys
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

asked = json.load(open(sys.argv[1]))
def requirement(text, environment):
    it = Requirement(text)
    extras = ",".join(sorted(map(canonicalize_name, it.extras)))
    fits = [version for version in asked["versions"] if it.specifier.contains(version, prereleases=True)]
    wanted = "URL" if it.url else ",".join(fits)
    holds = it.marker is None or it.marker.evaluate(environment)
    return f"{canonicalize_name(it.name)}[{extras}] {wanted} {holds}".lower()
def marker(text, environment):
    return str(Marker(text).evaluate(environment)).lower()
def outcome(read, text, environment):
    try:
        return read(text, environment)
    except Exception:
        return "refused"
print(json.dumps([
    outcome(read, text, environment)
    for environment in asked["environments"]
    for read, texts in [(requirement, asked["requirements"]), (marker, asked["markers"])]
    for text in texts
]))
"#;

const VERSIONS: [&str; 12] =
    ["0.9", "1", "1.0.0", "1.0.1", "1.0.post1", "1.0+local", "1.5", "2.0rc1", "2.0", "2.0.1", "3", "1!1.0"];

/// An environment, the extra that is active, and both in the words of `packaging`.
fn environments() -> [(Environment, Vec<String>, serde_json::Value); 2] {
    let environment = |platform, machine: &str, minor: u8, python: &str, extra: &str| {
        let target = Target { platform, minor, glibc: 36 };
        let words = serde_json::json!({
            "implementation_name": "cpython",
            "implementation_version": python,
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": python,
            "python_version": format!("3.{minor}"),
            "sys_platform": "linux",
            "extra": extra,
        });
        let extras = if extra.is_empty() { Vec::new() } else { vec![extra.to_owned()] };
        (Environment::new(target, python).unwrap(), extras, words)
    };
    [
        environment(Platform::LinuxAmd64, "x86_64", 11, "3.11.9", ""),
        environment(Platform::LinuxArm64, "aarch64", 8, "3.8.0", "gpu"),
    ]
}

fn requirement(text: &str, environment: &Environment, extras: &[String]) -> String {
    let Ok(read) = DependencySpecifier::read(text) else { return "refused".to_owned() };
    let mut named: Vec<String> = read.extras.into_iter().map(normalized).collect();
    named.sort();
    let wanted = match read.wanted {
        VersionsOrUrl::Url(_) => "url".to_owned(),
        VersionsOrUrl::Versions { specifiers, .. } => {
            let fits = |version: &&&str| specifiers.contains(&version.parse::<Version>().unwrap());
            VERSIONS.iter().filter(fits).copied().collect::<Vec<_>>().join(",")
        }
    };
    let holds = read.marker.is_none_or(|marker| environment.holds(&marker, extras));
    format!("{}[{}] {wanted} {holds}", normalized(read.name), named.join(","))
}

fn marker(text: &str, environment: &Environment, extras: &[String]) -> String {
    match text.parse::<Marker>() {
        Ok(marker) => environment.holds(&marker, extras).to_string(),
        Err(_) => "refused".to_owned(),
    }
}

#[test]
fn requirements_and_markers_are_what_they_are_to_packaging() {
    let mut markers: Vec<String> = MARKERS.iter().map(ToString::to_string).collect();
    for (variable, values) in VALUES {
        let order =
            if variable.ends_with("n_version") || variable.contains("full") { &ORDER[..] } else { &[] };
        let operators = EQUALITY.iter().chain(order);
        for (operator, value) in operators.flat_map(|it| values.iter().map(move |value| (it, value))) {
            markers.push(format!("{variable} {operator} '{value}'"));
            markers.push(format!("'{value}' {operator} {variable}"));
        }
    }
    let environments = environments();
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked.json");
    let words: Vec<_> = environments.iter().map(|(_, _, words)| words).collect();
    let json = serde_json::json!({
        "requirements": REQUIREMENTS, "markers": markers, "versions": VERSIONS, "environments": words,
    });
    fs::write(&asked, json.to_string()).unwrap();
    let theirs = run(Command::new(tool("python")).args(["-c", PACKAGING]).arg(&asked));
    let theirs: Vec<String> = serde_json::from_str(&theirs).unwrap();

    let mut ours = Vec::new();
    for (environment, extras, _) in &environments {
        let python = environment.python();
        let requirements = REQUIREMENTS.iter().map(|it| (*it, requirement(it, environment, extras)));
        let markers = markers.iter().map(|it| (it.as_str(), marker(it, environment, extras)));
        ours.extend(requirements.chain(markers).map(|(text, found)| (python, text, found)));
    }
    assert_eq!(ours.len(), theirs.len());
    let stated = DIFFERENCES.iter().flat_map(|(_, found, texts)| texts.iter().map(move |it| (*it, *found)));
    let stated: BTreeMap<&str, &str> = stated.collect();
    let mut differing = BTreeSet::new();
    let mut wrong = Vec::new();
    for ((python, text, found), expected) in ours.iter().zip(&theirs) {
        if found != expected {
            differing.insert(*text);
        }
        let expected = stated.get(text).copied().unwrap_or(expected);
        if found != expected {
            wrong.push(format!("{python}: {text}: {found}, and not {expected}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(differing, stated.into_keys().collect());
    // Both answers are there often: neither side refuses or grants all.
    for answer in ["true", "false", "refused"] {
        assert!(theirs.iter().filter(|it| it.ends_with(answer)).count() > 40, "{answer}");
    }
}

#[test]
fn several_extras_may_be_active() {
    let [(environment, ..), _] = environments();
    let holding = |extras: &[&str], markers: &[&'static str]| {
        let extras: Vec<String> = extras.iter().map(ToString::to_string).collect();
        let holds = |text: &&str| environment.holds(&text.parse().unwrap(), &extras);
        markers.iter().copied().filter(holds).collect::<Vec<_>>()
    };
    let markers = [
        "extra == 'a'",
        "'B_C' == extra",
        "extra == 'a' and extra == 'b.c'",
        "extra != 'a'",
        "extra != 'd'",
        "extra in 'a d'",
        "extra not in 'a d'",
        "extra == ''",
    ];
    assert_eq!(holding(&[], &markers), ["extra != 'a'", "extra != 'd'", "extra in 'a d'", "extra == ''"]);
    assert_eq!(holding(&["a"], &markers), ["extra == 'a'", "extra != 'd'", "extra in 'a d'"]);
    assert_eq!(
        holding(&["b-c"], &markers),
        ["'B_C' == extra", "extra != 'a'", "extra != 'd'", "extra not in 'a d'"]
    );
    assert_eq!(
        holding(&["a", "b-c"], &markers),
        [
            "extra == 'a'",
            "'B_C' == extra",
            "extra == 'a' and extra == 'b.c'",
            "extra != 'd'",
            "extra in 'a d'"
        ]
    );
}

#[test]
fn hostile_texts_are_refused_or_read_at_once() {
    let [(environment, ..), _] = environments();
    let refused = |text: &str| {
        let of_requirement = DependencySpecifier::read(&format!("name ; {text}")).unwrap_err().to_string();
        (of_requirement, text.parse::<Marker>().unwrap_err().to_string())
    };
    let pair = |it: &str| (it.to_owned(), it.to_owned());
    let long = "more than 16384 bytes";
    assert_eq!(refused(&"(".repeat(200_000)), (format!("it has {long}"), format!("its marker has {long}")));
    assert_eq!(refused(&"(".repeat(10_000)), pair("its parentheses are too deep"));
    let nested = |depth: usize| format!("{}os_name == 'posix'{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(refused(&nested(33)), pair("its parentheses are too deep"));
    assert!(environment.holds(&nested(32).parse().unwrap(), &[]));
    // As a decision diagram it would have some 2²² nodes.
    let pairs = (0..22).map(|it| format!("('a{it}' in os_name and 'b{it}' in sys_platform)"));
    let pairs = pairs.collect::<Vec<_>>().join(" or ");
    assert!(!environment.holds(&pairs.parse().unwrap(), &[]));
    assert!(environment.holds(&format!("{pairs} or os_name == 'posix'").parse().unwrap(), &[]));
}

/// What requirements are made of, and what is not in any.
fn pieces() -> impl Strategy<Value = String> {
    let words = "name|[a|]|,|>=|==|~=|===|!=|<|1|1.0|3.11|3.*|1!2|rc1|+x|@|https://h|;|(|)|'|\"|'x'|'3.8'|'gpu'|os_name|\
                 python_version|implementation_version|extra|in|not in|and|or| |  |\t|\n|é|\u{2028}|\u{0}|\
                 99999999999999999999|'99999999999999999999'";
    let words: Vec<&'static str> = words.split('|').collect();
    let word = prop::sample::select(words);
    let joined = |(words, space): (Vec<&str>, &str)| words.join(space);
    prop_oneof![
        any::<String>(),
        (prop::collection::vec(word, 0..24), prop::sample::select(vec!["", " "])).prop_map(joined)
    ]
}

fn comparison() -> impl Strategy<Value = String> {
    let variable = prop::sample::select(VALUES.iter().map(|(variable, _)| *variable).collect::<Vec<_>>());
    let operator = prop::sample::select(EQUALITY.iter().chain(&ORDER).copied().collect::<Vec<_>>());
    let version = "[0-9]{1,3}(\\.[0-9]{1,25}){0,4}(\\.\\*|rc[0-9]|\\.post1|\\+x)?";
    let value = prop_oneof!["[^']{0,8}", version].prop_map(|it| format!("'{it}'"));
    (variable, operator, value, any::<bool>()).prop_map(|(variable, operator, value, turned)| match turned {
        false => format!("{variable} {operator} {value}"),
        true => format!("{value} {operator} {variable}"),
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in pieces(), before in prop::sample::select(vec!["", "name", "name ;", "name @ u ;"])) {
        let [(environment, ..), _] = environments();
        let text = format!("{before}{text}");
        if let Ok(read) = DependencySpecifier::read(&text) && let Some(marker) = read.marker {
            environment.holds(&marker, &["gpu".to_owned()]);
        }
        if let Ok(marker) = text.parse::<Marker>() {
            environment.holds(&marker, &[]);
        }
    }

    #[test]
    fn any_comparison_is_read_and_has_an_answer(first in comparison(), second in comparison()) {
        let [(environment, ..), _] = environments();
        let holds = |text: &str| environment.holds(&text.parse().unwrap(), &[]);
        let (a, b) = (holds(&first), holds(&second));
        prop_assert_eq!(holds(&format!("{first} and {second}")), a && b);
        prop_assert_eq!(holds(&format!("({first}) or({second})")), a || b);
    }
}
