//! Relations between packages: `Depends` and its kin (`deb-control(5)`, Debian policy 7).

use std::fmt;

use crate::Version;

/// How a version must compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// One package of a relation: `libc6:any (>= 2.34)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The package's name.
    pub name: String,
    /// The architecture qualifier, such as `any`.
    pub qualifier: Option<String>,
    /// The versions that are meant; all where there is nothing.
    pub version: Option<(Operator, Version)>,
}

/// A text that is not a relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a relation between packages")]
pub struct RelationError(pub String);

impl Operator {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "<<" => Self::Earlier,
            // `<` and `>` are what they were in 1996, when they meant `<=` and `>=`.
            "<=" | "<" => Self::EarlierOrEqual,
            "=" => Self::Equal,
            ">=" | ">" => Self::LaterOrEqual,
            ">>" => Self::Later,
            _ => return None,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}

impl Relation {
    fn read(text: &str) -> Result<Self, RelationError> {
        let error = || RelationError(text.to_owned());
        let (head, version) = match text.split_once('(') {
            None => (text, None),
            Some((head, rest)) => {
                let inner = rest.trim_end().strip_suffix(')').ok_or_else(error)?.trim();
                let at = inner.find(|it: char| !"<>=".contains(it)).ok_or_else(error)?;
                let operator = Operator::read(&inner[..at]).ok_or_else(error)?;
                let version = inner[at..].trim().parse().map_err(|_| error())?;
                (head, Some((operator, version)))
            }
        };
        let head = head.trim();
        let (name, qualifier) = match head.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
            None => (head, None),
        };
        let allowed = |it: char| it.is_ascii_alphanumeric() || "+-.".contains(it);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(error());
        }
        Ok(Self { name: name.to_owned(), qualifier, version })
    }

    /// Reads a list of alternatives: `a, b | c (>= 2)`.
    ///
    /// # Errors
    ///
    /// When a part is not a relation.
    pub fn read_list(text: &str) -> Result<Vec<Vec<Self>>, RelationError> {
        let groups = text.split(',').map(str::trim).filter(|group| !group.is_empty());
        groups.map(|group| group.split('|').map(|it| Self::read(it.trim())).collect()).collect()
    }

    /// Whether a package of this version is meant.
    pub fn allows(&self, have: &Version) -> bool {
        match &self.version {
            None => true,
            Some((Operator::Earlier, want)) => have < want,
            Some((Operator::EarlierOrEqual, want)) => have <= want,
            Some((Operator::Equal, want)) => have == want,
            Some((Operator::LaterOrEqual, want)) => have >= want,
            Some((Operator::Later, want)) => have > want,
        }
    }
}

impl fmt::Display for Relation {
    /// As dpkg writes it into its status file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        if let Some((operator, version)) = &self.version {
            write!(f, " ({} {version})", operator.as_str())?;
        }
        Ok(())
    }
}

/// Alternatives as they are written.
pub(crate) fn show(alternatives: &[Relation]) -> String {
    alternatives.iter().map(Relation::to_string).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_and_written() {
        let list = Relation::read_list("a(>=1) , b:any | c (<< 2~),d").unwrap();
        let shown: Vec<_> = list.iter().map(|group| show(group)).collect();
        assert_eq!(shown, ["a (>= 1)", "b:any | c (<< 2~)", "d"]);
        assert!(list[0][0].allows(&"1.0".parse().unwrap()));
        assert!(!list[1][1].allows(&"2".parse().unwrap()));
        for wrong in ["a (1)", "a (>= )", "a b", "(>= 1)", "a (>= 1"] {
            assert!(Relation::read_list(wrong).is_err(), "{wrong}");
        }
    }
}
