//! Why credentials cannot be had or kept.

use std::io;
use std::path::PathBuf;

use super::helper_name::HelperName;
use crate::limits::{CREDENTIAL_FILE_LIMIT, HELPER_LIMIT};

/// Why credentials cannot be had or kept. No message holds one.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum CredentialError {
    /// A variable is set, and what belongs to it is not.
    #[error("`{set}` is set, and `{missing}` is not")]
    #[diagnostic(help(
        "set both for a user with a password, or `IMGBUILD_REGISTRY_TOKEN` for a bearer token"
    ))]
    Half {
        /// The one.
        set: &'static str,
        /// The other.
        missing: &'static str,
    },
    /// Variables hold two credentials for one registry.
    #[error("`IMGBUILD_REGISTRY_TOKEN` is set, and so is `{0}`: only one of them can be shown")]
    #[diagnostic(help("unset one of them"))]
    Both(&'static str),
    /// A variable holds what no header can.
    #[error("`{0}` has a line break or another control character")]
    #[diagnostic(help("take it out: what is read from a file often ends in a line break"))]
    Control(&'static str),
    /// Variables hold a credential, and do not say for whom.
    #[error("`{0}` is set, and nothing says which registry it is for")]
    #[diagnostic(help(
        "name the registry in `IMGBUILD_REGISTRY_HOST`: no other one is shown the credentials"
    ))]
    NoRegistry(&'static str),
    /// The registry that a variable names is none.
    #[error("`IMGBUILD_REGISTRY_HOST` is `{0}`, which names no registry")]
    #[diagnostic(help("write it as `registry.example`, `registry.example:5000` or `registry.example/team`"))]
    Registry(String),
    /// A file that a variable names is not there.
    #[error("`{}` is not there, which `REGISTRY_AUTH_FILE` names", .0.display())]
    #[diagnostic(help("`imgbuild login` writes it; or unset the variable, for the usual files to be read"))]
    NoFile(PathBuf),
    /// A file is there and cannot be read.
    #[error("cannot read the credentials in `{}`", path.display())]
    #[diagnostic(help(
        "let it be a file that you can read, or take it away; `REGISTRY_AUTH_FILE` names another one"
    ))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file is larger than any.
    #[error("`{0}` has more than {CREDENTIAL_FILE_LIMIT} bytes, which no file of credentials has")]
    TooLarge(String),
    /// A file is no JSON, or not of the form. What stands there is not told: it may be a secret.
    #[error("`{of}` cannot be read as credentials: {what} at line {line}, column {column}")]
    #[diagnostic(help(
        "it is JSON in the form of docker's `config.json`; correct it, or take it away and log in anew"
    ))]
    Form {
        /// The file or the variable.
        of: String,
        /// What is wrong.
        what: &'static str,
        /// Where, from 1.
        line: usize,
        /// Where, from 1; 0 at a line's beginning.
        column: usize,
    },
    /// An entry of a file is no credential.
    #[error("the `auth` of `{key}` in `{of}` is no user and password in base64")]
    #[diagnostic(help("correct it: `USER:PASSWORD` in base64, or `username` and `password` in its place"))]
    Entry {
        /// The file or the variable.
        of: String,
        /// The entry.
        key: String,
    },
    /// A file names a program that can be none.
    #[error("`{of}` has `{name}` as its `{setting}`, which can be no program's name")]
    #[diagnostic(help("correct it there: `pass` stands for the program `docker-credential-pass`"))]
    HelperName {
        /// The file or the variable.
        of: String,
        /// What it names.
        name: String,
        /// Where in the file.
        setting: &'static str,
    },
    /// A file names a program that is not there.
    #[error("`{}` is not installed, and `{}` says that it keeps the credentials of `{}`", .0.program, .0.of, .0.host)]
    #[diagnostic(help("install it where `PATH` finds it, or take it out of `{}` in `{}`", .0.setting, .0.of))]
    NoHelper(Box<HelperName>),
    /// A program that keeps credentials cannot be started or spoken to.
    #[error("`{}` cannot be run for the credentials of `{}`", .0.program, .0.host)]
    #[diagnostic(help("`{}` names it in `{}`", .0.of, .0.setting))]
    HelperIo(Box<HelperName>, #[source] io::Error),
    /// A program that keeps credentials fails.
    #[error("`{} {action}` failed for `{}`: {said}", helper.program, helper.host)]
    #[diagnostic(help("set the program up, or take it out of `{}` in `{}`", helper.setting, helper.of))]
    HelperFailed {
        /// The program.
        helper: Box<HelperName>,
        /// What it was to do.
        action: &'static str,
        /// What it said, or how it ended.
        said: String,
    },
    /// A program that keeps credentials answers with something else. What is not told: it may be a secret.
    #[error("`{}` answers for `{}` with what is no credential", .0.program, .0.host)]
    #[diagnostic(help(
        "`{}` names it in `{}`: such a program prints a JSON object with `Username` and `Secret`", .0.of, .0.setting
    ))]
    HelperAnswer(Box<HelperName>),
    /// A program that keeps credentials says more than any answer.
    #[error("`{}` answers for `{}` with more than {HELPER_LIMIT} bytes", .0.program, .0.host)]
    #[diagnostic(help("`{}` names it in `{}`", .0.of, .0.setting))]
    HelperTooLarge(Box<HelperName>),
    /// A program that keeps credentials does not end.
    #[error("`{}` did not answer for `{}` within {seconds} s, and was ended", helper.program, helper.host)]
    #[diagnostic(help(
        "it may wait for somebody to unlock what it keeps; `IMGBUILD_CREDENTIAL_HELPER_TIMEOUT` sets how many seconds it may take"
    ))]
    HelperSlow {
        /// The program.
        helper: Box<HelperName>,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A variable holds no time.
    #[error("`IMGBUILD_CREDENTIAL_HELPER_TIMEOUT` is `{0}`, which is not a number of seconds from 1 on")]
    Timeout(String),
    /// Nothing says where credentials are to be kept.
    #[error(
        "there is no place to keep credentials in: none of `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` and `HOME` is set"
    )]
    #[diagnostic(help("name a file in `REGISTRY_AUTH_FILE`"))]
    NoPlace,
    /// A user's name that no registry can be shown.
    #[error("`{0}` can be no user of a registry")]
    #[diagnostic(help("a user's name is not empty, and has no `:` and no control characters"))]
    User(String),
    /// There is no password.
    #[error("the password for `{0}` is empty")]
    NoPassword(String),
    /// Credentials cannot be written.
    #[error("cannot write the credentials to `{}`", path.display())]
    #[diagnostic(help("nothing was changed; `REGISTRY_AUTH_FILE` names another file"))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}
