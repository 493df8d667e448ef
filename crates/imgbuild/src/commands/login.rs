//! `imgbuild login`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use imgbuild_net::{Client, Options};
use imgbuild_oci::RegistryHost;
use imgbuild_registry::{Anonymous, Credentials, KeptIn, Login, Registries, RegistryError, RegistrySettings};

use super::{print, variables};
use crate::arguments::{Global, LoginArguments};
use crate::failure::{Failure, Plain};
use crate::terminal;

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum LoginError {
    /// There is nobody to be asked.
    #[error("nobody can be asked for the password: standard input is no terminal")]
    #[diagnostic(help(
        "pipe it in: `imgbuild login {0} --user USER --password-stdin < FILE`, or let a variable hold it: docs/registry-credentials.md"
    ))]
    NoTerminal(RegistryHost),
    /// What was typed or piped in cannot be read.
    #[error("cannot read the {0} from standard input")]
    Input(&'static str, #[source] io::Error),
    /// The registry says no.
    #[error("cannot log in to `{host}` as `{user}`")]
    Refused {
        /// The registry.
        host: RegistryHost,
        /// The user.
        user: String,
        /// Why.
        #[source]
        #[diagnostic_source]
        error: Box<RegistryError>,
    },
}

pub(crate) async fn run(arguments: &LoginArguments, global: &Global) -> Result<(), Failure> {
    let host = &arguments.host;
    let variables = variables()?;
    let credentials = Credentials::of_machine(&variables)?;
    let mut settings = RegistrySettings::of_machine(&variables, Path::new("/"))?;
    if arguments.plain_http {
        settings = settings.without_tls(host.clone());
    }
    let login = asked(arguments).await?;
    let client = Client::new(Options::default()).map_err(Plain::from)?;
    let registries = Registries::with_settings(&client, Arc::new(Anonymous), settings);
    let registries = registries.map_err(Plain::from)?;
    registries.sign_in(host, login.credential()).await.map_err(|error| {
        let (host, user) = (host.clone(), login.user().to_owned());
        LoginError::Refused { host, user, error: Box::new(error) }
    })?;
    let kept = match credentials.store(host, &login).await? {
        KeptIn::File(path) => format!("`{}` holds the password, for all who can read it", path.display()),
        KeptIn::Helper(program) => format!("`{program}` keeps the password"),
    };
    if global.quiet {
        return Ok(());
    }
    let mut text = format!("logged in to `{host}` as `{}`: {kept}\n", login.user());
    if let Some(variable) = credentials.variable_before_files(host) {
        text.push_str(&format!("note: `{variable}` is set, and goes before it\n"));
    }
    print(&text)
}

/// Who logs in: what the arguments do not say is asked for.
async fn asked(arguments: &LoginArguments) -> Result<Login, Failure> {
    let host = &arguments.host;
    let failed = |what| move |error| LoginError::Input(what, error);
    if let (true, Some(user)) = (arguments.password_stdin, &arguments.user) {
        let password = terminal::piped().await.map_err(failed("password"))?;
        return Ok(Login::new(user.clone(), password)?);
    }
    if !terminal::is_there() {
        return Err(LoginError::NoTerminal(host.clone()).into());
    }
    let user = match &arguments.user {
        Some(user) => user.clone(),
        None => terminal::ask(&format!("user at {host}: ")).await.map_err(failed("user"))?,
    };
    let question = format!("password of {user} at {host}: ");
    let password = terminal::ask_in_silence(&question).await.map_err(failed("password"))?;
    Ok(Login::new(user, password)?)
}
