//! Dev containers, as VS Code and `devcontainer` open them.

use imgbuild_spec::Contract;

use super::{Account, Answer, Condition, Demand, Home, NO_GROUP, Root, Scope, Start, Terms, Trial};

pub(super) const TERMS: Terms = Terms {
    contract: Contract::Devcontainer,
    title: "Dev containers",
    about: "An editor starts the image, gives the user the number of whoever sits before it, and runs its own server in it, \
            which is linked with the image's C and C++ libraries.",
    spec: "devcontainer = true",
    demands: &[
        Demand {
            says: "who works in it is known by name",
            source: "devcontainers/spec, docs/specs/image-metadata.md; devcontainers/cli, scripts/updateUID.Dockerfile",
            scope: Scope::All,
            condition: Condition::DevContainerLabel,
            advice: "write `devcontainer = true`",
            is_advice: false,
        },
        NO_GROUP,
        Demand {
            says: "it has glibc 2.28 or newer",
            source: "Visual Studio Code, Remote Development: Linux prerequisites; microsoft/vscode, issue 210033",
            scope: Scope::All,
            condition: Condition::Glibc(2, 28),
            advice: "build on Debian: `base = \"trixie\"`",
            is_advice: false,
        },
        Demand {
            says: "it has libstdc++ of GCC 8 (3.4.25) or newer",
            source: "Visual Studio Code, Remote Development: Linux prerequisites",
            scope: Scope::All,
            condition: Condition::Libstdcxx(25),
            advice: "write `devcontainer = true`, or `packages = [\"libstdc++6\"]` in `[base]`",
            is_advice: false,
        },
        Demand {
            says: "it has what editors' servers are fetched and started with",
            source: "Visual Studio Code, Remote Development: Linux prerequisites; microsoft/vscode-remote-release, issue 3780",
            scope: Scope::All,
            condition: Condition::Programs(&[
                &["sh"],
                &["bash"],
                &["tar"],
                &["gzip"],
                &["ps"],
                &["curl", "wget"],
            ]),
            advice: "write `devcontainer = true`, or `packages = [\"procps\", \"curl\"]` in `[base]`",
            is_advice: false,
        },
        Demand {
            says: "its user may write its home",
            source: "devcontainers/spec, docs/specs/devcontainerjson-reference.md (remoteUser)",
            scope: Scope::All,
            condition: Condition::Trial(&Trial {
                account: Account::Editor,
                root: Root::Writable,
                home: Home::Own,
                start: Start::Only(&["/bin/sh", "-c", "mkdir -p \"$HOME/.vscode-server/bin\""]),
                env: &[],
                answer: Answer::Code(0),
            }),
            advice: "leave the home to imgbuild; `[user] home` names it",
            is_advice: false,
        },
    ],
    examples: &["devcontainer", "jupyter", "ssh", "workbench"],
};
