//! Who builds, as the variables of CIs say it.

use std::collections::BTreeMap;

use imgbuild_secret::public;

/// Who builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// Who it is, as a URI.
    pub id: String,
    /// Which run of it, as a URI.
    pub invocation: Option<String>,
}

/// Who builds where no variable says it: anybody, on a machine of their own.
const ANYBODY: &str = "https://github.com/imgbuild/imgbuild#unattested-machine";

/// A CI, as its variables show it. In templates `{NAME}` stands for a variable.
struct Ci {
    /// The variable that tells that it is this one: any value, or this one.
    mark: (&'static str, Option<&'static str>),
    id: &'static str,
    invocation: &'static str,
}

/// The CIs that are known, the first that fits first. Each line follows the page that is named above it.
const ALL: [Ci; 10] = [
    // Forgejo sets GitHub's variables as well: forgejo.org/docs, "Actions | Variables".
    Ci {
        mark: ("FORGEJO_ACTIONS", None),
        id: "{GITHUB_SERVER_URL}/-/actions",
        invocation: "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_NUMBER}",
    },
    // So does Gitea: docs.gitea.com/usage/actions.
    Ci {
        mark: ("GITEA_ACTIONS", None),
        id: "{GITHUB_SERVER_URL}/-/actions",
        invocation: "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_NUMBER}",
    },
    // docs.github.com, "Variables reference"; the id is that of GitHub's own attestations (actions/attest-build-provenance).
    Ci {
        mark: ("GITHUB_ACTIONS", None),
        id: "https://github.com/actions/runner/{RUNNER_ENVIRONMENT}",
        invocation: "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}/attempts/{GITHUB_RUN_ATTEMPT}",
    },
    // docs.gitlab.com/ci/variables/predefined_variables; the id is that of GitLab's own attestations (artifacts' metadata).
    Ci {
        mark: ("GITLAB_CI", None),
        id: "{CI_PROJECT_URL}/-/runners/{CI_RUNNER_ID}",
        invocation: "{CI_JOB_URL}",
    },
    // buildkite.com/docs, "Environment variables".
    Ci {
        mark: ("BUILDKITE", None),
        id: "https://buildkite.com/{BUILDKITE_ORGANIZATION_SLUG}/{BUILDKITE_PIPELINE_SLUG}",
        invocation: "{BUILDKITE_BUILD_URL}#{BUILDKITE_JOB_ID}",
    },
    // circleci.com/docs, "Project values and variables".
    Ci { mark: ("CIRCLECI", None), id: "https://circleci.com", invocation: "{CIRCLE_BUILD_URL}" },
    // learn.microsoft.com, "Use predefined variables". The address of the collection ends with a slash.
    Ci {
        mark: ("TF_BUILD", None),
        id: "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}",
        invocation: "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    },
    // support.atlassian.com, "Variables and secrets".
    Ci {
        mark: ("BITBUCKET_BUILD_NUMBER", None),
        id: "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines",
        invocation: "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
    },
    // woodpecker-ci.org/docs, "Environment variables".
    Ci { mark: ("CI", Some("woodpecker")), id: "{CI_SYSTEM_URL}", invocation: "{CI_PIPELINE_URL}" },
    // www.jenkins.io/doc/book/pipeline/jenkinsfile, "Using environment variables". Its variables are also those of what it starts.
    Ci { mark: ("JENKINS_URL", None), id: "{JENKINS_URL}", invocation: "{BUILD_URL}" },
];

/// Who builds, as variables say it. What they hold that only the builder should know is left out of it.
pub fn builder(variables: &BTreeMap<String, String>) -> Builder {
    let value = |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let fits = |ci: &&Ci| {
        let (name, wanted) = ci.mark;
        value(name).is_some_and(|value| wanted.is_none_or(|wanted| value == wanted))
    };
    let Some(ci) = ALL.iter().find(fits) else { return anybody() };
    // What a person has given it may hold a token, as addresses of repositories do.
    let filled = |template: &str| filled(template, |name| value(name).map(public));
    match filled(ci.id) {
        Some(id) => Builder { id, invocation: filled(ci.invocation) },
        None => anybody(),
    }
}

fn anybody() -> Builder {
    Builder { id: ANYBODY.to_owned(), invocation: None }
}

/// A template with its variables put in; nothing where one is not set.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}')?;
        text.push_str(before);
        text.push_str(&value(name)?);
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}
