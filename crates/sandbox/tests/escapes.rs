//! Attempts to leave a sandbox. Each finds nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use support::{Who, World, file, folder, patched, said, symlink, tar};

const SCRIPT: &str = include_str!("escapes.py");

/// The machine's Python, in an image.
fn with_python(world: &World) -> Vec<String> {
    let links = [symlink("lib", "usr/lib"), symlink("lib64", "usr/lib64"), folder("usr", 0o755, (0, 0))];
    let script = file("escapes.py", 0o644, (0, 0), SCRIPT.as_bytes());
    world.layers(&[tar(&links), tar(&[script])])
}

#[test]
fn nothing_outside_is_reached() {
    for who in Who::ALL {
        for user in ["", "app"] {
            let name = format!("imgbuild-{}-{who:?}-{user}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).unwrap();
            let _listener = UnixListener::bind_addr(&address).unwrap();
            // A descriptor that somebody left open.
            let world = World::after(who, "exec 9< /etc/shadow");
            let layers = with_python(&world);
            let words = ["/usr/bin/python3", "/escapes.py", &name];
            let options = ["--mount", "/usr:/usr:ro", "--user", user, "--seconds", "60"];
            let output = world.run(&options, &layers, &words).ok();
            let tried =
                output.strip_prefix("tried ").and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
            assert!(tried.is_some_and(|tried| tried > 100), "{who:?} {user}: {output}");
        }
    }
}

#[test]
fn a_setuid_program_gives_nothing() {
    for who in Who::WITH_OWNERS {
        let world = World::new(who);
        let busybox = fs::read("/usr/bin/busybox").unwrap();
        let layers = world.layers(&[tar(&[file("bin/id", 0o4755, (0, 0), &busybox)])]);
        let script = "stat -c %a /bin/id; id -u; grep -E 'CapPrm|NoNewPrivs' /proc/self/status";
        let said = world.run(&["--user", "app"], &layers, &["sh", "-c", script]);
        assert_eq!(said.ok(), "4755\n1000\nCapPrm:\t0000000000000000\nNoNewPrivs:\t1\n", "{who:?}");
    }
}

#[test]
fn links_of_the_image_lead_mounts_nowhere_outside() {
    for who in Who::ALL {
        let world = World::new(who);
        for name in ["own", "outside"] {
            fs::create_dir(world.path(name)).unwrap();
            fs::set_permissions(world.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o777))
                .unwrap();
        }
        let outside = world.path("outside").display().to_string();
        let up = "../".repeat(30);
        let layers = world.layers(&[tar(&[
            symlink("up", &format!("{up}{outside}")),
            symlink("absolute", &outside),
            symlink("magic", "/proc/1/root"),
            symlink("etc/hosts", &format!("{up}{outside}/hosts")),
            symlink("loop", "loop"),
        ])]);
        for target in ["/up/new", "/absolute/new"] {
            let option = format!("own:{target}:rw");
            let script = format!("echo x > {target}/file; ls {outside}");
            let said = world.run(&["--mount", &option], &layers, &["sh", "-c", &script]);
            assert_eq!(said.ok(), "hosts\nnew\n", "{who:?}");
            assert_eq!(fs::read_to_string(world.path("own/file")).unwrap(), "x\n");
        }
        let said = world.run(&["--mount", "own:/loop/new:rw"], &layers, &["true"]);
        assert_eq!(
            said.error,
            "the sandbox cannot make `/loop/new` in the image, to mount on it: Too many levels of symbolic links (os error 40)\n"
        );
        assert_eq!(said.code, 125);
        assert_ne!(world.run(&["--mount", "own:/magic/new:rw"], &layers, &["true"]).code, 0);
        assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 0, "{who:?}");
    }
}

#[test]
fn an_image_whose_own_folders_are_links_is_refused() {
    let world = World::new(Who::Root);
    let busybox = fs::read("/usr/bin/busybox").unwrap();
    for name in ["proc", "dev"] {
        let layer = tar(&[
            file("busybox", 0o755, (0, 0), &busybox),
            symlink(name, "elsewhere"),
            folder("elsewhere", 0o755, (0, 0)),
        ]);
        assert_eq!(world.unpack(&layer, name).status.code(), Some(0));
        let said = world.run(&[], &["--layer".into(), name.into()], &["/busybox", "true"]);
        assert_eq!(
            said.error,
            format!("the sandbox cannot use the image's `/{name}`: Not a directory (os error 20)\n")
        );
    }
}

#[test]
fn a_hostile_layer_stays_in_its_folder() {
    for who in Who::ALL {
        let world = World::new(who);
        fs::create_dir(world.path("outside")).unwrap();
        fs::set_permissions(world.path("outside"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .unwrap();
        let outside = world.path("outside").display().to_string();
        let through = tar(&[
            symlink("absolute", &outside),
            file("absolute/file", 0o644, (0, 0), b"x"),
            symlink("up", &format!("{}{outside}", "../".repeat(30))),
            file("up/file", 0o644, (0, 0), b"x"),
            // The later entry wins, and is written to no link.
            symlink("link", &format!("{outside}/file")),
            file("link", 0o644, (0, 0), b"x"),
        ]);
        assert_eq!(said(world.unpack(&through, "through")).error, "", "{who:?}");
        assert_eq!(fs::read_dir(world.path("outside")).unwrap().count(), 0);
        assert!(world.path("through/link").symlink_metadata().unwrap().is_file());
        let dots = patched(tar(&[file("xx/file", 0o644, (0, 0), b"")]), 0, b"..");
        let said = said(world.unpack(&dots, "dots"));
        assert_eq!(said.error, "the layer cannot be unpacked: the path `../file` has a component `..`\n");
        assert!(!world.path("dots").exists() && fs::read_dir(world.folder.path()).unwrap().count() < 9);
    }
}
