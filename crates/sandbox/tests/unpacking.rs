//! Unpacking layers of anybody's making.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{Entry, Who, World, file, folder, hardlink, patched, said, symlink, tar};

/// What stands in the second layer, as the sandbox's root sees it.
fn seen(world: &World, layer: Vec<u8>) -> String {
    let layers = world.layers(&[layer]);
    let show = "find /x | while read it; do stat -c '%n %a %u:%g %h %Y' $it; done | sort";
    world.run(&[], &layers, &["sh", "-c", show]).ok()
}

#[test]
fn modes_owners_times_and_links_are_exact() {
    let entries = || {
        [
            folder("x", 0o750, (7, 8)),
            folder("x/sticky", 0o3777, (1000, 100)),
            file("x/sticky/setuid", 0o4711, (1000, 100), b"1"),
            file("x/none", 0, (65_535, 65_535), b"1"),
            hardlink("x/again", "x/sticky/setuid"),
            symlink("x/link", "/nowhere"),
            folder("x/closed", 0o500, (7, 8)),
            file("x/closed/in", 0o644, (0, 0), b"1"),
            // A folder that no entry names.
            file("x/a/b/c", 0o644, (0, 0), b"1"),
        ]
    };
    for who in Who::WITH_OWNERS {
        assert_eq!(
            seen(&World::new(who), tar(&entries())),
            "/x 750 7:8 5 1000000\n\
             /x/a 755 0:0 3 0\n\
             /x/a/b 755 0:0 2 0\n\
             /x/a/b/c 644 0:0 1 1000000\n\
             /x/again 4711 1000:100 2 1000000\n\
             /x/closed 500 7:8 2 1000000\n\
             /x/closed/in 644 0:0 1 1000000\n\
             /x/link 777 0:0 1 1000000\n\
             /x/none 0 65535:65535 1 1000000\n\
             /x/sticky 3777 1000:100 2 1000000\n\
             /x/sticky/setuid 4711 1000:100 2 1000000\n",
            "{who:?}"
        );
    }
    let single = seen(&World::new(Who::Single), tar(&entries()));
    assert!(single.contains("/x/sticky/setuid 4711 0:0 2 1000000\n"), "{single}");
}

#[test]
fn of_two_entries_the_later_one_wins() {
    let world = World::new(Who::Ranges);
    let entries = [
        folder("x", 0o755, (0, 0)),
        file("x/1", 0o644, (0, 0), b"1"),
        file("x/1", 0o600, (0, 0), b"22"),
        folder("x/2", 0o755, (0, 0)),
        file("x/2/in", 0o644, (0, 0), b"1"),
        symlink("x/2", "1"),
        symlink("x/3", "1"),
        folder("x/3", 0o700, (0, 0)),
        file("x/3/in", 0o644, (0, 0), b"1"),
        folder("x/3", 0o711, (0, 0)),
    ];
    let seen = seen(&world, tar(&entries));
    let paths: Vec<_> = seen.lines().map(|line| line.split(" 0:0").next().unwrap()).collect();
    assert_eq!(paths, ["/x 755", "/x/1 600", "/x/2 777", "/x/3 711", "/x/3/in 644"]);
    let names = [("long".repeat(40) + "/").repeat(5), "ö".repeat(100)];
    let entries: Vec<Entry> =
        names.iter().map(|name| file(&format!("x/{name}x"), 0o644, (0, 0), b"")).collect();
    assert_eq!(said(world.unpack(&tar(&entries), "long")).error, "");
    assert!(names.iter().all(|name| world.path(&format!("long/x/{name}x")).exists()));
}

#[test]
fn devices_are_left_out() {
    let world = World::new(Who::Root);
    for (kind, name) in [(b"3", "character"), (b"4", "block")] {
        let device = patched(tar(&[file("device", 0o666, (0, 0), b"")]), 156, kind);
        let device = patched(device, 329, b"0000001\x000000003");
        assert_eq!(said(world.unpack(&device, name)).error, "");
        assert_eq!(std::fs::read_dir(world.path(name)).unwrap().count(), 0);
    }
}

#[test]
fn what_cannot_be_unpacked_is_told_and_leaves_nothing() {
    for who in Who::WITH_OWNERS {
        let world = World::new(who);
        let error = |layer: &[u8]| {
            let said = said(world.unpack(layer, "bad"));
            let left = std::fs::read_dir(world.folder.path()).unwrap().flatten();
            assert!(!left.map(|it| it.file_name()).any(|name| name.to_string_lossy().contains("bad")));
            (said.code, said.error)
        };
        let of_somebody = tar(&[file("x", 0o644, (70_000, 5), b"")]);
        let expected = "the layer cannot be unpacked: `/x` belongs to 70000:5, and only smaller numbers can be used on this \
                        machine\nhint: give this user more ids in `/etc/subuid` and `/etc/subgid`\n";
        assert_eq!(error(&of_somebody), (125, expected.to_owned()));
        let dangling = tar(&[hardlink("x", "y")]);
        let expected = "the layer cannot be unpacked: the hard link `/x` points to `/y`, which is not a file before it\n";
        assert_eq!(error(&dangling), (125, expected.to_owned()));
        let whole = tar(&[file("x", 0o644, (0, 0), &[1; 5000])]);
        assert_eq!(
            error(&whole[..1024]),
            (125, "the layer cannot be unpacked: the archive is truncated in `/x`\n".to_owned())
        );
    }
}
