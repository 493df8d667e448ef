//! `imgbuild completions`.

use clap::CommandFactory;

use super::print;
use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) fn run(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "imgbuild", &mut script);
    print(&String::from_utf8_lossy(&script))
}
