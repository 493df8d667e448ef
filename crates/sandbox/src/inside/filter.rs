//! The system calls that a command must not make.
//!
//! What a command may do is decided by its namespaces and by the capabilities that it lacks. This filter is for what
//! they do not cover: keys, which have no namespace; parts of the kernel that had most of the holes of the last years and
//! that no build needs; input that is typed into somebody else's terminal. Mounting is there as a second fence.

use seccompiler::{BpfProgram, apply_filter, sock_filter};

use crate::wire::Failure;

/// The architectures that a kernel of ours may be asked by, with their numbers of a call: x86-64, i386, arm64, arm.
/// Nothing where an architecture lacks it. The numbers are those of the kernel's `syscall.tbl`.
type Numbers = [Option<u32>; 4];

/// `AUDIT_ARCH_*` of linux/audit.h, in the order of [`Numbers`].
const ARCHITECTURES: [u32; 4] = [0xC000_003E, 0x4000_0003, 0xC000_00B7, 0x4000_0028];
const X86_64: u32 = ARCHITECTURES[0];
/// Calls by the x32 interface bear this bit; no kernel of a distribution offers it.
const X32: u32 = 0x4000_0000;

const fn all(x86_64: u32, i386: u32, arm64: u32, arm: u32) -> Numbers {
    [Some(x86_64), Some(i386), Some(arm64), Some(arm)]
}

const fn same(number: u32) -> Numbers {
    all(number, number, number, number)
}

const DENIED: [Numbers; 28] = [
    all(248, 286, 217, 309),                     // add_key
    all(249, 287, 218, 310),                     // request_key
    all(250, 288, 219, 311),                     // keyctl
    all(321, 357, 280, 386),                     // bpf
    all(298, 336, 241, 364),                     // perf_event_open
    all(323, 374, 282, 388),                     // userfaultfd
    same(425),                                   // io_uring_setup
    same(426),                                   // io_uring_enter
    same(427),                                   // io_uring_register
    all(246, 283, 104, 347),                     // kexec_load
    [Some(320), None, Some(294), Some(401)],     // kexec_file_load
    all(175, 128, 105, 128),                     // init_module
    all(313, 350, 273, 379),                     // finit_module
    all(176, 129, 106, 129),                     // delete_module
    all(304, 342, 265, 371),                     // open_by_handle_at
    all(165, 21, 40, 21),                        // mount
    all(166, 52, 39, 52),                        // umount2
    [None, Some(22), None, Some(22)],            // umount
    all(155, 217, 41, 218),                      // pivot_root
    same(428),                                   // open_tree
    same(429),                                   // move_mount
    same(430),                                   // fsopen
    same(431),                                   // fsconfig
    same(432),                                   // fsmount
    same(433),                                   // fspick
    same(442),                                   // mount_setattr
    all(308, 346, 268, 375),                     // setns
    [Some(180), Some(169), Some(42), Some(169)], // nfsservctl, which no kernel has any more
];
/// Calls that are denied with some values of an argument: where it stands in `struct seccomp_data`, and the values.
const DENIED_WITH: [(Numbers, u32, &[u32]); 3] = [
    (all(16, 54, 29, 54), SECOND_ARGUMENT, &[TIOCSTI, TIOCLINUX]), // ioctl
    (all(41, 359, 198, 281), FIRST_ARGUMENT, &[AF_VSOCK]),         // socket
    // The older way to the same: its arguments are in memory, where no filter can look.
    ([None, Some(102), None, None], FIRST_ARGUMENT, &[SYS_SOCKET]), // socketcall
];
/// ioctl_tty(2): typing into a terminal, and the console's own menu of such things.
const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541C;
/// vsock(7): to the hypervisor and its other guests, which no network namespace keeps out.
const AF_VSOCK: u32 = 40;
const SYS_SOCKET: u32 = 1;

// linux/bpf_common.h and linux/seccomp.h.
const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7FFF_0000;
const EPERM: u32 = 0x0005_0000 | 1;
const ENOSYS: u32 = 0x0005_0000 | 38;
/// Offsets in `struct seccomp_data`: of arguments the lower half, which is all that the kernel reads of these.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const SECOND_ARGUMENT: u32 = 24;

const fn step(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

/// Denies where the value at hand is `k`.
fn deny(program: &mut BpfProgram, code: u16, k: u32) {
    program.push(sock_filter { code, jt: 0, jf: 1, k });
    program.push(step(RETURN, EPERM));
}

fn program() -> BpfProgram {
    let mut program = vec![step(LOAD, ARCHITECTURE)];
    for (index, architecture) in ARCHITECTURES.into_iter().enumerate() {
        let mut block = vec![step(LOAD, NUMBER)];
        if architecture == X86_64 {
            deny(&mut block, AT_LEAST, X32);
        }
        for number in DENIED.iter().filter_map(|numbers| numbers[index]) {
            deny(&mut block, EQUAL, number);
        }
        for (numbers, argument, values) in DENIED_WITH {
            let Some(number) = numbers[index] else { continue };
            let mut rule = vec![step(LOAD, argument)];
            values.iter().for_each(|value| deny(&mut rule, EQUAL, *value));
            rule.push(step(RETURN, ALLOW));
            let over = u8::try_from(rule.len()).unwrap_or(u8::MAX);
            block.push(sock_filter { code: EQUAL, jt: 0, jf: over, k: number });
            block.extend(rule);
        }
        block.push(step(RETURN, ALLOW));
        // The blocks are shorter than a jump is wide: a test holds them to it.
        let over = u8::try_from(block.len()).unwrap_or(u8::MAX);
        program.push(sock_filter { code: EQUAL, jt: 0, jf: over, k: architecture });
        program.extend(block);
    }
    program.push(step(RETURN, ENOSYS));
    program
}

/// Sets the filter, and that no program gives more rights than its caller has.
pub(super) fn set() -> Result<(), Failure> {
    apply_filter(&program())
        .map_err(|error| Failure::Step(format!("set the filter of system calls ({error})"), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: just the instructions that the program has. All arguments have one value.
    fn run(architecture: u32, number: u32, argument: u32) -> u32 {
        let program = program();
        let (mut at, mut value) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            match step.code {
                LOAD => {
                    value = match step.k {
                        NUMBER => number,
                        ARCHITECTURE => architecture,
                        _ => argument,
                    }
                }
                RETURN => return step.k,
                code => {
                    let holds = if code == EQUAL { value == step.k } else { value >= step.k };
                    at += usize::from(if holds { step.jt } else { step.jf });
                }
            }
        }
    }

    #[test]
    fn only_what_is_listed_is_denied() {
        for (index, architecture) in ARCHITECTURES.into_iter().enumerate() {
            for number in 0..500 {
                let listed = DENIED.iter().any(|numbers| numbers[index] == Some(number));
                let expected = if listed { EPERM } else { ALLOW };
                assert_eq!(run(architecture, number, 0), expected, "{architecture:x} {number}");
            }
            for (numbers, _, values) in DENIED_WITH {
                let Some(number) = numbers[index] else { continue };
                for value in 0..0x6000 {
                    let expected = if values.contains(&value) { EPERM } else { ALLOW };
                    assert_eq!(
                        run(architecture, number, value),
                        expected,
                        "{architecture:x} {number} {value}"
                    );
                }
            }
        }
        assert_eq!(run(X86_64, X32 + 1, 0), EPERM);
        assert_eq!(run(0x1234, 1, 0), ENOSYS);
    }
}
