//! Docker, and engines like it: podman, containerd, nerdctl.

use imgbuild_spec::Contract;

use super::{Account, Answer, Condition, Demand, Home, NO_GROUP, Root, Scope, Start, Terms, Trial};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Docker,
    title: "Docker",
    about: "`docker run IMAGE` starts what the image says as the image's user; words behind the image take the place of its \
            command. `docker stop` sends a signal to the first process, and kills it ten seconds later. Podman, containerd \
            and nerdctl do the same.",
    spec: "jupyter = true",
    demands: &[
        Demand {
            says: "it says what to start",
            source: "OCI image specification, config.md (Entrypoint, Cmd)",
            scope: Scope::All,
            condition: Condition::Starts,
            advice: "write `cmd` or `entrypoint` in `[image]`",
            is_advice: false,
        },
        Demand {
            says: "what it starts is in it",
            source: "OCI runtime specification, config.md (process.args)",
            scope: Scope::All,
            condition: Condition::StartIsThere,
            advice: "name a program of the image in `cmd` or `entrypoint` of `[image]`, by its whole path",
            is_advice: false,
        },
        Demand {
            says: "its user is known to it",
            source: "moby/sys, user/user.go (GetExecUser)",
            scope: Scope::All,
            condition: Condition::UserIsKnown,
            advice: "name a user that the image has, or a number: `user = \"1000\"` in `[image]`",
            is_advice: false,
        },
        NO_GROUP,
        Demand {
            says: "what it starts first reaps processes and forwards signals",
            source: "krallin/tini, README.md; docker run --init",
            scope: Scope::All,
            condition: Condition::Init,
            advice: "leave out `entrypoint` in `[image]`, then imgbuild has tini start it; or run it with `docker run --init`",
            is_advice: true,
        },
        Demand {
            says: "the program of its health check is in it",
            source: "docker image specification v1.2 (Healthcheck)",
            scope: Scope::All,
            condition: Condition::HealthcheckIsThere,
            advice: "add the program to the image",
            is_advice: false,
        },
        Demand {
            says: "it has at most 125 layers",
            source: "moby, layer/layer_store.go (maxLayerDepth)",
            scope: Scope::All,
            condition: Condition::Layers(125),
            advice: "write a smaller `budget` in `[layers]`",
            is_advice: false,
        },
        Demand {
            says: "a command that is given runs, and its exit code is the container's",
            source: "docker run, reference: exit status",
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::Writable,
                home: Home::Own,
                start: Start::Command(&["/bin/sh", "-c", "exit 7"]),
                env: &[],
                answer: Answer::Code(7),
            }),
            advice: "let the program in `entrypoint` end in `exec \"$@\"`",
            is_advice: true,
        },
        Demand {
            says: "what it starts can be started",
            source: "OCI runtime specification, config.md (process.args)",
            scope: Scope::Silent,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::Writable,
                home: Home::Own,
                start: Start::Own,
                env: &[],
                answer: Answer::Starts,
            }),
            advice: "name a program of the image in `cmd` or `entrypoint` of `[image]`, by its whole path",
            is_advice: false,
        },
        Demand {
            says: "it answers on each port that it names",
            source: "OCI image specification, config.md (ExposedPorts)",
            scope: Scope::Serving,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::Writable,
                home: Home::Own,
                start: Start::Own,
                env: &[],
                answer: Answer::EveryPort,
            }),
            advice: "name in `expose` of `[image]` what the image listens on, and let it listen on all addresses, not on 127.0.0.1 alone",
            is_advice: false,
        },
    ],
    examples: &["jupyter", "ssh", "workbench"],
};
