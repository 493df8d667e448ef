//! `JupyterHub` on Kubernetes (Zero to `JupyterHub`).

use imgbuild_spec::Contract;

use super::{
    Account, Answer, Condition, Demand, Home, NOTHING_IN_HOMES, PORTS_OF_USERS, Root, Scope, Start, Terms,
    Trial,
};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Hub,
    title: "JupyterHub",
    about: "The hub starts `jupyterhub-singleuser` as user 1000 and group 100, with a volume over `/home/jovyan`, and tells it \
            where to listen and whom to let in.",
    spec: "jupyter = { profile = \"hub\", hub-version = \"5\" }",
    demands: &[
        Demand {
            says: "`jupyterhub-singleuser` is on its `PATH`",
            source: "jupyterhub/zero-to-jupyterhub-k8s, jupyterhub/values.yaml (singleuser.cmd)",
            scope: Scope::All,
            condition: Condition::Programs(&[&["jupyterhub-singleuser"]]),
            advice: "write `profile = \"hub\"` in `[jupyter]`",
            is_advice: false,
        },
        Demand {
            says: "its JupyterHub is of the hub's major version, else the hub warns",
            source: "jupyterhub, jupyterhub/_version.py (check_version)",
            scope: Scope::All,
            condition: Condition::HubVersion,
            advice: "write the hub's version: `hub-version = \"5\"` beside `profile = \"hub\"`",
            is_advice: false,
        },
        Demand {
            says: "it knows a user 1000",
            source: "jupyterhub/zero-to-jupyterhub-k8s, jupyterhub/values.yaml (singleuser.uid)",
            scope: Scope::All,
            condition: Condition::HasUser(1000),
            advice: "leave out `uid` in `[user]`",
            is_advice: false,
        },
        Demand {
            says: "its home is `/home/jovyan`",
            source: "jupyterhub/zero-to-jupyterhub-k8s, jupyterhub/values.yaml (singleuser.storage.homeMountPath)",
            scope: Scope::All,
            condition: Condition::HomeIs("/home/jovyan"),
            advice: "write `profile = \"hub\"` in `[jupyter]`, or `home = \"/home/jovyan\"` in `[user]`",
            is_advice: false,
        },
        NOTHING_IN_HOMES,
        PORTS_OF_USERS,
        Demand {
            says: "`jupyterhub-singleuser` runs as user 1000 of group 100 with an empty volume over the home",
            source: "jupyterhub/zero-to-jupyterhub-k8s, jupyterhub/values.yaml (singleuser)",
            scope: Scope::Jupyter,
            condition: Condition::Trial(&Trial {
                account: Account::Numbers(1000, 100),
                root: Root::Writable,
                home: Home::Volume,
                start: Start::Command(&["jupyterhub-singleuser", "--version"]),
                env: &[],
                answer: Answer::Code(0),
            }),
            advice: "write `profile = \"hub\"` in `[jupyter]`",
            is_advice: false,
        },
    ],
    examples: &["platforms/hub"],
};
