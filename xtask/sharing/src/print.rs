//! The tables of a year.

use std::fmt::Write as _;

use crate::SharingError;
use crate::counting::{Moved, Outcome, play};
use crate::policy::{Constants, Policy};
use crate::year::{Week, weeks};

/// The sizes, in MiB, from which a package has a layer of its own, and the numbers of groups, that are tried beside the usual ones.
const LEAST: [u64; 5] = [2, 4, 8, 16, 32];
const GROUPS: [u32; 5] = [1, 2, 4, 8, 16];

/// The budgets that are tried.
const BUDGETS: [u32; 4] = [32, 40, 48, 64];

/// The most layers that a spec may ask for: so many that no other constant has to yield.
const MOST: u32 = 120;

/// The line and the way that time is told for.
const BYTES_PER_SECOND: f64 = 12.5e6;
const SECONDS_PER_REQUEST: f64 = 0.05;

/// All tables.
///
/// # Errors
///
/// When the data cannot be read.
pub(crate) fn year() -> Result<String, SharingError> {
    let weeks = weeks()?;
    let images = weeks.first().map_or(0, Vec::len);
    let mut text = format!(
        "{images} images, rebuilt in each of {} weeks: to one registry, from there to one host that has all of them, and to hosts with one each\n\n",
        weeks.len()
    );
    heading(&mut text, "way");
    let of_budget = |budget| Policy::Own(Constants { budget, ..Constants::USUAL });
    let ways = [
        ("ours".to_owned(), of_budget(Constants::USUAL.budget)),
        ("ours, `budget = 120`".to_owned(), of_budget(MOST)),
        ("apko's, 39 and one on top".to_owned(), Policy::Largest { budget: 39 }),
        ("apko's, 25 and one on top".to_owned(), Policy::Largest { budget: 25 }),
        ("apko's, 10 and one on top".to_owned(), Policy::Largest { budget: 10 }),
        ("a layer for each package".to_owned(), Policy::Each),
        ("one layer".to_owned(), Policy::One),
    ];
    for (name, policy) in ways {
        row(&mut text, &name, &weeks, policy)?;
    }
    let constants = Constants { budget: MOST, ..Constants::USUAL };
    text.push('\n');
    heading(&mut text, "ours, alone from … MiB on");
    for least in LEAST {
        let policy = Policy::Own(Constants { least: least << 20, ..constants });
        row(&mut text, &format!("{least}"), &weeks, policy)?;
    }
    text.push('\n');
    heading(&mut text, "ours, small ones in … groups");
    for groups in GROUPS {
        row(&mut text, &format!("{groups}"), &weeks, Policy::Own(Constants { groups, ..constants }))?;
    }
    text.push('\n');
    heading(&mut text, "ours, with a budget");
    for budget in BUDGETS {
        row(&mut text, &format!("of {budget} layers"), &weeks, of_budget(budget))?;
    }
    Ok(text)
}

fn heading(text: &mut String, name: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(
        text,
        "{name:<28} {:>9} {:>24} {:>34} {:>12} {:>12}",
        "first push", "pushed in a year", "pulled by one host", "by each", "layers"
    );
}

fn row(text: &mut String, name: &str, weeks: &[Week], policy: Policy) -> Result<(), SharingError> {
    let outcome = play(weeks, policy)?;
    let Outcome { first_push, pushed, pulled, pulled_apart, .. } = &outcome;
    let _ = writeln!(
        text,
        "{name:<28} {:>6.2} GB {:>8.2} GB {:>7} req. {:>8.2} GB {:>6} req. {:>5.1} min {:>9.2} GB {:>5.1} ≤ {:>3}",
        gigabytes(first_push),
        gigabytes(pushed),
        pushed.requests,
        gigabytes(pulled),
        pulled.requests,
        minutes(pulled),
        gigabytes(pulled_apart),
        outcome.layers as f64 / outcome.images as f64,
        outcome.most
    );
    Ok(())
}

fn gigabytes(moved: &Moved) -> f64 {
    moved.bytes as f64 / 1e9
}

/// How long it takes on one line, one request after the other.
fn minutes(moved: &Moved) -> f64 {
    (moved.bytes as f64 / BYTES_PER_SECOND + moved.requests as f64 * SECONDS_PER_REQUEST) / 60.0
}
