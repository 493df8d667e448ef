//! What is done to a good document, such that little of it is lost: most of what comes gets past the first checks.

use proptest::prelude::*;

/// Values at which numbers go wrong, as they are written in text.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1",
    "00000000000",
    "77777777777",
    "127",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "1e999",
];

/// Bytes at which they go wrong in binary.
const BYTES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'/', b'.', b'\n'];

/// One change. Positions are parts of the whole, out of 2^32.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Flip { at: u32, bit: u8 },
    Byte { at: u32, which: usize },
    Number { at: u32, which: usize },
    Token { at: u32, which: usize, replace: u8 },
    Remove { at: u32, length: u16 },
    Repeat { at: u32, length: u16, times: u16 },
    Move { from: u32, length: u16, to: u32 },
    Line { from: u32, to: u32, remove: bool },
    Truncate { at: u32 },
}

/// Some changes: more of them where fewer find nothing.
pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let length = || prop_oneof![4 => 1_u16..16, 2 => 16_u16..600, 1 => any::<u16>()];
    let times = prop_oneof![6 => 1_u16..4, 1 => 4_u16..2000];
    let mutation = prop_oneof![
        3 => (any::<u32>(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        3 => (any::<u32>(), 0..BYTES.len()).prop_map(|(at, which)| Mutation::Byte { at, which }),
        3 => (any::<u32>(), 0..NUMBERS.len()).prop_map(|(at, which)| Mutation::Number { at, which }),
        4 => (any::<u32>(), any::<usize>(), 0_u8..24)
            .prop_map(|(at, which, replace)| Mutation::Token { at, which, replace }),
        2 => (any::<u32>(), length()).prop_map(|(at, length)| Mutation::Remove { at, length }),
        2 => (any::<u32>(), length(), times)
            .prop_map(|(at, length, times)| Mutation::Repeat { at, length, times }),
        2 => (any::<u32>(), length(), any::<u32>())
            .prop_map(|(from, length, to)| Mutation::Move { from, length, to }),
        3 => (any::<u32>(), any::<u32>(), any::<bool>())
            .prop_map(|(from, to, remove)| Mutation::Line { from, to, remove }),
        1 => any::<u32>().prop_map(|at| Mutation::Truncate { at }),
    ];
    prop::collection::vec(mutation, 1..5)
}

/// A document with the changes in it. `tokens` are the words of its language.
pub(crate) fn mutated(document: &[u8], mutations: &[Mutation], tokens: &[&str]) -> Vec<u8> {
    let mut bytes = document.to_vec();
    for mutation in mutations {
        apply(&mut bytes, mutation, tokens);
    }
    bytes
}

fn apply(bytes: &mut Vec<u8>, mutation: &Mutation, tokens: &[&str]) {
    let place = |at: u32, bytes: &[u8]| ((u64::from(at) * bytes.len() as u64) >> 32) as usize;
    let range = |at: u32, length: u16, bytes: &[u8]| {
        let start = place(at, bytes);
        start..bytes.len().min(start + usize::from(length))
    };
    match *mutation {
        Mutation::Flip { at, bit } => {
            let at = place(at, bytes);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
        }
        Mutation::Byte { at, which } => {
            let at = place(at, bytes);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = BYTES[which]);
        }
        Mutation::Number { at, which } => {
            let at = place(at, bytes);
            let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else {
                return;
            };
            let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            bytes.splice(start..start + digits, NUMBERS[which].bytes());
        }
        Mutation::Token { at, which, replace } => {
            let Some(token) = tokens.get(which % tokens.len().max(1)) else { return };
            let range = range(at, u16::from(replace), bytes);
            bytes.splice(range, token.bytes());
        }
        Mutation::Remove { at, length } => drop(bytes.drain(range(at, length, bytes))),
        Mutation::Repeat { at, length, times } => {
            let range = range(at, length, bytes);
            // What is repeated thousands of times is short.
            let times = usize::from(times).min(100_000 / range.len().max(1)).max(1);
            let again = bytes[range.clone()].repeat(times);
            bytes.splice(range.end..range.end, again);
        }
        Mutation::Move { from, length, to } => {
            let moved: Vec<u8> = bytes.drain(range(from, length, bytes)).collect();
            let to = place(to, bytes);
            bytes.splice(to..to, moved);
        }
        Mutation::Line { from, to, remove } => {
            let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
            let at = |at: u32, lines: &[&[u8]]| ((u64::from(at) * lines.len() as u64) >> 32) as usize;
            let Some(line) = lines.get(at(from, &lines)).copied() else { return };
            if remove {
                lines.remove(at(from, &lines));
            }
            lines.insert(at(to, &lines), line);
            *bytes = lines.concat();
        }
        Mutation::Truncate { at } => bytes.truncate(place(at, bytes)),
    }
}
