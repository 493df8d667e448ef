//! What a program is made for, as its head says it (elf(5)).

use std::path::Path;

use super::error::DistError;
use super::machine::Machine;

/// The kind of program header that names the loader of shared libraries.
const INTERPRETER: u32 = 3;

/// The machine that a program is for.
///
/// # Errors
///
/// When it is none that we know, or needs shared libraries.
pub(super) fn machine(program: &Path) -> Result<Machine, DistError> {
    let bytes = fs_err::read(program)?;
    let head = Head(&bytes);
    let found = head.machine().ok_or_else(|| DistError::NoProgram(program.to_owned()))?;
    match head.has_interpreter() {
        Some(false) => Ok(found),
        Some(true) => Err(DistError::Dynamic(program.to_owned())),
        None => Err(DistError::NoProgram(program.to_owned())),
    }
}

/// A program of 64 bits, little end first.
struct Head<'a>(&'a [u8]);

impl Head<'_> {
    fn number<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }

    fn machine(&self) -> Option<Machine> {
        self.0.starts_with(b"\x7fELF\x02\x01").then_some(())?;
        Machine::of_elf(u16::from_le_bytes(self.number(18)?))
    }

    fn has_interpreter(&self) -> Option<bool> {
        let table = usize::try_from(u64::from_le_bytes(self.number(32)?)).ok()?;
        let (size, count) = (u16::from_le_bytes(self.number(54)?), u16::from_le_bytes(self.number(56)?));
        for index in 0..usize::from(count) {
            let at = table.checked_add(index * usize::from(size))?;
            if u32::from_le_bytes(self.number(at)?) == INTERPRETER {
                return Some(true);
            }
        }
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with one program header of a kind.
    fn program(machine: u16, kind: u32) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes.extend(kind.to_le_bytes());
        bytes
    }

    #[test]
    fn what_it_is_for_and_whether_it_is_static() {
        let (amd, arm) = (program(62, 1), program(183, INTERPRETER));
        assert_eq!(Head(&amd).machine().unwrap().debian, "amd64");
        assert_eq!(Head(&amd).has_interpreter(), Some(false));
        assert_eq!(Head(&arm).machine().unwrap().conda, "linux-aarch64");
        assert_eq!(Head(&arm).has_interpreter(), Some(true));
        assert!(Head(b"#!/bin/sh").machine().is_none());
        assert_eq!(Head(&amd[..60]).has_interpreter(), None);
    }

    #[test]
    fn this_test_is_no_static_program() {
        let error = machine(&std::env::current_exe().unwrap()).unwrap_err();
        assert!(error.to_string().contains("is linked dynamically"), "{error}");
    }
}
