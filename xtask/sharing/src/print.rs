//! The tables of a year.

use std::fmt::Write as _;

use crate::SharingError;
use crate::counting::{Moved, Outcome, play};
use crate::policy::{Constants, Order, Policy};
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
        "{images} images, rebuilt in each of {} weeks: to one registry, from there to one host that has all of them, and to hosts \
         with one each\n\n",
        weeks.len()
    );
    ways(&mut text, &weeks)?;
    constants(&mut text, &weeks)?;
    orders(&mut text, &weeks)?;
    Ok(text)
}

/// Ours beside other ways.
fn ways(text: &mut String, weeks: &[Week]) -> Result<(), SharingError> {
    heading(text, "way");
    let ways = [
        ("ours", Policy::Own(Constants::USUAL)),
        ("ours, `budget = 120`", Policy::Own(Constants { budget: MOST, ..Constants::USUAL })),
        ("apko's, 39 and one on top", Policy::Largest { budget: 39 }),
        ("apko's, 25 and one on top", Policy::Largest { budget: 25 }),
        ("apko's, 10 and one on top", Policy::Largest { budget: 10 }),
        ("a layer for each package", Policy::Each),
        ("one layer", Policy::One),
    ];
    ways.into_iter().try_for_each(|(name, policy)| row(text, name, weeks, policy))
}

/// Ours with other constants.
fn constants(text: &mut String, weeks: &[Week]) -> Result<(), SharingError> {
    let constants = Constants { budget: MOST, ..Constants::USUAL };
    text.push('\n');
    heading(text, "ours, alone from … MiB on");
    for least in LEAST {
        let policy = Policy::Own(Constants { least: least << 20, ..constants });
        row(text, &least.to_string(), weeks, policy)?;
    }
    text.push('\n');
    heading(text, "ours, small ones in … groups");
    for groups in GROUPS {
        row(text, &groups.to_string(), weeks, Policy::Own(Constants { groups, ..constants }))?;
    }
    text.push('\n');
    heading(text, "ours, with a budget");
    for budget in BUDGETS {
        let policy = Policy::Own(Constants { budget, ..Constants::USUAL });
        row(text, &format!("of {budget} layers"), weeks, policy)?;
    }
    Ok(())
}

/// What engines pull and unpack that know a layer by those below it, in several orders of the same layers.
fn orders(text: &mut String, weeks: &[Week]) -> Result<(), SharingError> {
    let of_order = |order| Policy::Own(Constants { order, ..Constants::USUAL });
    let orders = [
        ("ours: the large ones first", of_order(Order::Sizes)),
        ("ours, roles, then large ones", of_order(Order::SizesInRoles)),
        ("format version 2: roles", of_order(Order::Roles)),
        ("apko's, 39 and one on top", Policy::Largest { budget: 39 }),
        ("one layer", Policy::One),
    ];
    // Writing to a text does not fail.
    let _ = writeln!(
        text,
        "\nwhere all above a new layer is new {:>19} {:>12} {:>22} {:>12}",
        "pulled by one host", "by each", "unpacked by one host", "by each"
    );
    for (name, policy) in orders {
        let Outcome { restacked, restacked_apart, .. } = play(weeks, policy)?;
        let numbers = [restacked.bytes, restacked_apart.bytes, restacked.unpacked, restacked_apart.unpacked];
        let [one, each, unpacked, unpacked_each] = numbers.map(|bytes| bytes as f64 / 1e9);
        let _ = writeln!(
            text,
            "{name:<34} {one:>16.2} GB {each:>9.2} GB {unpacked:>19.2} GB {unpacked_each:>9.2} GB"
        );
    }
    Ok(())
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
