//! The `imgbuild` program: arguments, progress, messages. It decides nothing.

// What is printed goes through `output`: the macros panic where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod choice_arguments;
mod commands;
mod export_arguments;
mod failure;
mod inspect_arguments;
mod judging_arguments;
mod keys;
mod lock_arguments;
mod output;
mod page_file;
mod progress;
mod pushing;
mod recording;
mod registry_arguments;
mod shown;
mod stream;
mod terminal;
mod threads;
mod trust_arguments;
mod version;
mod words;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::SignalKind;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

/// How a program ends that was stopped by Ctrl-C, or by `kill`, as CI and clusters do: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// How `imgbuild run` ends when the command could not be started.
const UNSTARTED: u8 = 125;

fn main() -> ExitCode {
    imgbuild_sandbox::enter();
    // Words that are no text are no version's.
    if version::is_asked(std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned())) {
        return match output::print(&version::text()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    log(arguments.global.verbose);
    // Signals are the command's: nothing of ours may take them.
    if let Command::Run(run) = &arguments.command {
        return commands::run::run(run, &arguments.global).unwrap_or_else(|failure| {
            failure.print();
            // As engines do: what was run can hardly have ended with it.
            ExitCode::from(UNSTARTED)
        });
    }
    if let Err(error) = threads::check() {
        if let Command::Doctor(doctor) = &arguments.command {
            return commands::doctor::without_threads(doctor, &error);
        }
        output::say(&format!("error: {}\n", imgbuild_diagnostic::told(&error)));
        return ExitCode::FAILURE;
    }
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => finished(runtime, &arguments),
        Err(error) => {
            output::say(&format!("error: cannot start: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command to its end, or until somebody stops it.
fn finished(runtime: tokio::runtime::Runtime, arguments: &Arguments) -> ExitCode {
    let ended = runtime.block_on(async {
        let ended = tokio::select! {
            result = run(arguments) => Ok(result),
            code = stopped() => Err(code),
        };
        if !matches!(ended, Ok(Ok(_))) {
            commands::cancel_uploads().await;
        }
        ended
    });
    // What still runs writes temporary files only: nobody waits for it.
    runtime.shutdown_background();
    match ended {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            failure.print();
            ExitCode::FAILURE
        }
        Err(code) => {
            output::say(
                "interrupted: nothing was written under its final name, and the next run goes on from here\n",
            );
            ExitCode::from(code)
        }
    }
}

/// Tells what is wrong with the words of the command line, or prints the help. A secret that was given as a word is not shown.
fn refused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    let text = error.render();
    let is_plain = !std::io::IsTerminal::is_terminal(&std::io::stderr());
    output::say(&shown::shown(&if is_plain { text.to_string() } else { text.ansi().to_string() }));
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Waits until somebody stops the program: how it ends then.
async fn stopped() -> u8 {
    let terminated = async {
        match tokio::signal::unix::signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            // Then the signal ends it as it ends any program.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => INTERRUPTED,
        () = terminated => TERMINATED,
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let global = &arguments.global;
    if let Command::Outdated(arguments) = &arguments.command {
        return commands::outdated::run(arguments, global).await;
    }
    if let Command::Diff(arguments) = &arguments.command {
        return Ok(commands::diff::run(arguments, global).await);
    }
    if let Command::Doctor(arguments) = &arguments.command {
        return commands::doctor::run(arguments).await;
    }
    match &arguments.command {
        Command::Init(arguments) => commands::init::run(arguments, global),
        Command::Build(arguments) => commands::build::run(arguments, global).await,
        Command::Lock(arguments) => commands::lock::run(arguments, global).await,
        Command::Push(arguments) => commands::push::run(arguments, global).await,
        Command::Pull(arguments) => commands::pull::run(arguments, global).await,
        Command::Sign(arguments) => commands::sign::run(arguments, global).await,
        Command::Verify(arguments) => commands::verify::run(arguments, global).await,
        Command::Copy(arguments) => commands::copy::run(arguments, global).await,
        Command::Tags(arguments) => commands::tags::run(arguments).await,
        Command::Index(command) => commands::index::run(command, global).await,
        Command::Registry(command) => commands::registry::run(command).await,
        Command::Export(arguments) => commands::export::run(arguments, global).await,
        Command::Check(arguments) => commands::check::run(arguments, global),
        Command::Matrix(arguments) => commands::matrix::run(arguments),
        // They have codes of their own, and were run above.
        Command::Run(_) | Command::Outdated(_) | Command::Diff(_) | Command::Doctor(_) => Ok(()),
        Command::Inspect(arguments) => commands::inspect::run(arguments, global).await,
        Command::Ls(arguments) => commands::files::ls(arguments, global).await,
        Command::Cat(arguments) => commands::files::cat(arguments, global).await,
        Command::Extract(arguments) => commands::files::extract(arguments, global).await,
        Command::Why(arguments) => commands::why::why(arguments, global).await,
        Command::Tree(arguments) => commands::why::tree(arguments, global).await,
        Command::Report(arguments) => commands::report::report(arguments, global).await,
        Command::Catalog(arguments) => commands::report::catalog(arguments, global).await,
        Command::Size(arguments) => commands::size::run(arguments, global).await,
        Command::Sbom(arguments) => commands::sbom::run(arguments, global).await,
        Command::Audit(arguments) => commands::audit::run(arguments, global).await,
        Command::Licenses(arguments) => commands::licences::run(arguments, global).await,
        Command::Conform(arguments) => commands::conform::run(arguments, global).await,
        Command::Login(arguments) => commands::login::run(arguments, global).await,
        Command::Logout { host } => commands::logout::run(host, global).await,
        Command::Schema => commands::schema::run(),
        Command::Cache(command) => commands::cache::run(command),
        Command::Man { folder } => commands::man::run(folder),
        Command::Completions { shell } => commands::completions::run(*shell),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Debug messages go to standard error, at `-v` ours, at `-vv` everybody's.
fn log(verbose: u8) {
    let filter = match verbose {
        // Why a certificate is not trusted is told by the error that follows.
        0 => "error,rustls_platform_verifier=off",
        // All crates of the house begin so.
        1 => "imgbuild=debug",
        _ => "debug",
    };
    let messages = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| shown::Log);
    // Else it tells standard error that standard error is closed, and panics.
    messages.log_internal_errors(false).without_time().init();
}
