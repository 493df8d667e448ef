//! Whether a marker holds ("Dependency specifiers", environment markers).

use std::str::FromStr;

use imgbuild_requirement::{Comparison, Condition, Marker, MarkerOperator, MarkerValue, MarkerVariable};
use pep440_rs::{Operator, Version, VersionPattern, VersionSpecifier};

use crate::choosing::environment::Environment;
use crate::wheel::filename::normalized;

impl Environment {
    /// Whether a condition holds where these extras, by their normalised names, are active.
    pub fn holds(&self, marker: &Marker, extras: &[String]) -> bool {
        holds(marker.condition(), self, extras)
    }
}

/// Whether a condition holds. `extras` are all that are active, normalised.
fn holds(condition: &Condition, environment: &Environment, extras: &[String]) -> bool {
    match condition {
        Condition::Any(parts) => parts.iter().any(|part| holds(part, environment, extras)),
        Condition::All(parts) => parts.iter().all(|part| holds(part, environment, extras)),
        Condition::Comparison(comparison) => compare(comparison, environment, extras),
    }
}

fn compare(comparison: &Comparison, environment: &Environment, extras: &[String]) -> bool {
    let Comparison { left, operator, right } = comparison;
    let is_extra = |value: &MarkerValue| *value == MarkerValue::Variable(MarkerVariable::Extra);
    if !is_extra(left) && !is_extra(right) {
        let is_version = |value: &MarkerValue| matches!(value, MarkerValue::Variable(it) if it.is_version());
        let among_versions = is_version(left) || is_version(right);
        let value = |value| value_of(value, environment, "");
        let (left, right) = (value(left), value(right));
        return versions(left, *operator, right).unwrap_or_else(|| match operator {
            // `'3.8' < '3.11.*'`: as texts they would have an order, and it would mean nothing.
            MarkerOperator::Less
            | MarkerOperator::LessOrEqual
            | MarkerOperator::Greater
            | MarkerOperator::GreaterOrEqual
                if among_versions =>
            {
                false
            }
            operator => texts(left, *operator, right),
        });
    }
    // One extra that fits is enough, and `!=` says that none does. Where none is active, the variable is empty.
    let (operator, negated) = match operator {
        MarkerOperator::NotEqual => (MarkerOperator::Equal, true),
        MarkerOperator::NotIn => (MarkerOperator::In, true),
        operator => (*operator, false),
    };
    let fits = |extra: &str| {
        let value = |value| normalized(value_of(value, environment, extra));
        texts(&value(left), operator, &value(right))
    };
    let any = if extras.is_empty() { fits("") } else { extras.iter().any(|extra| fits(extra)) };
    any != negated
}

fn value_of<'a>(value: &'a MarkerValue, environment: &'a Environment, extra: &'a str) -> &'a str {
    match value {
        MarkerValue::Text(text) => text,
        MarkerValue::Variable(MarkerVariable::Extra) => extra,
        MarkerValue::Variable(variable) => environment.value(*variable),
    }
}

/// Compares as PEP 440 says; nothing where that says nothing.
fn versions(left: &str, operator: MarkerOperator, right: &str) -> Option<bool> {
    let operator = match operator {
        MarkerOperator::Equal => Operator::Equal,
        MarkerOperator::NotEqual => Operator::NotEqual,
        MarkerOperator::Less => Operator::LessThan,
        MarkerOperator::LessOrEqual => Operator::LessThanEqual,
        MarkerOperator::Greater => Operator::GreaterThan,
        MarkerOperator::GreaterOrEqual => Operator::GreaterThanEqual,
        MarkerOperator::Compatible => Operator::TildeEqual,
        MarkerOperator::Identical | MarkerOperator::In | MarkerOperator::NotIn => return None,
    };
    let pattern = VersionPattern::from_str(right.trim()).ok()?;
    let specifier = VersionSpecifier::from_pattern(operator, pattern).ok()?;
    Some(specifier.contains(&Version::from_str(left).ok()?))
}

/// Compares as Python compares texts.
fn texts(left: &str, operator: MarkerOperator, right: &str) -> bool {
    match operator {
        MarkerOperator::Equal | MarkerOperator::Identical => left == right,
        MarkerOperator::NotEqual => left != right,
        MarkerOperator::Less => left < right,
        MarkerOperator::LessOrEqual => left <= right,
        MarkerOperator::Greater => left > right,
        MarkerOperator::GreaterOrEqual => left >= right,
        MarkerOperator::In => right.contains(left),
        MarkerOperator::NotIn => !right.contains(left),
        // Only versions are compatible with one another.
        MarkerOperator::Compatible => false,
    }
}
