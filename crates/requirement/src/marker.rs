//! Markers: the condition behind the `;` of a requirement (PyPA, "Dependency specifiers"). They are read here, and evaluated
//! by whoever knows the image's Python.

use std::str::FromStr;

use imgbuild_document::ValueError;

use crate::limits::{MARKER_DEPTH, REQUIREMENT_LIMIT};

/// A marker of at most 16 KiB, with at most 32 parentheses in one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    text: String,
    condition: Condition,
}

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// One of these holds.
    Any(Vec<Condition>),
    /// All of these hold.
    All(Vec<Condition>),
    /// A comparison holds.
    Comparison(Comparison),
}

/// A comparison of two values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What stands before the operator.
    pub left: MarkerValue,
    /// How they are compared.
    pub operator: MarkerOperator,
    /// What stands behind it.
    pub right: MarkerValue,
}

/// A side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkerValue {
    /// What the environment says.
    Variable(MarkerVariable),
    /// What stood in quotes.
    Text(String),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkerOperator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `~=`
    Compatible,
    /// `===`
    Identical,
    /// `in`
    In,
    /// `not in`
    NotIn,
}

/// What an environment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The specification's own names.
pub enum MarkerVariable {
    OsName,
    SysPlatform,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    PythonVersion,
    PythonFullVersion,
    ImplementationName,
    ImplementationVersion,
    Extra,
}

/// Longer ones before those that they begin with.
const OPERATORS: [(&str, MarkerOperator); 8] = [
    ("===", MarkerOperator::Identical),
    ("==", MarkerOperator::Equal),
    ("~=", MarkerOperator::Compatible),
    ("!=", MarkerOperator::NotEqual),
    ("<=", MarkerOperator::LessOrEqual),
    (">=", MarkerOperator::GreaterOrEqual),
    ("<", MarkerOperator::Less),
    (">", MarkerOperator::Greater),
];

impl MarkerVariable {
    /// Whether it is always a version (PEP 440).
    pub fn is_version(self) -> bool {
        matches!(self, Self::PythonVersion | Self::PythonFullVersion | Self::ImplementationVersion)
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            // Those with a dot, and `python_implementation`, are of the time before PEP 508.
            "os_name" | "os.name" => Self::OsName,
            "sys_platform" | "sys.platform" => Self::SysPlatform,
            "platform_machine" | "platform.machine" => Self::PlatformMachine,
            "platform_python_implementation" | "platform.python_implementation" | "python_implementation" => {
                Self::PlatformPythonImplementation
            }
            "platform_release" => Self::PlatformRelease,
            "platform_system" => Self::PlatformSystem,
            "platform_version" | "platform.version" => Self::PlatformVersion,
            "python_version" => Self::PythonVersion,
            "python_full_version" => Self::PythonFullVersion,
            "implementation_name" => Self::ImplementationName,
            "implementation_version" => Self::ImplementationVersion,
            "extra" => Self::Extra,
            _ => return None,
        })
    }
}

impl Marker {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it says.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }
}

impl FromStr for Marker {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        read(text).map_err(ValueError::new)
    }
}

/// Reads a marker. The error says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Marker, String> {
    let text = text.trim();
    if text.len() > REQUIREMENT_LIMIT {
        return Err(format!("its marker has more than {REQUIREMENT_LIMIT} bytes"));
    }
    let mut reader = Reader { rest: text };
    let condition = reader.any(MARKER_DEPTH)?;
    if !reader.rest.is_empty() {
        return Err(reader.instead_of("`and`, `or` or the end"));
    }
    Ok(Marker { text: text.to_owned(), condition })
}

/// Checks that a marker is one that a spec may have: uv evaluates it as it is meant.
pub(crate) fn check(condition: &Condition) -> Result<(), String> {
    match condition {
        Condition::Any(parts) | Condition::All(parts) => parts.iter().try_for_each(check),
        Condition::Comparison(Comparison { operator: MarkerOperator::Identical, .. }) => {
            Err("its marker compares by `===`, which uv does not know".to_owned())
        }
        Condition::Comparison(Comparison {
            left: MarkerValue::Text(_), right: MarkerValue::Text(_), ..
        }) => Err("its marker compares two texts".to_owned()),
        Condition::Comparison(_) => Ok(()),
    }
}

struct Reader<'a> {
    /// What is not yet read; it begins with no space.
    rest: &'a str,
}

impl Reader<'_> {
    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        let first = self.all(depth)?;
        let mut parts = vec![first];
        while self.word("or") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let first = self.one(depth)?;
        let mut parts = vec![first];
        while self.word("and") {
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition, String> {
        if self.take("(") {
            let inner = depth.checked_sub(1).ok_or_else(|| "its parentheses are too deep".to_owned())?;
            let condition = self.any(inner)?;
            return if self.take(")") { Ok(condition) } else { Err(self.instead_of("`)`")) };
        }
        let left = self.value()?;
        let operator = self.operator()?;
        let right = self.value()?;
        Ok(Condition::Comparison(Comparison { left, operator, right }))
    }

    fn value(&mut self) -> Result<MarkerValue, String> {
        for quote in ["'", "\""] {
            if let Some(inside) = self.rest.strip_prefix(quote) {
                let (text, behind) =
                    inside.split_once(quote).ok_or_else(|| format!("a {quote} without its partner"))?;
                self.rest = behind.trim_start();
                return Ok(MarkerValue::Text(text.to_owned()));
            }
        }
        let end = self.rest.find(|it: char| !(it.is_ascii_alphanumeric() || "_.".contains(it)));
        let word = &self.rest[..end.unwrap_or(self.rest.len())];
        let Some(variable) = MarkerVariable::named(word) else {
            return Err(self.instead_of("a variable, such as `python_version`, or a text in quotes"));
        };
        self.rest = self.rest[word.len()..].trim_start();
        Ok(MarkerValue::Variable(variable))
    }

    fn operator(&mut self) -> Result<MarkerOperator, String> {
        if self.word("in") {
            return Ok(MarkerOperator::In);
        }
        if self.word("not") && self.word("in") {
            return Ok(MarkerOperator::NotIn);
        }
        let found = OPERATORS.iter().find(|(sign, _)| self.take(sign));
        found.map(|(_, operator)| *operator).ok_or_else(|| self.instead_of("a comparison, such as `>=`"))
    }

    fn take(&mut self, mark: &str) -> bool {
        match self.rest.strip_prefix(mark) {
            Some(behind) => {
                self.rest = behind.trim_start();
                true
            }
            None => false,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let next = self.rest.strip_prefix(word).and_then(|behind| behind.chars().next());
        let whole = next.is_some_and(|it| it.is_whitespace() || "('\"".contains(it));
        whole && self.take(word)
    }

    fn instead_of(&self, wanted: &str) -> String {
        match self.rest.split_whitespace().next() {
            Some(found) => format!("its marker has `{found}` in the place of {wanted}"),
            None => format!("its marker ends before {wanted}"),
        }
    }
}

/// Several conditions as one; one alone is itself.
fn joined(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    /// Reads it as that of a spec.
    fn check(text: &str) -> Result<(), String> {
        super::check(super::read(text)?.condition())
    }

    #[test]
    fn markers_are_those_of_the_specification() {
        for good in [
            "python_version < '3.12'",
            "python_version<'3.12'and os_name==\"posix\"",
            "'linux' in sys_platform",
            "sys_platform not in 'win32 cygwin'",
            "(python_version >= \"3.8\" or extra == 'x') and (os_name == 'posix')",
            "python_full_version ~= '3.8.1'",
            "os.name == 'posix'",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, rule) in [
            ("", "ends before a variable"),
            ("python_version", "ends before a comparison"),
            ("python_versio < '3'", "`python_versio` in the place of a variable"),
            ("python_version < 3.12", "`3.12` in the place of a variable"),
            ("python_version < '3.12", "a ' without its partner"),
            ("'a' == 'b'", "compares two texts"),
            ("os_name == 'a' os_name == 'b'", "`os_name` in the place of `and`"),
            ("(os_name == 'a'", "ends before `)`"),
            ("os_name == 'a')", "`)` in the place of `and`"),
            ("os_name not 'a'", "in the place of a comparison"),
            ("os_name === 'a'", "which uv does not know"),
            ("os_name ==== 'a'", "`=` in the place of a variable"),
            (&format!("{}os_name == 'a'{}", "(".repeat(33), ")".repeat(33)), "too deep"),
            (&"(".repeat(200_000), "more than 16384 bytes"),
        ] {
            assert!(check(bad).unwrap_err().contains(rule), "{bad}: {:?}", check(bad));
        }
    }
}
