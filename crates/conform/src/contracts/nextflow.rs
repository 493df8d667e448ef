//! Nextflow, with docker or podman.

use imgbuild_spec::Contract;

use super::{Account, Answer, Condition, Demand, Home, Root, Scope, Start, Terms, Trial};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Nextflow,
    title: "Nextflow",
    about: "A task is a bash script in the work folder, as whoever runs the pipeline. To measure it, Nextflow needs `ps` and \
            some other programs in the image.",
    spec: "[base]\npackages = [\"procps\"]",
    demands: &[
        Demand {
            says: "it has what tasks are started and measured with",
            source: "nextflow-io/nextflow, docs/reports.md (tasks: metrics); seqeralabs/wave, changelog 1.35.1",
            scope: Scope::All,
            condition: Condition::Programs(&[
                &["bash"],
                &["ps"],
                &["awk"],
                &["date"],
                &["grep"],
                &["sed"],
                &["tail"],
                &["tee"],
            ]),
            advice: "write `packages = [\"procps\"]` in `[base]`",
            is_advice: false,
        },
        Demand {
            says: "its entrypoint hands a task's script on, as any user",
            source: "nextflow-io/nextflow, docs/container.md (docker: runOptions); docs/reference/config.md",
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Numbers(12345, 12345),
                root: Root::Writable,
                home: Home::Own,
                start: Start::Command(&["/bin/bash", "-c", "exit 7"]),
                env: &[],
                answer: Answer::Code(7),
            }),
            advice: "let the program in `entrypoint` end in `exec \"$@\"`",
            is_advice: false,
        },
    ],
    examples: &["jupyter", "ssh", "workbench"],
};
