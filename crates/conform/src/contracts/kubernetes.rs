//! Kubernetes, with its restricted Pod Security Standard.

use imgbuild_spec::Contract;

use super::{
    Account, Answer, Condition, Demand, HOMES_MAY_BE_VOLUMES, Home, NO_GROUP, PORTS_OF_USERS, Root, Scope,
    Start, Terms, Trial,
};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Kubernetes,
    title: "Kubernetes",
    about: "A pod of the restricted Pod Security Standard runs as a user other than root, without capabilities, and gains no \
            privileges. Good pods have a read-only root as well, with `/tmp` in memory and a volume over the home.",
    spec: "jupyter = true",
    demands: &[
        Demand {
            says: "its user is a number, and not that of root: `runAsNonRoot` sees no other",
            source: "kubernetes, pkg/kubelet/kuberuntime/security_context.go (verifyRunAsNonRoot)",
            scope: Scope::All,
            condition: Condition::NumberNotRoot,
            advice: "write `user = \"1000\"` in `[image]`, or leave it out",
            is_advice: false,
        },
        NO_GROUP,
        PORTS_OF_USERS,
        HOMES_MAY_BE_VOLUMES,
        Demand {
            says: "a command that is given runs with a read-only root",
            source: "Kubernetes, Pod v1: securityContext.readOnlyRootFilesystem, args",
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::ReadOnly,
                home: Home::Volume,
                start: Start::Command(&["/bin/sh", "-c", "exit 7"]),
                env: &[],
                answer: Answer::Code(7),
            }),
            advice: "let the program in `entrypoint` write to `/tmp` and the home alone, and end in `exec \"$@\"`",
            is_advice: true,
        },
        Demand {
            says: "what it starts can be started",
            source: "OCI runtime specification, config.md (process.args)",
            scope: Scope::Silent,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::ReadOnly,
                home: Home::Volume,
                start: Start::Own,
                env: &[],
                answer: Answer::Starts,
            }),
            advice: "name a program of the image in `cmd` or `entrypoint` of `[image]`, by its whole path",
            is_advice: false,
        },
        Demand {
            says: "it answers on each port with a read-only root and an empty volume over its home",
            source: "Kubernetes, Pod v1: securityContext.readOnlyRootFilesystem, volumeMounts",
            scope: Scope::Serving,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::ReadOnly,
                home: Home::Volume,
                start: Start::Own,
                env: &[],
                answer: Answer::EveryPort,
            }),
            advice: "let what it starts write to `/tmp` and the home alone, as `jupyter = true` and `ssh = true` do",
            is_advice: false,
        },
    ],
    examples: &["jupyter", "ssh", "workbench"],
};
