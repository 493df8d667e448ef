//! Machines that lack something, or forbid it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::process::Command;

use support::{Who, World, file, folder, said, symlink, tar};

#[test]
fn the_setting_that_switches_user_namespaces_off_is_named() {
    let world = World::new(Who::Root);
    let mut command = Command::new("unshare");
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec ./driver mapping";
    command.args(["--user", "--map-root-user", "sh", "-c", script]).current_dir(world.folder.path());
    let said = said(command.output().unwrap());
    assert_eq!(
        (said.code, said.error.as_str()),
        (
            125,
            "no sandbox can be made on this machine: user namespaces are switched off (`user.max_user_namespaces` is 0)\n\
             hint: as root, `sysctl -w user.max_user_namespaces=15000`; a file in `/etc/sysctl.d` keeps it\n"
        )
    );
}

#[test]
fn a_container_that_hides_parts_of_proc_is_told_how_to_show_them() {
    let world = World::after(Who::Single, "mount --bind /dev/null /proc/cpuinfo");
    let said = said(world.driver(&["mapping"]).output().unwrap());
    assert_eq!(
        said.error,
        "no sandbox can be made on this machine: `/proc` cannot be mounted (Operation not permitted)\n\
         hint: in a container parts of `/proc` are hidden: start it with `--security-opt systempaths=unconfined` (docker) \
         or `--security-opt unmask=ALL` (podman)\n"
    );
}

#[test]
fn what_one_id_cannot_do_is_told() {
    let world = World::new(Who::Single);
    let expected = "the files of an image cannot have owners on this machine: this user has no subordinate ids, or there is \
                    no `newuidmap`\nhint: as root, install `uidmap` (Fedora: `shadow-utils`), and run \
                    `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER`\n";
    assert_eq!(said(world.driver(&["owners"]).output().unwrap()).error, expected);
    world.sh(&["--folder", "written"], "echo x > /x").ok();
    assert_eq!(said(world.driver(&["difference", "written", "0"]).output().unwrap()).error, expected);
    assert_eq!(
        said(world.driver(&["mapping"]).output().unwrap()).ok(),
        format!("single.0-{}-1\n", support::USER)
    );
}

#[test]
fn programs_that_map_ids_and_fail_leave_one_id() {
    // As where they were unpacked without their rights.
    let broken = "printf '#!/bin/sh\\necho broken >&2; exit 1\\n' > map; chmod 755 map\n\
                  mount --bind map $(command -v newuidmap); mount --bind map $(command -v newgidmap)";
    let world = World::after(Who::Ranges, broken);
    assert_eq!(world.sh(&["--user", "app"], "id -u").ok(), "1000\n");
    let said = said(world.driver(&["owners"]).output().unwrap());
    assert!(said.error.contains("the programs that map ids failed (map ids: newuidmap: broken)"), "{said:?}");
}

#[test]
fn what_cannot_be_stacked_is_copied() {
    for who in Who::WITH_OWNERS {
        let plain = World::new(who);
        let below = tar(&[
            folder("a", 0o755, (0, 0)),
            file("a/gone", 0o644, (0, 0), b"1"),
            file("a/kept", 0o640, (1000, 100), b"1"),
            folder("b", 0o755, (0, 0)),
            file("b/hidden", 0o644, (0, 0), b"1"),
            file("a/first", 0o644, (0, 0), b"1"),
            support::hardlink("a/other", "a/first"),
            symlink("a/link", "kept"),
        ]);
        let above = tar(&[
            file("a/.wh.gone", 0o644, (0, 0), b""),
            folder("b", 0o700, (0, 0)),
            file("b/.wh..wh..opq", 0o644, (0, 0), b""),
            file("b/new", 0o644, (0, 0), b"2"),
        ]);
        let layers = plain.layers(&[below, above]);
        let show = "find a b | grep -v '^$' | while read it; do stat -c '%n %A %u:%g' $it; done | sort; test a/first -ef a/other && echo same";
        let change = "echo 2 > /a/kept; rm /b/new; mkdir /c; rm -r /b; mkdir /b; echo 3 > /b/again; chown 5:6 /home; rm /etc/group; ln -s x /c/l";
        let show_stacked = plain.run(&[], &layers, &["sh", "-c", show]).ok();
        plain.run(&["--folder", "written"], &layers, &["sh", "-c", change]).ok();
        let after = plain.run(&["--folder", "written"], &layers, &["sh", "-c", show]).ok();
        let (stacked, _) = plain.difference(&["written", "1000000"]);
        // The same, where the folder is on overlayfs, which is no place for overlayfs to write to.
        let script = "mkdir -p low up; mount -t tmpfs none up; mkdir up/u up/w; chmod 777 up up/u\n\
                      mount -t overlay overlay -o lowerdir=low,upperdir=up/u,workdir=up/w low; chmod 777 low; exec 3> lock; flock 3";
        let mut whole = String::from(script);
        whole.push('\n');
        let run = |words: &str| {
            format!("./driver run {} --folder low/written -- sh -c \"{words}\"", layers.join(" "))
        };
        let as_user =
            if who == Who::Root { "" } else { "setpriv --reuid 54321 --regid 54321 --clear-groups " };
        if who != Who::Root {
            whole.push_str("mount --bind passwd /etc/passwd; mount --bind subids /etc/subuid; mount --bind subids /etc/subgid\n");
        }
        whole.push_str(&format!(
            "{as_user}{} && {as_user}{} && ",
            run(change),
            run(&show.replace('$', "\\$"))
        ));
        whole.push_str(&format!(
            "{as_user}./driver difference low/written 1000000 > out.tar; {as_user}./driver remove low/written"
        ));
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &whole]).current_dir(plain.folder.path());
        let copied = said(command.output().unwrap());
        assert_eq!((copied.error.as_str(), copied.output.as_str()), ("", after.as_str()), "{who:?}");
        let list = support::list(&fs::read(plain.path("out.tar")).unwrap());
        // A folder that was made anew is opaque in a stack; in a copy, what it hides is named.
        let same = |list: &str| {
            let lines = list.lines().filter(|line| !line.contains("Opaque") && !line.contains("/b/.wh."));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(same(&list), same(&stacked), "{who:?}");
        assert!(list.contains("/b/.wh.new") && !show_stacked.is_empty());
    }
}

#[test]
fn a_kernel_that_stacks_nothing_or_not_in_memory_runs_commands_all_the_same() {
    for who in Who::ALL {
        for option in ["--without-stacking", "--without-attributes"] {
            let world = World::new(who);
            let below = tar(&[folder("a", 0o755, (0, 0)), file("a/hidden", 0o644, (0, 0), b"1")]);
            let layers = world.layers(&[
                below,
                tar(&[file("b", 0o644, (0, 0), b"2"), file(".wh.home", 0o644, (0, 0), b"")]),
            ]);
            let script = "cat b a/hidden; ls -d home; rm -r a; mkdir a; echo a/*; cat etc/hosts | head -n 1; echo x > x";
            for _ in 0..2 {
                let said = world.run(&[option], &layers, &["sh", "-c", script]);
                assert_eq!(
                    (said.output.as_str(), said.error.as_str()),
                    ("21a/*\n127.0.0.1\tlocalhost\n", "ls: home: No such file or directory\n"),
                    "{who:?} {option}"
                );
            }
            let said = world.run(&[option, "--read-only"], &layers, &["touch", "/x"]);
            assert_eq!(said.error, "touch: /x: Read-only file system\n");
            let left = fs::read_dir(world.folder.path()).unwrap().flatten();
            assert!(
                !left.map(|it| it.file_name()).any(|name| name.to_string_lossy().starts_with(".sandbox"))
            );
        }
    }
}

/// A program for arm64: it writes `arm64`, and ends with 7.
fn arm64() -> Vec<u8> {
    let code: [u32; 8] = [
        0xD280_0020, // mov x0, #1
        0x1000_00E1, // adr x1, the text
        0xD280_00C2, // mov x2, #6
        0xD280_0808, // mov x8, #64: write
        0xD400_0001, // svc #0
        0xD280_00E0, // mov x0, #7
        0xD280_0BA8, // mov x8, #93: exit
        0xD400_0001, // svc #0
    ];
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let (start, size) = (0x40_0000_u64, 64 + 56 + 32 + 6_u64);
    program.extend([2_u16, 183].map(u16::to_le_bytes).concat());
    program.extend(1_u32.to_le_bytes());
    program.extend([start + 120, 64, 0].map(u64::to_le_bytes).concat());
    program.extend(0_u32.to_le_bytes());
    program.extend([64_u16, 56, 1, 64, 0, 0].map(u16::to_le_bytes).concat());
    program.extend([1_u32, 5].map(u32::to_le_bytes).concat());
    program.extend([0, start, start, size, size, 0x1000].map(u64::to_le_bytes).concat());
    program.extend(code.map(u32::to_le_bytes).concat());
    program.extend(b"arm64\n");
    program
}

#[test]
fn programs_of_a_foreign_platform_run_through_an_emulator() {
    for who in Who::ALL {
        let world = World::new(who);
        let layers = world.layers(&[tar(&[file("foreign", 0o755, (0, 0), &arm64())])]);
        assert_eq!(said(world.driver(&["runs", "linux/arm64"]).output().unwrap()).error, "", "{who:?}");
        let ran = world.run(&["--platform", "linux/arm64"], &layers, &["/foreign"]);
        assert_eq!((ran.output.as_str(), ran.code, ran.error.as_str()), ("arm64\n", 7, ""), "{who:?}");
        let ran = world.run(&[], &layers, &["/foreign"]);
        assert_eq!(
            ran.error,
            "the program `/foreign` of the image cannot be executed: it is no program of this platform\n"
        );
    }
}

#[test]
fn an_emulator_that_is_missing_is_named() {
    let world = World::new(Who::Root);
    let said = said(world.driver(&["runs", "linux/arm64"]).env("PATH", "/nowhere").output().unwrap());
    assert_eq!(
        said.error,
        "programs of `linux/arm64` cannot be run on this machine: there is no `qemu-aarch64-static`\n\
         hint: install `qemu-user-static`\n"
    );
}
