//! Pods of `RunPod`.

use imgbuild_spec::Contract;

use super::{Account, Answer, Condition, Demand, Home, Root, Scope, Start, Terms, Trial};
use crate::trial::NOBODYS_KEY;

/// Where RunPod's own images do it.
const SOURCE: &str = "runpod/containers, container-template/start.sh";

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Runpod,
    title: "RunPod",
    about: "A pod of RunPod's own templates runs as root and is started by `/start.sh`. Whoever rents it logs in by SSH on port 22 with the key in \
            `PUBLIC_KEY`, and opens Jupyter on port 8888 with the token in `JUPYTER_PASSWORD`.",
    spec: "jupyter = { profile = \"runpod\" }\nssh = true",
    demands: &[
        Demand {
            says: "it runs as root",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::RunsAsRoot,
            advice: "write `profile = \"runpod\"` in `[jupyter]`, or `user = \"root\"` in `[image]`",
            is_advice: false,
        },
        Demand {
            says: "it has `/start.sh`, by which pods are started",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::Program("/start.sh"),
            advice: "write `profile = \"runpod\"` in `[jupyter]`",
            is_advice: false,
        },
        Demand {
            says: "it has bash, and an SSH server",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::Programs(&[&["bash"], &["sshd", "/usr/sbin/sshd"]]),
            advice: "write `ssh = true`",
            is_advice: false,
        },
        Demand {
            says: "it serves SSH on port 22 and Jupyter on port 8888",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::Writable,
                home: Home::Own,
                start: Start::Own,
                env: &[("JUPYTER_PASSWORD", "conform"), ("PUBLIC_KEY", NOBODYS_KEY)],
                answer: Answer::Ports(&[22, 8888]),
            }),
            advice: "write `profile = \"runpod\"` in `[jupyter]`, and `ssh = true`",
            is_advice: false,
        },
    ],
    examples: &["platforms/runpod"],
};
