//! What a command sees, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use support::{Entry, Who, World, file, folder, tar};

#[test]
fn output_and_exit_code_are_the_command_s() {
    for who in Who::ALL {
        let said = World::new(who).sh(&[], "echo out; echo error >&2; exit 7");
        assert_eq!(
            (said.code, said.output.as_str(), said.error.as_str()),
            (7, "out\n", "error\n"),
            "{who:?}"
        );
    }
}

#[test]
fn output_is_kept_in_the_order_of_writing_and_only_its_end() {
    let world = World::new(Who::Root);
    assert_eq!(world.sh(&["--keep", "100"], "echo out; echo error >&2; echo out").ok(), "out\nerror\nout\n");
    let long = "for it in 1 2 3 4 5 6 7 8 9; do printf %100000s $it; done";
    assert_eq!(world.sh(&["--keep", "4"], long).ok(), "   9");
}

#[test]
fn a_signal_that_ends_the_command_is_told() {
    let said = World::new(Who::Root).sh(&[], "kill -9 $$");
    assert_eq!((said.code, said.error.as_str()), (128 + 9, "signal 9\n"));
}

#[test]
fn users_are_those_of_the_image() {
    for who in Who::WITH_OWNERS {
        let world = World::new(who);
        let id = |user: &str| world.sh(&["--user", user], "id -u; id -g; id -G").ok().replace('\n', " ");
        assert_eq!(id(""), "0 0 0 ");
        assert_eq!(id("app"), "1000 100 100 44 ");
        assert_eq!(id("1000:7"), "1000 7 7 ");
        assert_eq!(world.sh(&["--uid", "1000"], "id -u; id -g").ok(), "1000\n100\n");
        assert_eq!(world.sh(&["--user", "nope"], "id").error, "the image has no user `nope`\n");
        assert_eq!(world.sh(&["--user", "app:nope"], "id").error, "the image has no group `nope`\n");
    }
}

#[test]
fn a_number_that_the_machine_lacks_is_told() {
    for who in Who::WITH_OWNERS {
        let world = World::new(who);
        for (user, number) in [("4000000000", "4000000000:0"), ("0:4000000000", "0:4000000000")] {
            let said = world.sh(&["--user", user], "id").error;
            assert!(
                said.starts_with(&format!("the command cannot run as {number}: of the ids of an image")),
                "{said}"
            );
        }
        // The largest number means to the kernel that an id stays as it is.
        let said = world.sh(&["--user", "4294967295"], "id").error;
        assert!(said.starts_with("the command cannot run as 4294967295:0"), "{said}");
    }
}

#[test]
fn a_user_without_a_home_can_keep_something() {
    for who in Who::WITH_OWNERS {
        let said = World::new(who).sh(&["--user", "4242:0"], "echo x > \"$HOME/x\" && cat \"$HOME/x\"");
        assert_eq!(said.ok(), "x\n", "{who:?}");
    }
}

#[test]
fn with_one_id_everything_belongs_to_the_user_that_is_wanted() {
    let world = World::new(Who::Single);
    assert_eq!(
        world.sh(&["--user", "app"], "id -u; id -g; stat -c %u:%g /etc/passwd").ok(),
        "1000\n100\n1000:100\n"
    );
    assert_eq!(world.sh(&[], "id -u; stat -c %u:%g /etc/passwd; echo x > /etc/x").ok(), "0\n0:0\n");
}

#[test]
fn environment_and_folder_are_those_that_are_asked_for() {
    let world = World::new(Who::Root);
    let mut command = world.command(&["--env", "A=b c", "--in", "/new/place"], &world.layers(&[]), &["env"]);
    let said = support::said(command.env("SECRET", "x").output().unwrap());
    let mut lines: Vec<_> = said.output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["A=b c", "HOME=/root", "PATH=/bin"]);
    assert_eq!(
        world.sh(&["--in", "/new/place"], "pwd; stat -c %a:%u /new/place").ok(),
        "/new/place\n755:0\n"
    );
}

#[test]
fn a_program_that_is_not_there_or_cannot_run_is_an_error() {
    let world = World::new(Who::Root);
    let extra = tar(&[
        file("bin/data", 0o644, (0, 0), b"no program"),
        file("bin/lost", 0o755, (0, 0), b"#!/no/interpreter\n"),
        file("bin/noise", 0o755, (0, 0), b"\x7fELFnoise"),
    ]);
    let layers = world.layers(&[extra]);
    let error = |words: &[&str]| {
        let said = world.run(&[], &layers, words);
        assert_eq!(said.code, 125);
        said.error
    };
    assert_eq!(error(&["nope"]), "the image has no program `nope`\n");
    assert_eq!(error(&["/bin/nope"]), "the image has no program `/bin/nope`\n");
    assert_eq!(
        error(&["data"]),
        "the program `/bin/data` of the image cannot be executed: Permission denied (os error 13)\n"
    );
    assert_eq!(
        error(&["lost"]),
        "the program `/bin/lost` of the image cannot be executed: its interpreter or its loader is not there\n"
    );
    assert_eq!(
        world.run(&["--env", "PATH=/nowhere"], &layers, &["sh"]).error,
        "the image has no program `sh`\n"
    );
    assert_eq!(world.run(&[], &layers, &["busybox", "true"]).code, 0);
}

#[test]
fn layers_are_stacked_with_their_whiteouts() {
    for who in Who::ALL {
        let world = World::new(who);
        let below = tar(&[
            folder("a", 0o755, (0, 0)),
            file("a/gone", 0o644, (0, 0), b"1"),
            file("a/kept", 0o644, (0, 0), b"1"),
            folder("b", 0o755, (0, 0)),
            file("b/hidden", 0o644, (0, 0), b"1"),
            folder("c", 0o755, (0, 0)),
            file("c/hidden", 0o644, (0, 0), b"1"),
        ]);
        let above = tar(&[
            file("a/.wh.gone", 0o644, (0, 0), b""),
            file("a/new", 0o644, (0, 0), b"2"),
            folder("b", 0o755, (0, 0)),
            file("b/.wh..wh..opq", 0o644, (0, 0), b""),
            file("b/new", 0o644, (0, 0), b"2"),
            // A whiteout hides what is below, and not what the same layer has, whatever comes first.
            file(".wh.c", 0o644, (0, 0), b""),
            folder("c", 0o700, (0, 0)),
            file("c/new", 0o644, (0, 0), b"2"),
        ]);
        let layers = world.layers(&[below, above]);
        let list = world.run(&[], &layers, &["sh", "-c", "echo a/* b/* c/*; stat -c %a c"]).ok();
        assert_eq!(list, "a/kept a/new b/new c/new\n700\n", "{who:?}");
    }
}

#[test]
fn a_hundred_and_twenty_seven_layers_are_stacked() {
    for who in [Who::Root, Who::Single] {
        let world = World::new(who);
        let layer = |number: usize| {
            let text = number.to_string();
            tar(&[file("top", 0o644, (0, 0), text.as_bytes()), file(&format!("n{text}"), 0o644, (0, 0), b"")])
        };
        let layers = world.layers(&(1..127).map(layer).collect::<Vec<_>>());
        assert_eq!(
            world.run(&[], &layers, &["sh", "-c", "cat top; echo; echo n* | wc -w"]).ok(),
            "126\n126\n"
        );
    }
}

#[test]
fn what_is_written_is_gone_or_refused_or_limited() {
    let world = World::new(Who::Root);
    assert_eq!(world.sh(&[], "echo x > /new; cat /new").ok(), "x\n");
    assert_eq!(world.sh(&[], "cat /new").code, 1);
    let script = "touch /tmp/x /run/x /dev/shm/x && touch /new";
    assert_eq!(world.sh(&["--read-only"], script).error, "touch: /new: Read-only file system\n");
    for place in ["/new", "/tmp/new", "/dev/shm/new", "/run/new"] {
        let said =
            world.sh(&["--memory", "1000000"], &format!("dd if=/dev/zero of={place} bs=100k count=30"));
        assert!(said.error.contains("No space left on device"), "{place}: {said:?}");
    }
    let many =
        "i=0; while [ $i -lt 9000 ] && true > /new$i; do i=$((i+1)); done 2> /dev/null; test $i -lt 9000";
    assert_eq!(world.sh(&["--memory", "1000000"], many).code, 0);
}

#[test]
fn tmp_and_devices_are_as_programs_expect_them() {
    let world = World::new(Who::Ranges);
    let script = "stat -c '%a %n' /tmp /run /dev/shm; test -c /dev/null && echo x > /dev/null && head -c 2 /dev/zero | wc -c
        test -e /dev/pts/ptmx && readlink /dev/fd; ls /sys/class/net; cat /proc/1/comm > /dev/null; hostname; cat /etc/hosts";
    assert_eq!(
        world.sh(&["--user", "app"], script).ok(),
        "1777 /tmp\n755 /run\n1777 /dev/shm\n2\n/proc/self/fd\nlo\nlocalhost\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    );
}

#[test]
fn mounts_are_read_only_or_writable() {
    for who in Who::ALL {
        let world = World::new(who);
        let own = world.path("own");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("file"), "outside\n").unwrap();
        // Root inside is nobody outside, when root makes the sandbox.
        let mode = if who == Who::Root { 0o777 } else { 0o755 };
        fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        if who != Who::Root {
            std::os::unix::fs::chown(&own, Some(support::USER), None).unwrap();
        }
        let read =
            world.sh(&["--mount", "own:/deep/place:ro"], "cat /deep/place/file; touch /deep/place/new");
        assert_eq!((read.output.as_str(), read.code), ("outside\n", 1), "{read:?}");
        assert_eq!(read.error, "touch: /deep/place/new: Read-only file system\n");
        world.sh(&["--mount", "own:/place:rw"], "echo inside > /place/new").ok();
        assert_eq!(fs::read_to_string(own.join("new")).unwrap(), "inside\n");
        assert_eq!(world.sh(&["--mount", "own/file:/one:ro"], "cat /one").ok(), "outside\n");
        let absent = world.sh(&["--mount", "absent:/place:ro"], "true").error;
        let shown = world.path("absent");
        assert_eq!(
            absent,
            format!(
                "the sandbox cannot open `{}`: No such file or directory (os error 2)\n",
                shown.display()
            )
        );
    }
}

#[test]
fn the_network_is_none_or_the_machine_s() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let script = format!("nc 127.0.0.1 {port} < /dev/null");
    let world = World::new(Who::Ranges);
    assert_eq!(world.sh(&[], &script).code, 1);
    assert_eq!(world.sh(&["--net"], &script).code, 0);
    assert_eq!(world.sh(&[], "ifconfig | grep -c Link").ok(), "1\n");
    // It listens before it goes to the background, and says when it is done: `nc` at both ends loses what is sent late.
    let own = "echo hi > /tmp/hi; httpd -p 127.0.0.1:99 -h /tmp; wget -q -O - http://127.0.0.1:99/hi";
    assert_eq!(world.sh(&[], own).ok(), "hi\n");
    let resolver = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert_eq!(world.sh(&["--net"], "cat /etc/resolv.conf 2> /dev/null; true").ok(), resolver);
}

#[test]
fn an_image_without_folders_gets_those_that_are_needed() {
    let world = World::new(Who::Root);
    let busybox = fs::read("/usr/bin/busybox").unwrap();
    let bare: Vec<Entry> = vec![file("busybox", 0o755, (0, 0), &busybox)];
    assert_eq!(world.unpack(&tar(&bare), "bare").status.code(), Some(0));
    let said = world.run(&[], &["--layer".into(), "bare".into()], &["/busybox", "ls", "/"]);
    assert_eq!(said.ok(), "busybox\ndev\netc\nproc\n");
}
