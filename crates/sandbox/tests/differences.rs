//! What a command left, as a layer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Who, World, said};

const CHANGE: &str = "
    echo new > /etc/new; rm /bin/tty; rm -r /home; mkdir /home; echo a > /home/a; ln /home/a /home/b; ln -s ../x /home/l
    chown 1000:100 /home/a; chmod 4755 /home/a; mkdir -p /deep/er; touch -d '1970-01-02 00:00:00' /deep/er/old
    mkfifo /deep/pipe; ln -s /deep/socket /dev/log; syslogd -n -O /tmp/log & echo log > /deep/log; echo t > /tmp/t; echo t > /run/t; echo t > /dev/shm/t
    until [ -S /deep/socket ]; do sleep 0.01; done; kill %1";

#[test]
fn a_difference_has_what_changed_and_nothing_else() {
    for who in Who::WITH_OWNERS {
        let world = World::new(who);
        world.sh(&["--folder", "written", "--in", "/made/only"], CHANGE).ok();
        let (list, _) = world.difference(&["written", "1000000", "deep/log"]);
        assert_eq!(
            list,
            "0755 0:0 @1000000 /bin folder\n\
             0644 0:0 @0 /bin/.wh.tty Removes(ImagePath(\"bin/tty\"))\n\
             0755 0:0 @1000000 /deep folder\n\
             0755 0:0 @1000000 /deep/er folder\n\
             0644 0:0 @86400 /deep/er/old file 0\n\
             0755 0:0 @1000000 /etc folder\n\
             0644 0:0 @1000000 /etc/new file 4\n\
             0755 0:0 @1000000 /home folder\n\
             0644 0:0 @0 /home/.wh..wh..opq Opaque(Some(ImagePath(\"home\")))\n\
             4755 1000:100 @1000000 /home/a file 2\n\
             4755 1000:100 @1000000 /home/b hardlink /home/a\n\
             0777 0:0 @1000000 /home/l symlink ../x\n",
            "{who:?}"
        );
    }
}

#[test]
fn a_command_that_changes_nothing_leaves_nothing() {
    let world = World::new(Who::Root);
    assert_eq!(world.sh(&["--folder", "written"], "cat /etc/passwd > /tmp/x").code, 0);
    assert_eq!(world.difference(&["written", "0"]).0, "");
}

#[test]
fn commands_go_on_where_the_last_one_stopped() {
    let world = World::new(Who::Ranges);
    world.sh(&["--folder", "written"], "echo 1 > /one; echo 2 > /two").ok();
    world
        .sh(&["--folder", "written", "--seconds", "1"], "echo 3 > /three; sleep 30")
        .error
        .contains("timed out");
    assert_eq!(world.sh(&["--folder", "written"], "cat /one /three; rm /one /three").ok(), "1\n3\n");
    assert_eq!(world.difference(&["written", "0"]).0, "0644 0:0 @0 /two file 2\n");
    said(world.driver(&["remove", "written"]).output().unwrap()).ok();
    assert!(!world.path("written").exists());
}

#[test]
fn a_difference_makes_the_same_tree_once_more() {
    for who in Who::WITH_OWNERS {
        let world = World::new(who);
        world.sh(&["--folder", "written"], CHANGE).ok();
        let (_, tar) = world.difference(&["written", "9999999999"]);
        assert_eq!(said(world.unpack(&tar, "again")).error, "");
        let show = "find / -path /proc -prune -o -path /sys -prune -o -path /dev -prune -o -path /tmp -prune -o -path /run -prune -o \
                    ! -type p ! -type s -exec stat -c '%n %A %u:%g %h %s' {} +";
        let layers = |names: &[&str]| {
            names.iter().flat_map(|it| ["--layer".to_owned(), (*it).to_owned()]).collect::<Vec<_>>()
        };
        let lines = |text: String| {
            // The root, and folders that only one of both copied, differ in what the file system says of their size.
            let lines = text.lines().filter(|line| !line.contains(" d"));
            let mut lines: Vec<_> = lines.map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        let written = world.run(&["--folder", "written"], &layers(&["layer-0"]), &["sh", "-c", show]).ok();
        let again = world.run(&[], &layers(&["layer-0", "again"]), &["sh", "-c", show]).ok();
        let without_hosts = |lines: Vec<String>| {
            lines.into_iter().filter(|it| !it.starts_with("/etc/hosts")).collect::<Vec<_>>()
        };
        assert_eq!(without_hosts(lines(again)), without_hosts(lines(written)), "{who:?}");
    }
}

#[test]
fn names_that_no_layer_may_hold_are_errors() {
    let world = World::new(Who::Root);
    world.sh(&["--folder", "one"], "touch /$(printf '\\377')").ok();
    let difference = |name: &str| said(world.driver(&["difference", name, "0"]).output().unwrap()).error;
    assert_eq!(
        difference("one"),
        "what the command left at `/\u{fffd}` cannot be put into a layer: its name is not valid UTF-8\n"
    );
    world.sh(&["--folder", "two"], "touch /.wh.x").ok();
    assert_eq!(
        difference("two"),
        "what the command left at `/.wh.x` cannot be put into a layer: its name is that of a whiteout\n"
    );
}

#[test]
fn a_folder_is_removed_however_deep_it_is() {
    for who in Who::ALL {
        let world = World::new(who);
        let script = "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; cd /; mkdir -m 0 none; mkdir none/x; true";
        world.sh(&["--folder", "written"], script).ok();
        said(world.driver(&["remove", "written"]).output().unwrap()).ok();
        assert!(!world.path("written").exists(), "{who:?}");
    }
}
