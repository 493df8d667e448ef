//! `OpenShift`, and workbenches of `OpenShift` AI and Open Data Hub.

use imgbuild_spec::Contract;

use super::{
    Account, Answer, Condition, Demand, HOMES_MAY_BE_VOLUMES, Home, PORTS_OF_USERS, Root, Scope, Start,
    Terms, Trial,
};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Openshift,
    title: "OpenShift",
    about: "A pod runs as a user of any number, whom the image does not know, in group 0. A workbench of OpenShift AI is \
            started by `start-singleuser.sh` and listens on port 8080.",
    spec: "jupyter = true",
    demands: &[
        Demand {
            says: "group 0 may write its user's home",
            source: "OpenShift, Creating images: support arbitrary user ids",
            scope: Scope::All,
            condition: Condition::HomeOfGroupRoot,
            advice: "leave the home to imgbuild, which does so; `[user] home` names it",
            is_advice: true,
        },
        Demand {
            says: "nobody but root may write its `/etc/passwd`, else any user in group 0 becomes root",
            source: "jupyter/docker-stacks, issue 553",
            scope: Scope::All,
            condition: Condition::PasswdOfRoot,
            advice: "do not change the rights of `/etc/passwd`",
            is_advice: false,
        },
        PORTS_OF_USERS,
        HOMES_MAY_BE_VOLUMES,
        Demand {
            says: "a command that is given runs as any user of group 0",
            source: "OpenShift, Creating images: support arbitrary user ids",
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Numbers(12345, 0),
                root: Root::Writable,
                home: Home::Own,
                start: Start::Command(&["/bin/sh", "-c", "touch \"$HOME/.conform\" && exit 7"]),
                env: &[],
                answer: Answer::Code(7),
            }),
            advice: "let the program in `entrypoint` set `HOME` to a folder that group 0 may write",
            is_advice: false,
        },
        Demand {
            says: "it answers on each port as any user of group 0",
            source: "OpenShift, Creating images: support arbitrary user ids",
            scope: Scope::Serving,
            condition: Condition::Trial(&Trial {
                account: Account::Numbers(12345, 0),
                root: Root::Writable,
                home: Home::Own,
                start: Start::Own,
                env: &[],
                answer: Answer::EveryPort,
            }),
            advice: "let what it starts need no user of a known number, as `jupyter = true` and `ssh = true` do",
            is_advice: false,
        },
        Demand {
            says: "a workbench of OpenShift AI has `start-singleuser.sh`",
            source: "opendatahub-io/odh-dashboard, docs/byon.md",
            scope: Scope::Hub,
            condition: Condition::Programs(&[
                &["start-singleuser.sh"],
                &["jupyterhub-singleuser", "jupyter-labhub"],
            ]),
            advice: "write `profile = \"openshift\"` in `[jupyter]`",
            is_advice: false,
        },
        Demand {
            says: "a workbench of OpenShift AI names port 8080",
            source: "opendatahub-io/odh-dashboard, docs/byon.md",
            scope: Scope::Hub,
            condition: Condition::Port(8080),
            advice: "write `profile = \"openshift\"` in `[jupyter]`",
            is_advice: false,
        },
    ],
    examples: &["jupyter", "ssh", "workbench", "platforms/openshift"],
};
