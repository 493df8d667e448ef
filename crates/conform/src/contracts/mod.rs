//! The table: a file for each platform.

mod apptainer;
mod devcontainer;
mod docker;
mod enroot;
mod hub;
mod kubeflow;
mod kubernetes;
mod nextflow;
mod openshift;
mod runpod;
mod sagemaker;

use imgbuild_spec::Contract;

use crate::demand::{Condition, Demand, Scope, Terms};
use crate::trial::{Account, Answer, Home, Root, Start, Trial};

/// What a platform demands.
pub const fn terms(contract: Contract) -> &'static Terms {
    match contract {
        Contract::Docker => &docker::TERMS,
        Contract::Kubernetes => &kubernetes::TERMS,
        Contract::Openshift => &openshift::TERMS,
        Contract::Hub => &hub::TERMS,
        Contract::Kubeflow => &kubeflow::TERMS,
        Contract::Sagemaker => &sagemaker::TERMS,
        Contract::Runpod => &runpod::TERMS,
        Contract::Devcontainer => &devcontainer::TERMS,
        Contract::Enroot => &enroot::TERMS,
        Contract::Apptainer => &apptainer::TERMS,
        Contract::Nextflow => &nextflow::TERMS,
    }
}

/// A shell, as anybody whom the image does not know, without its entrypoint.
const SHELL: Trial = Trial {
    account: Account::Numbers(12345, 12345),
    root: Root::ReadOnly,
    home: Home::Volume,
    start: Start::Only(&["/bin/sh", "-c", "exit 7"]),
    env: &[],
    answer: Answer::Code(7),
};

/// Its Python, in the same way.
const PYTHON: Trial = Trial {
    account: Account::Numbers(12345, 12345),
    root: Root::ReadOnly,
    home: Home::Volume,
    start: Start::Only(&["/bin/sh", "-c", "exec $(command -v python3 || command -v python) -c 'import ssl'"]),
    env: &[],
    answer: Answer::Code(0),
};

/// Homes are volumes: what several platforms demand because they mount one.
const NOTHING_IN_HOMES: Demand = Demand {
    says: "nothing that works lies in a home, over which a volume is mounted",
    source: "kubeflow/website, container-images.md; jupyterhub/zero-to-jupyterhub-k8s, jupyterhub/values.yaml (singleuser.storage)",
    scope: Scope::All,
    condition: Condition::NothingInHomes,
    advice: "copy it elsewhere, for example to `/opt` or `/usr/local` (`to` in `[[copy]]`)",
    is_advice: false,
};

/// The same where a volume is mounted if whoever runs it says so.
const HOMES_MAY_BE_VOLUMES: Demand = Demand { is_advice: true, ..NOTHING_IN_HOMES };

/// What listens below 1024 has to be root, or have a capability that platforms take away.
const PORTS_OF_USERS: Demand = Demand {
    says: "it listens on no port below 1024",
    source: "Kubernetes, Pod Security Standards, restricted: capabilities; containerd before 2.0, enable_unprivileged_ports",
    scope: Scope::Serving,
    condition: Condition::PortsOfUsers,
    advice: "take another `port` in `[jupyter]` or `[ssh]`, such as 8888 and 2222",
    is_advice: false,
};

const NO_GROUP: Demand = Demand {
    says: "its user is named without a group, so that the user's further groups count",
    source: "moby/sys, user/user.go (GetExecUser); containerd, pkg/oci/spec_opts.go (WithAdditionalGIDs)",
    scope: Scope::All,
    condition: Condition::NoGroup,
    advice: "write the user alone, for example `user = \"1000\"` in `[image]`, or leave it out",
    is_advice: true,
};
