//! What is measured, and how it is printed.

use super::{Bench, BenchError, Measured, RUNS};

/// What is measured before a run of a row: nothing, but layers and bytecode are removed.
type Forget = fn(&Bench) -> Result<(), BenchError>;

/// The rows whose time is the program's own: what each is, what is forgotten before it, and the spec.
const ENVIRONMENT: [(&str, Forget, &str); 5] = [
    ("environment: archives in the store, no layers", |bench| bench.forget(true, false), "plain"),
    ("the same with the Debian base's layers", |bench| bench.forget(false, false), "plain"),
    ("warm rebuild: what is there already is left as it is", |_| Ok(()), "plain"),
    ("environment with bytecode, none known", |bench| bench.forget(true, true), "bytecode"),
    ("environment with bytecode, all known", |bench| bench.forget(true, false), "bytecode"),
];
const BASE: (&str, Forget, &str) =
    ("Debian base: archives in the store, no layers", |bench| bench.forget(false, false), "base");
const WHEELS: [(&str, Forget, &str); 3] = [
    (
        "wheels: archives in the store, no layers of them",
        |bench| bench.forget_wheels("wheels", false),
        "wheels",
    ),
    (
        "wheels with bytecode, none known",
        |bench| bench.forget_wheels("wheels-bytecode", true),
        "wheels-bytecode",
    ),
    (
        "wheels with bytecode, all known",
        |bench| bench.forget_wheels("wheels-bytecode", false),
        "wheels-bytecode",
    ),
];
const LARGE: (&str, Forget, &str) =
    ("one wheel of 900 MB", |bench| bench.forget_wheels("large", false), "large");

/// A program, and maybe another one that is measured in turn with it.
pub(super) struct Rows {
    pub(super) bench: Bench,
    pub(super) other: Option<Bench>,
    /// Seconds that nobody can go below.
    pub(super) limit: f64,
}

impl Rows {
    /// Measures everything, and prints each row when it is known.
    pub(super) fn print(&self) -> Result<(), BenchError> {
        let bench = &self.bench;
        println!("{:<58} {:>10} {:>8} {:>10}", "", "time", "limit", "memory");
        println!(
            "{:<58} {:>8.2} s {:>6.2} x",
            "limit: hash, decompress, hash, compress, hash", self.limit, 1.0
        );
        let mut environment = Vec::new();
        for row in ENVIRONMENT {
            environment.push(self.row(row)?.seconds);
        }
        let delivered = bench.measure(&["sha256sum", "plain-latest.tar"])?;
        println!("{:<58} {:>8.2} s", "  `sha256sum` of the same image", delivered.seconds);
        self.row(BASE)?;
        self.show("mmdebstrap of the same packages, from this disk", bench.mmdebstrap()?);
        println!();
        for (name, size) in bench.base_sizes()? {
            println!("{:<58} {:>8.1} MB", format!("  the {name} image, compressed"), size as f64 / 1e6);
        }
        for row in WHEELS {
            self.row(row)?;
        }
        self.show("`uv pip install` of the same wheels, into a folder", bench.uv()?);
        println!();
        self.row(LARGE)?;
        for (name, spec) in [("with bytecode", "wheels-bytecode"), ("without", "wheels")] {
            let seconds = bench.import(spec)?;
            println!(
                "{:<58} {seconds:>8.2} s",
                format!("  import numpy, pandas, scipy in the image, {name}")
            );
        }
        for (name, spec) in [("with bytecode", "start-bytecode"), ("without", "start")] {
            let seconds = bench.start(spec)?;
            println!(
                "{:<58} {seconds:>8.2} s",
                format!("  from `imgbuild run` to an answer of Jupyter, {name}")
            );
        }
        let seconds = bench.start_of_folder()?;
        println!("{:<58} {seconds:>8.2} s", "  the same of uv's folder on this machine, without bytecode");
        let compileall = bench.compileall()?;
        if let [cold, _, _, bytecode, _] = environment[..] {
            println!("{:<58} {:>8.2} s", "  what the bytecode adds", bytecode - cold);
        }
        println!("{:<58} {compileall:>8.2} s", "  python -m compileall of the same files, on every core");
        Ok(())
    }

    /// Measures a row, the two programs in turn, each first every other time. The fastest run counts, as the one that the rest
    /// of the machine disturbed least; beside another program, the median of what each pair of runs says.
    fn row(&self, (name, forget, spec): (&str, Forget, &str)) -> Result<Measured, BenchError> {
        let run = |bench: &Bench| {
            forget(bench)?;
            bench.build(spec)
        };
        let mut runs = Vec::new();
        let mut ratios = Vec::new();
        for turn in 0..RUNS * if self.other.is_some() { 3 } else { 1 } {
            let before = if turn % 2 == 0 { self.other.as_ref().map(run).transpose()? } else { None };
            let measured = run(&self.bench)?;
            let after = if turn % 2 == 1 { self.other.as_ref().map(run).transpose()? } else { None };
            ratios.extend(before.or(after).map(|other| measured.seconds / other.seconds));
            runs.push(measured);
        }
        let best = runs.into_iter().min_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let best = best.ok_or_else(|| BenchError::Output("no run".to_owned()))?;
        self.show(name, best);
        ratios.sort_by(f64::total_cmp);
        match ratios[..] {
            [] => println!(),
            [least, .., most] => println!(
                " {:>6.3} x the other ({least:.3} to {most:.3}, {} pairs)",
                ratios[ratios.len() / 2],
                ratios.len()
            ),
            [only] => println!(" {only:>6.3} x the other (one pair)"),
        }
        Ok(best)
    }

    fn show(&self, name: &str, measured: Measured) {
        let memory = measured.memory as f64 / 1e6;
        print!(
            "{name:<58} {:>8.2} s {:>6.2} x {memory:>7.0} MB",
            measured.seconds,
            measured.seconds / self.limit
        );
    }
}
