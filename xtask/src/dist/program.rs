//! The program, linked so that it runs on every Linux.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::commands;
use super::elf;
use super::error::DistError;
use super::licences;
use super::machine::{self, Machine};

/// Builds the program of a release for a machine: optimised as a whole, static, without symbols.
pub(super) fn build(workspace: &Path, machine: Machine, parts: &Path) -> Result<PathBuf, DistError> {
    let folder = parts.join(machine.target);
    fs_err::create_dir_all(&folder)?;
    let (names, compiler) = (folder.join("names.o"), machine.compiler()?);
    let mut compile = Command::new(&compiler);
    commands::run(compile.args(["-O2", "-c", "-o"]).arg(&names).arg(workspace.join("xtask/dist/names.c")))?;

    let mut cargo = Command::new("cargo");
    cargo.args([
        "rustc",
        "--profile",
        "production",
        "--locked",
        "--package",
        "imgbuild",
        "--bin",
        "imgbuild",
    ]);
    let mut built = licences::target_folder(workspace)?;
    if machine.target != machine::host()?.target {
        let variable = machine.target.replace('-', "_");
        cargo.args(["--target", machine.target]);
        cargo.env(format!("CC_{variable}"), &compiler);
        cargo.env(format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase()), &compiler);
        built.push(machine.target);
    }
    cargo.args(["--", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-C"]);
    cargo.arg(format!("link-arg={}", names.display())).current_dir(workspace);
    commands::run(&mut cargo)?;

    // The next one writes over it.
    let program = folder.join("imgbuild");
    fs_err::copy(built.join("production/imgbuild"), &program)?;
    elf::machine(&program)?;
    Ok(program)
}
