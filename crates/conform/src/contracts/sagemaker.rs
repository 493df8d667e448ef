//! `JupyterLab` in `SageMaker` Studio, with an image of one's own.

use imgbuild_spec::Contract;

use super::{Account, Answer, Condition, Demand, Home, NOTHING_IN_HOMES, Root, Scope, Start, Terms, Trial};

/// Where the specification of images stands.
const SOURCE: &str = "Amazon SageMaker AI, developer guide: studio-updated-byoi-specs";

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Sagemaker,
    title: "SageMaker Studio",
    about: "JupyterLab runs as user 1000 and group 100, with a volume over `/home/sagemaker-user`. It serves on port 8888 under \
            `/jupyterlab/default`, without a token: Studio has authenticated whoever asks.",
    spec: "jupyter = { profile = \"sagemaker\" }",
    demands: &[
        Demand {
            says: "it knows a user 1000",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::HasUser(1000),
            advice: "leave out `uid` in `[user]`",
            is_advice: false,
        },
        Demand {
            says: "its home is `/home/sagemaker-user`",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::HomeIs("/home/sagemaker-user"),
            advice: "write `profile = \"sagemaker\"` in `[jupyter]`",
            is_advice: false,
        },
        NOTHING_IN_HOMES,
        Demand {
            says: "nothing lies in the folders that Studio mounts",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::NothingIn(&["/opt/ml", "/opt/.sagemakerinternal", "/var/log/studio"]),
            advice: "copy it elsewhere (`to` in `[[copy]]`)",
            is_advice: false,
        },
        Demand {
            says: "it serves JupyterLab under `/jupyterlab/default` as user 1000 of group 100, for everybody",
            source: SOURCE,
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Numbers(1000, 100),
                root: Root::Writable,
                home: Home::Volume,
                start: Start::Own,
                env: &[],
                answer: Answer::Pages {
                    port: 8888,
                    paths: &["/jupyterlab/default/api", "/jupyterlab/default/lab"],
                    header: None,
                },
            }),
            advice: "write `profile = \"sagemaker\"` in `[jupyter]`",
            is_advice: false,
        },
    ],
    examples: &["platforms/sagemaker"],
};
