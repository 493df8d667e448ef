//! Notebooks of Kubeflow.

use imgbuild_spec::Contract;

use super::{
    Account, Answer, Condition, Demand, Home, NO_GROUP, NOTHING_IN_HOMES, Root, Scope, Start, Terms, Trial,
};

/// The path that a notebook is under.
const PREFIX: (&str, &str) = ("NB_PREFIX", "/notebook/team/conform");

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Kubeflow,
    title: "Kubeflow",
    about: "A notebook is started as the image says, in `/home/jovyan`, with an empty volume over it. It serves on port 8888 \
            under the path in `NB_PREFIX`, for everybody: the mesh before it has authenticated whoever asks.",
    spec: "jupyter = { profile = \"kubeflow\" }",
    demands: &[
        Demand {
            says: "its home is `/home/jovyan`",
            source: "kubeflow/website, container-images.md (NOTEBOOK: home)",
            scope: Scope::All,
            condition: Condition::HomeIs("/home/jovyan"),
            advice: "write `profile = \"kubeflow\"` in `[jupyter]`",
            is_advice: false,
        },
        Demand {
            says: "it knows a user 1000",
            source: "kubeflow/notebooks, components/example-notebook-servers/base/Dockerfile (NB_UID)",
            scope: Scope::All,
            condition: Condition::HasUser(1000),
            advice: "leave out `uid` in `[user]`",
            is_advice: false,
        },
        NO_GROUP,
        NOTHING_IN_HOMES,
        Demand {
            says: "it serves JupyterLab under `NB_PREFIX`, with an empty volume over its home, for everybody",
            source: "kubeflow/website, container-images.md (NB_PREFIX, authentication)",
            scope: Scope::Jupyter,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::Writable,
                home: Home::Volume,
                start: Start::Own,
                env: &[PREFIX],
                answer: Answer::Pages {
                    port: 8888,
                    paths: &["/notebook/team/conform/api", "/notebook/team/conform/lab"],
                    header: None,
                },
            }),
            advice: "write `profile = \"kubeflow\"` in `[jupyter]`",
            is_advice: false,
        },
        Demand {
            says: "it lets the pages of other origins ask it",
            source: "kubeflow/website, container-images.md (Access-Control-Allow-Origin)",
            scope: Scope::Jupyter,
            condition: Condition::Trial(&Trial {
                account: Account::Own,
                root: Root::Writable,
                home: Home::Volume,
                start: Start::Own,
                env: &[PREFIX],
                answer: Answer::Pages {
                    port: 8888,
                    paths: &["/notebook/team/conform/api"],
                    header: Some(("Access-Control-Allow-Origin", "*")),
                },
            }),
            advice: "write `profile = \"kubeflow\"` in `[jupyter]`",
            is_advice: false,
        },
    ],
    examples: &["platforms/kubeflow"],
};
