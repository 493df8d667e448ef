//! One part of a build that many machines share.

use std::fmt;
use std::str::FromStr;

use miette::Diagnostic;

/// One of several parts of a build: which, and of how many. There is no third part of two.
///
/// People and `Display` number shards from 1, as `2/8`; programs by [`Self::index`], from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// What is said of a shard is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
pub enum WrongShard {
    /// It is not written as one.
    #[error("`{0}` is not `I/N`, such as `1/8` for the first of eight")]
    Form(String),
    /// There is none of that number.
    #[error("`{text}` is none of {count} shards: they are numbered from 1")]
    Outside {
        /// How it was written.
        text: String,
        /// How many there are.
        count: u32,
    },
}

impl Shard {
    /// The shard with this index, from 0, of so many; nothing where there is none.
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }

    /// Which of the shards it is, from 0.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many shards there are: at least one.
    pub const fn count(self) -> u32 {
        self.count
    }
}

impl FromStr for Shard {
    type Err = WrongShard;

    fn from_str(text: &str) -> Result<Self, WrongShard> {
        let number =
            |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|it| it.is_ascii_digit()));
        let form = || WrongShard::Form(text.to_owned());
        let (shard, count) = text.split_once('/').ok_or_else(form)?;
        let (shard, count) = number(shard).zip(number(count)).ok_or_else(form)?;
        let found = shard.checked_sub(1).and_then(|index| Self::new(index, count));
        found.ok_or_else(|| WrongShard::Outside { text: text.to_owned(), count })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(index in 0..500_u32, count in 1..500_u32) {
            match Shard::new(index, count) {
                Some(shard) => prop_assert_eq!(shard.to_string().parse(), Ok(shard)),
                None => prop_assert!(index >= count),
            }
        }

        #[test]
        fn nothing_is_a_shard_that_is_not_below_its_count(text in "[0-9/+ -]{0,6}") {
            if let Ok(shard) = text.parse::<Shard>() {
                prop_assert!(shard.index() < shard.count());
            }
        }
    }

    #[test]
    fn what_is_none_is_told() {
        let told = |text: &str| text.parse::<Shard>().map_err(|error| error.to_string()).unwrap_err();
        let all = ["", "3", "a/b", "1/", "+1/2", "-1/2", "1/99999999999"];
        for text in all {
            assert_eq!(told(text), format!("`{text}` is not `I/N`, such as `1/8` for the first of eight"));
        }
        assert_eq!(told("0/8"), "`0/8` is none of 8 shards: they are numbered from 1");
        assert_eq!(told("9/8"), "`9/8` is none of 8 shards: they are numbered from 1");
        assert_eq!(told("1/0"), "`1/0` is none of 0 shards: they are numbered from 1");
    }
}
