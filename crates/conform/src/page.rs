//! The table as a page of the documentation.

use imgbuild_spec::Contract;

use crate::contracts::terms;
use crate::demand::{Condition, Demand, Scope, Terms};
use crate::trial::{Account, Answer, Home, Root, Start, Trial};

/// How the page begins.
const HEAD: &str = "# Platforms

What each platform demands of an image, and how `imgbuild conform` finds out whether one meets it. This page is made from the
table that the command reads (`crates/conform/src/contracts`), by `cargo xtask docs`.

    imgbuild conform IMAGE --for kubernetes

holds an image against the demands of one platform, and without `--for` against those of all: an image that was built (by its
name), a tarball or a layout (by its path), of imgbuild's making or anybody's. It looks at the configuration and at the files of
the layers; where these do not tell, it runs the image in [the sandbox](sandbox.md), off the network. Each demand *holds*, or
does *not*, with what to write into the spec; or it *cannot be told* here. What is only *advised* is run all the same, and worse. With
`--for`, a demand that does not hold is an exit code of 1; what cannot be told is none, so look for it. `--json` prints the same as
data.

In a spec, `conform` makes it a part of the build, which then delivers nothing that a demand does not hold of. What could not be tried on
the machine that builds is told with the checks that were not run:

```toml
name    = \"notebook\"
python  = \"3.11\"
jupyter = { profile = \"kubeflow\" }
conform = [\"kubeflow\"]
```

| platform | `--for` | a spec for it | examples that conform |
|---|---|---|---|
";

/// The page `docs/platforms.md`.
pub fn page() -> String {
    let all = Contract::ALL.map(terms);
    let rows = all.iter().map(|terms| {
        let spec = terms.spec.lines().collect::<Vec<_>>().join("`, `");
        let examples: Vec<String> =
            terms.examples.iter().map(|name| format!("[{name}.toml](../examples/{name}.toml)")).collect();
        let (title, contract) = (terms.title, terms.contract);
        format!("| [{title}](#{}) | `{contract}` | `{spec}` | {} |\n", anchor(title), examples.join(", "))
    });
    let rows: String = rows.collect();
    let sections: String = all.iter().map(|terms| section(terms)).collect();
    format!("{HEAD}{rows}{sections}")
}

/// As pages call their headings.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase();
    kept.chars()
        .filter(|it| it.is_alphanumeric() || *it == ' ')
        .map(|it| if it == ' ' { '-' } else { it })
        .collect()
}

fn section(terms: &Terms) -> String {
    let rows: String = terms.demands.iter().map(row).collect();
    format!(
        "\n## {}\n\n{}\n\n| demand | found out by | where it is from | otherwise |\n|---|---|---|---|\n{rows}",
        terms.title, terms.about
    )
}

fn row(demand: &Demand) -> String {
    let scope = match demand.scope {
        Scope::All => "",
        Scope::Jupyter => " (with Jupyter)",
        Scope::Python => " (with Python)",
        Scope::Cuda => " (with CUDA)",
        Scope::Hub => " (that a hub spawns)",
        Scope::Silent => " (without a port)",
        Scope::Serving => " (with a port)",
    };
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let advised = if demand.is_advice { "*advised:* " } else { "" };
    let (says, source, advice) = (cell(demand.says), cell(demand.source), cell(demand.advice));
    format!("| {advised}{says}{scope} | {} | {source} | {advice} |\n", cell(&method(&demand.condition)))
}

/// How it is found out.
fn method(condition: &Condition) -> String {
    match condition {
        Condition::Starts
        | Condition::Init
        | Condition::NoGroup
        | Condition::NumberNotRoot
        | Condition::Port(_)
        | Condition::PortsOfUsers
        | Condition::PlainValues
        | Condition::Variable(..)
        | Condition::VariableHas(..) => "its configuration".to_owned(),
        Condition::Layers(_) => "its manifest".to_owned(),
        Condition::StartIsThere
        | Condition::HealthcheckIsThere
        | Condition::RunsAsRoot
        | Condition::UserIsKnown
        | Condition::HomeIs(_)
        | Condition::HomeOfGroupRoot
        | Condition::Programs(_)
        | Condition::NoForeignModules
        | Condition::DevContainerLabel => "its configuration and files".to_owned(),
        Condition::HasUser(_)
        | Condition::PasswdOfRoot
        | Condition::NothingInHomes
        | Condition::NothingIn(_)
        | Condition::Program(_)
        | Condition::Glibc(..)
        | Condition::Libstdcxx(_)
        | Condition::LoaderCache => "its files".to_owned(),
        Condition::HubVersion => "its files; the hub's version cannot be told".to_owned(),
        Condition::Trial(trial) => run(trial),
    }
}

/// A run, in words.
fn run(trial: &Trial) -> String {
    let code = |words: &[&str]| format!("`{}`", words.join(" "));
    let what = match trial.start {
        Start::Own => "what it starts".to_owned(),
        Start::Command(words) => format!("its entrypoint with {}", code(words)),
        Start::Only(words) => code(words),
    };
    let who = match trial.account {
        Account::Own => "its user".to_owned(),
        Account::Editor => "whoever works in it".to_owned(),
        Account::Numbers(uid, gid) => format!("{uid}:{gid}"),
    };
    let root = if trial.root == Root::ReadOnly { ", the root read-only" } else { "" };
    let home = if trial.home == Home::Volume { ", an empty volume over the home" } else { "" };
    let env: String = trial.env.iter().map(|(name, _)| format!(", `{name}` set")).collect();
    let ports = |ports: &[u16]| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let answer = match trial.answer {
        Answer::Code(code) => format!("ends with {code}"),
        Answer::Starts => "runs".to_owned(),
        Answer::EveryPort => "answers on each of its ports".to_owned(),
        Answer::Ports(all) => format!("answers on {}", ports(all)),
        Answer::Pages { port, paths, header } => {
            let header = header.map(|(name, value)| format!(" with `{name}: {value}`")).unwrap_or_default();
            format!("has `{}` on port {port}{header}", paths.join("`, `"))
        }
    };
    format!("a run of {what} as {who}{root}{home}{env}: it {answer}")
}
