//! `cargo xtask dist`: what people install, under `target/dist`, so that nobody has to compile.
//!
//! One program, linked statically, serves all: a wheel, a tarball, a Debian package, a conda package, and the image of the program
//! itself, which it builds. They are the same bytes whenever they are made of the same program.

mod commands;
mod conda;
mod deb;
mod elf;
mod error;
mod image;
mod licences;
mod machine;
mod program;
mod release;
mod tarball;
mod tree;
mod wheel;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub(crate) use self::error::DistError;
use self::machine::Machine;
use self::release::Release;
use self::tree::Tree;
use crate::programs::{self, Program};

/// What it takes on this machine, beside cargo and Python, and the Debian packages that bring it.
const PROGRAMS: [Program; 6] = [
    ("bash", "bash"),
    ("dpkg-deb", "dpkg"),
    ("gcc", "gcc libc6-dev"),
    ("gzip", "gzip"),
    ("strip", "binutils"),
    ("tar", "tar"),
];

/// The checksums of all others.
const SUMS: &str = "SHA256SUMS";

/// The most bytes of an image of a program that is built here.
const MOST_IMAGE: u64 = 25_000_000;

/// What makes one package.
type Maker = fn(&Release<'_>, &Path) -> Result<(), DistError>;

/// What is wished for.
#[derive(Debug, clap::Args)]
pub(crate) struct Wishes {
    /// A static program that is there, instead of one that is built.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "target")]
    program: Option<PathBuf>,
    /// A target of rustc for which everything is made beside that of this machine; can be repeated.
    #[arg(long, value_name = "TRIPLE")]
    target: Vec<String>,
    /// The folder that is written anew; `target/dist` by default.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Compress quickly, not small: for tests.
    #[arg(long)]
    quick: bool,
}

/// Makes everything of a program that is there, or of those that it builds: this machine's where no target is named.
pub(crate) fn run(workspace: &Path, wishes: &Wishes) -> Result<(), DistError> {
    programs::ensure(&PROGRAMS)?;
    // Nobody's umask is in what is made.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let (parts, quick) = (workspace.join("target/dist-parts"), wishes.quick);
    let output = wishes.output.clone().unwrap_or_else(|| workspace.join("target/dist"));
    let output = std::path::absolute(output)?;
    is_ours(&output)?;
    fs_err::create_dir_all(&parts)?;
    let lock = fs_err::File::create(parts.join(".lock"))?;
    lock.file().lock()?;
    let made = match &wishes.program {
        Some(program) => vec![given(program, &parts)?],
        None => built(workspace, &wishes.target, &parts)?,
    };
    if output.exists() {
        fs_err::remove_dir_all(&output)?;
    }
    fs_err::create_dir_all(&output)?;
    // It is ours also where something of it cannot be made.
    fs_err::write(output.join(SUMS), "")?;
    let most_image = if wishes.program.is_some() { u64::MAX } else { MOST_IMAGE };
    // The first one is this machine's: pages, completions and images are made by it.
    let Some((_, runs_here)) = made.first().cloned() else { return Err(DistError::Nothing) };
    for (machine, program) in made {
        let licences = licences::text(workspace, machine)?;
        let tree = Tree::new(workspace, &runs_here, &program, licences)?;
        let parts = parts.join(machine.target);
        make(&Release {
            workspace,
            machine,
            runs_here: &runs_here,
            tree,
            quick,
            most_image,
            parts,
            output: &output,
        })?;
    }
    let sums = sums(&output)?;
    let text: String = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    fs_err::write(output.join(SUMS), text)?;
    for (name, sum) in &sums {
        let size = fs_err::metadata(output.join(name))?.len();
        println!("{sum:.12} {:>6.1} MB  {name}", size as f64 / 1e6);
    }
    Ok(())
}

/// Whether a folder may be written anew: it is not there, or empty, or was written by this.
fn is_ours(folder: &Path) -> Result<(), DistError> {
    let is_free = !folder.exists() || fs_err::read_dir(folder)?.next().is_none();
    if is_free || folder.join(SUMS).is_file() {
        return Ok(());
    }
    Err(DistError::Occupied(folder.to_owned()))
}

/// A program that is there, for this machine.
fn given(program: &Path, parts: &Path) -> Result<(Machine, PathBuf), DistError> {
    let machine = elf::machine(program)?;
    if machine.target != machine::host()?.target {
        return Err(DistError::Foreign { program: program.to_owned(), target: machine.target });
    }
    let folder = parts.join(machine.target);
    fs_err::create_dir_all(&folder)?;
    let stripped = folder.join("imgbuild");
    commands::run(std::process::Command::new("strip").arg("-o").arg(&stripped).arg(program))?;
    Ok((machine, stripped))
}

/// The programs of targets that can be built here, this machine's first; tells which cannot.
fn built(workspace: &Path, targets: &[String], parts: &Path) -> Result<Vec<(Machine, PathBuf)>, DistError> {
    let host = machine::host()?;
    let wanted = targets.iter().map(|target| Machine::of_target(target)).collect::<Result<Vec<_>, _>>()?;
    let mut machines = vec![host];
    machines.extend(wanted.into_iter().filter(|machine| machine.target != host.target));
    let mut made = Vec::new();
    for machine in machines {
        match machine.why_not()? {
            Some(why) => eprintln!("dist: {} is skipped: {why}", machine.target),
            None => made.push((machine, program::build(workspace, machine, parts)?)),
        }
    }
    Ok(made)
}

/// Makes all packages, which wait for compressors most of the time, side by side.
fn make(release: &Release<'_>) -> Result<(), DistError> {
    let makers: [(&str, Maker); 5] = [
        ("deb", deb::make),
        ("conda", conda::make),
        ("tarball", tarball::make),
        ("wheel", wheel::make),
        ("image", image::make),
    ];
    std::thread::scope(|threads| {
        let running: Vec<_> =
            makers.iter().map(|(name, make)| threads.spawn(|| made_in(release, name, *make))).collect();
        // All are waited for, whichever fails.
        let ended: Vec<_> = running.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.into_iter().try_for_each(|it| it.unwrap_or(Err(DistError::Panic)))
    })
}

/// Makes a package in a folder of its own, of which nothing stays: each has the program in it, some twice.
fn made_in(release: &Release<'_>, name: &str, make: Maker) -> Result<(), DistError> {
    let folder = release.parts.join(name);
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    make(release, &folder)?;
    Ok(fs_err::remove_dir_all(&folder)?)
}

/// The checksums of all files of a folder, by their names.
fn sums(folder: &Path) -> Result<BTreeMap<String, String>, DistError> {
    let mut sums = BTreeMap::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == SUMS {
            continue;
        }
        let sum = hex::encode(Sha256::digest(fs_err::read(entry.path())?));
        sums.insert(entry.file_name().to_string_lossy().into_owned(), sum);
    }
    Ok(sums)
}
