//! Wheels made by hand, one for each odd case of the specification, and what they become.

use crate::support::{WheelBuilder, locked, message, package, write};
use imgbuild_archive::ImagePath;
use imgbuild_layer::{Exclusions, Source};
use insta::assert_snapshot;

const DIST_INFO: &str = "odd-1.0.dist-info";

fn odd() -> WheelBuilder {
    WheelBuilder::new("odd", "1.0").file("odd/__init__.py", "")
}

/// What is written of a wheel.
fn written(wheel: &WheelBuilder) -> crate::support::Written {
    let folder = tempfile::tempdir().unwrap();
    let path = wheel.write(folder.path());
    write(&package(&locked(&path).unwrap(), &path), &Exclusions::new()).unwrap()
}

/// Why a wheel is refused: while locking, or else while writing.
fn refused(wheel: &WheelBuilder) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = wheel.write(folder.path());
    match locked(&path) {
        Err(error) => message(&error),
        Ok(locked) => match write(&package(&locked, &path), &Exclusions::new()) {
            Err(error) => format!("while writing: {}", message(&error)),
            Ok(_) => "accepted".to_owned(),
        },
    }
}

#[test]
fn every_part_of_a_wheel_has_its_place() {
    let wheel = odd()
        .member("odd/tool.sh", 0o100_700, b"#!/bin/sh\n")
        .member("odd/data.bin", 0o100_666, b"data")
        .member("odd/empty/", 0o40_755, b"")
        .file("odd-1.0.data/purelib/odd_pure.py", "")
        .file("odd-1.0.data/platlib/odd/plat.so", "")
        .file("odd-1.0.data/data/share/odd/readme", "")
        .file("odd-1.0.data/headers/odd.h", "")
        .file("odd-1.0.data/scripts/odd-script", "#!python -E\nprint()\n")
        .file("odd-1.0.data/scripts/odd-gui", "#!pythonw\nprint()\n")
        .file("odd-1.0.data/scripts/odd-shell", "#!/bin/sh\n")
        .file("odd-1.0.data/scripts/odd-tiny", "#!")
        .file("odd-1.0.data/scripts/odd-command-script.py", "#!python\n")
        .file(
            &format!("{DIST_INFO}/entry_points.txt"),
            "[console_scripts]\nodd-command = odd.cli:App.main [extra]\n[gui_scripts]\nodd-window = odd:main\n",
        )
        .file(&format!("{DIST_INFO}/INSTALLER"), "somebody else")
        .file(&format!("{DIST_INFO}/licenses/LICENSE"), "");
    let written = written(&wheel);
    assert_snapshot!(written.listing(), @r#"
    0755  296 /opt/venv/bin/odd-command
    0755   31 /opt/venv/bin/odd-gui
    0755   31 /opt/venv/bin/odd-script
    0755   10 /opt/venv/bin/odd-shell
    0755    2 /opt/venv/bin/odd-tiny
    0755  289 /opt/venv/bin/odd-window
    0644    0 /opt/venv/include/site/python3.11/odd/odd.h
    0644    8 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/INSTALLER
    0644   58 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/METADATA
    0644 1495 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/RECORD
    0644    0 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/REQUESTED
    0644   75 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/WHEEL
    0644   93 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/entry_points.txt
    0644    0 /opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/licenses/LICENSE
    0644    0 /opt/venv/lib/python3.11/site-packages/odd/__init__.py
    0644    4 /opt/venv/lib/python3.11/site-packages/odd/data.bin
    0644    0 /opt/venv/lib/python3.11/site-packages/odd/plat.so
    0755   10 /opt/venv/lib/python3.11/site-packages/odd/tool.sh
    0644    0 /opt/venv/lib/python3.11/site-packages/odd_pure.py
    0644    0 /opt/venv/share/odd/readme
    "#);
    assert_snapshot!(written.text("/opt/venv/bin/odd-command"), @r#"
    #!/opt/venv/bin/python
    # -*- coding: utf-8 -*-
    import sys
    from odd.cli import App
    if __name__ == "__main__":
        if sys.argv[0].endswith("-script.pyw"):
            sys.argv[0] = sys.argv[0][:-11]
        elif sys.argv[0].endswith(".exe"):
            sys.argv[0] = sys.argv[0][:-4]
        sys.exit(App.main())
    "#);
    assert_snapshot!(written.text("/opt/venv/bin/odd-script"), @r#"
    #!/opt/venv/bin/python
    print()
    "#);
    assert_snapshot!(written.text("/opt/venv/bin/odd-gui"), @r#"
    #!/opt/venv/bin/python
    print()
    "#);
    assert_snapshot!(written.text("/opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/INSTALLER"), @"imgbuild");
    assert_snapshot!(written.text("/opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/RECORD"), @r#"
    ../../../bin/odd-command,sha256=Rmgkoc3rGsEZFotyM_QDwbqy1_UDDjgK7mEfhi4bxk0,296
    ../../../bin/odd-gui,sha256=n7_gn_dQ2goW6nvBOG-_F4YkJKjovbdOWtvpqs0VObI,31
    ../../../bin/odd-script,sha256=n7_gn_dQ2goW6nvBOG-_F4YkJKjovbdOWtvpqs0VObI,31
    ../../../bin/odd-shell,sha256=qAdtPSjSHgIBKyDq99v3VAmmJ3E0Q5Al8oLjaOMwWr8,10
    ../../../bin/odd-tiny,sha256=NhLdr0bhSaT1g_rw-s6EZYUUj1ngziZFWU34O13IB-g,2
    ../../../bin/odd-window,sha256=47hs6Sef01uD-I8_jWCPNoyUHYzQowrdK1cZ_ltv0v8,289
    ../../../include/site/python3.11/odd/odd.h,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    ../../../share/odd/readme,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    odd-1.0.dist-info/INSTALLER,sha256=tkTT3_VGCakL_CIKn624mURVnOmJioSl-HQdoTf6ftA,8
    odd-1.0.dist-info/METADATA,sha256=ZRy25MM3oRvtbdiwjjzCk8jVPkaATqBiKtkzOeiVems,58
    odd-1.0.dist-info/RECORD,,
    odd-1.0.dist-info/REQUESTED,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    odd-1.0.dist-info/WHEEL,sha256=GOJWfGKy_s7ZRMtmrMyJFvIHxzo0gLZVhGWWyTqB6uo,75
    odd-1.0.dist-info/entry_points.txt,sha256=0oRMrCJCeXExRFrE8M5Srwo8-_7IUfEd2GevcWoLkUA,93
    odd-1.0.dist-info/licenses/LICENSE,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    odd/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    odd/data.bin,sha256=Om6weQ85rIfJTzhWst0sXREOaBFgImGpqSPTuyOtyLc,4
    odd/plat.so,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    odd/tool.sh,sha256=qAdtPSjSHgIBKyDq99v3VAmmJ3E0Q5Al8oLjaOMwWr8,10
    odd_pure.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
    "#);
    assert!(written.0.values().all(|(head, _)| head.mtime == 1_614_834_368));
}

#[test]
fn names_are_compared_as_the_specification_normalises_them() {
    let wheel = WheelBuilder::new("Odd.Name", "1.0.0").named("odd_name-1.0+cpu-1-py2.py3-none-any.whl");
    assert_eq!(refused(&wheel), "accepted");
    let folder = tempfile::tempdir().unwrap();
    let locked = locked(&wheel.write(folder.path())).unwrap();
    assert_eq!((locked.name.as_str(), locked.version.as_str()), ("odd-name", "1.0+cpu"));
}

#[test]
fn a_wheel_that_came_from_a_url_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd().write(folder.path());
    let mut locked = locked(&path).unwrap();
    locked.origin = Some(imgbuild_lock::DirectUrl {
        url: "https://git.example/odd".to_owned(),
        info: imgbuild_lock::DirectUrlInfo::Vcs(imgbuild_lock::VcsInfo {
            vcs: "git".to_owned(),
            commit_id: "0123".to_owned(),
            requested_revision: Some("main".to_owned()),
        }),
        subdirectory: Some("sub".to_owned()),
    });
    let written = write(&package(&locked, &path), &Exclusions::new()).unwrap();
    let text = written.text("/opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/direct_url.json");
    assert_snapshot!(text, @r#"{"url":"https://git.example/odd","vcs_info":{"vcs":"git","commit_id":"0123","requested_revision":"main"},"subdirectory":"sub"}"#);
}

#[test]
fn what_is_excluded_is_neither_written_nor_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd().file("odd/other.py", "other").write(folder.path());
    let lost = ImagePath::new("opt/venv/lib/python3.11/site-packages/odd/other.py").unwrap();
    let written = write(&package(&locked(&path).unwrap(), &path), &[lost].into()).unwrap();
    let record = written.text("/opt/venv/lib/python3.11/site-packages/odd-1.0.dist-info/RECORD");
    assert!(!record.contains("other.py") && record.contains("odd/__init__.py"), "{record}");
}

#[test]
fn facts_that_do_not_hold_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd()
        .file(&format!("{DIST_INFO}/entry_points.txt"), "[console_scripts]\nodd = odd:main\n")
        .write(folder.path());
    let locked = locked(&path).unwrap();
    let message = |change: fn(&mut imgbuild_lock::PypiPackage)| {
        let mut locked = locked.clone();
        change(&mut locked);
        message(&package(&locked, &path).claims().unwrap_err())
    };
    assert_snapshot!(message(|it| it.facts.installed_size = 1), @"the lock says of its installed size `1`, and the wheel `510`");
    assert_snapshot!(message(|it| it.facts.entry_points.clear()), @"the lock says of its entry points ``, and the wheel `odd = odd:main`");
    assert_snapshot!(message(|it| it.facts.requires_dist.push("evil".to_owned())), @"the lock says of its requirements `evil`, and the wheel ``");
    assert_snapshot!(message(|it| it.facts.requires_python = Some(">=3.9".to_owned())), @"the lock says of its Python `>=3.9`, and the wheel ``");
    assert_snapshot!(message(|it| it.facts.timestamp = 0), @"the lock says of its time `0`, and the wheel `1614834368`");
    let mut renamed = locked;
    renamed.name = "other".to_owned();
    let error = imgbuild_pypi::Package::new(&renamed, crate::support::venv(), path).unwrap_err();
    assert_snapshot!(error, @"the lock says of its name `other 1.0`, and the wheel `odd 1.0`");
}

#[test]
fn a_key_depends_on_what_the_entries_depend_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd().write(folder.path());
    let locked = locked(&path).unwrap();
    let recipe = |locked: &imgbuild_lock::PypiPackage, layout: std::sync::Arc<imgbuild_pypi::Layout>| {
        let package = imgbuild_pypi::Package::new(locked, layout, path.clone());
        package.unwrap().part().recipe
    };
    let base = recipe(&locked, crate::support::venv());
    assert_eq!(recipe(&locked, crate::support::venv()), base);
    let mut recipes = vec![base];
    let other = |change: fn(&mut imgbuild_pypi::Layout)| {
        let mut layout = (*crate::support::venv()).clone();
        change(&mut layout);
        recipe(&locked, std::sync::Arc::new(layout))
    };
    recipes.push(other(|it| it.prefix = ImagePath::new("opt/other").unwrap()));
    recipes.push(other(|it| it.site_packages = ImagePath::new("opt/venv/lib").unwrap()));
    recipes.push(other(|it| it.interpreter = ImagePath::new("opt/venv/bin/pypy").unwrap()));
    recipes.push(other(|it| it.headers = ImagePath::new("opt/venv/h").unwrap()));
    recipes.push(other(|it| it.minor = 12));
    let mut rebuilt = locked.clone();
    rebuilt.sha256 = imgbuild_oci::Digest::of("other");
    recipes.push(recipe(&rebuilt, crate::support::venv()));
    recipes.sort();
    recipes.dedup();
    assert_eq!(recipes.len(), 7);
}

#[test]
fn metadata_that_contradicts_itself_is_refused() {
    let wheel_file = |text: &str| odd().file(&format!("{DIST_INFO}/WHEEL"), text);
    let metadata = |text: &str| odd().file(&format!("{DIST_INFO}/METADATA"), text);
    assert_snapshot!(refused(&odd().without(&format!("{DIST_INFO}/WHEEL"))), @"it has no `odd-1.0.dist-info/WHEEL`");
    assert_snapshot!(refused(&wheel_file("Generator: x\n")), @"its `WHEEL` has no `Wheel-Version`");
    assert_snapshot!(refused(&wheel_file("Wheel-Version: 2.0\n")), @"it follows version `2.0` of the wheel format, and version 1 is the one that is known");
    assert_snapshot!(refused(&wheel_file("Wheel-Version: 1.x\n")), @"it follows version `1.x` of the wheel format, and version 1 is the one that is known");
    assert_snapshot!(refused(&metadata("Name: odd\n")), @"its `METADATA` has no `Version`");
    assert_snapshot!(refused(&metadata("Name: odd\nName: even\nVersion: 1.0\n")), @"its `METADATA` has more than one `Name`");
    assert_snapshot!(refused(&metadata("Name: even\nVersion: 1.0\n")), @"the file is named `odd-1.0-py3-none-any.whl`, and its `METADATA` says `even 1.0`");
    assert_snapshot!(refused(&metadata("Name: odd\nVersion: 1.1\n")), @"the file is named `odd-1.0-py3-none-any.whl`, and its `METADATA` says `odd 1.1`");
    assert_snapshot!(refused(&odd().named("even-1.0-py3-none-any.whl")), @"the file is named `even-1.0-py3-none-any.whl`, and its folder of metadata says `odd-1.0.dist-info`");
    assert_snapshot!(refused(&odd().named("odd-1.0.whl")), @"`odd-1.0.whl` is not the name of a wheel: it has not five or six parts between hyphens");
    assert_snapshot!(refused(&odd().file("even-1.0.dist-info/METADATA", "")), @"it has several `.dist-info` folders: even-1.0.dist-info, odd-1.0.dist-info");
    assert_snapshot!(refused(&odd().member(&format!("{DIST_INFO}/METADATA"), 0, b"Name: \xff")), @"its `odd-1.0.dist-info/METADATA` is not valid UTF-8");
}

#[test]
fn a_record_that_does_not_hold_is_refused() {
    let good = odd().record_text();
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        refused(&odd().record(&good.replacen(from, to, 1)))
    };
    let empty = "odd/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n";
    assert_snapshot!(changed(empty, ""), @"its `RECORD` does not list `odd/__init__.py`, which it holds");
    assert_snapshot!(changed("47DEQpj8", "57DEQpj8"), @"while writing: `odd/__init__.py` has the hash `sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU`, and its `RECORD` says `sha256=57DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU`");
    assert_snapshot!(changed(",0\n", ",7\n"), @"`odd/__init__.py` has 0 bytes, and its `RECORD` says 7");
    assert_snapshot!(changed("sha256=47DEQpj8", "md5=47DEQpj8"), @"its `RECORD` has no hash of `odd/__init__.py` by sha256, sha384 or sha512");
    assert_snapshot!(changed(empty, "odd/__init__.py,,\n"), @"its `RECORD` has no hash of `odd/__init__.py` by sha256, sha384 or sha512");
    assert_snapshot!(changed(empty, &format!("{empty}odd/ghost.py,sha256=x,0\n")), @"its `RECORD` lists `odd/ghost.py`, which it does not hold");
    assert_snapshot!(changed(empty, &format!("{empty}{empty}")), @"its `RECORD` lists `odd/__init__.py` twice");
    assert_snapshot!(changed(empty, "odd/__init__.py\n"), @"line 3 of its `RECORD` is not a path, a hash and a size");
    assert_snapshot!(refused(&odd().record("")), @"its `RECORD` does not list `odd-1.0.dist-info/WHEEL`, which it holds");
    // Signatures cannot be listed; nor need `RECORD` itself be; sizes may be left out, and slashes be too many.
    let own = format!("{DIST_INFO}/RECORD,,\n");
    assert_eq!(changed(&own, ""), "accepted");
    assert_eq!(changed(",0\n", ",\n"), "accepted");
    assert_eq!(changed("odd/__init__.py", "/odd/__init__.py"), "accepted");
    assert_eq!(refused(&odd().file(&format!("{DIST_INFO}/RECORD.jws"), "{}").record(&good)), "accepted");
}

#[test]
fn hashes_of_every_sound_kind_are_compared() {
    let good = odd().record_text();
    let with = |hash: &str| {
        let hash = format!("odd/__init__.py,{hash},0");
        let line = "odd/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0";
        refused(&odd().record(&good.replacen(line, &hash, 1)))
    };
    let sha384 = "OLBgp1GsljhM2TJ-sbHjaiH9txEUvgdDTAzHv2P24donTt6_529l-9Ua0vFImLlb";
    let sha512 = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGlODJ6-SfaPg";
    assert_eq!(with(&format!("sha384={sha384}")), "accepted");
    assert_eq!(with(&format!("sha512={sha512}==")), "accepted");
    assert_snapshot!(with(&format!("sha384={sha512}")), @"while writing: `odd/__init__.py` has the hash `sha384=OLBgp1GsljhM2TJ-sbHjaiH9txEUvgdDTAzHv2P24donTt6_529l-9Ua0vFImLlb`, and its `RECORD` says `sha384=z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGlODJ6-SfaPg`");
}

#[test]
fn hostile_paths_are_refused() {
    let with = |path: &str| refused(&odd().file(path, "x"));
    assert_snapshot!(with("../evil"), @"the zip container is ambiguous or damaged at `../evil`: its name has a component `..`");
    assert_snapshot!(with("odd/../../evil"), @"the zip container is ambiguous or damaged at `odd/../../evil`: its name has a component `..`");
    assert_snapshot!(with("/etc/evil"), @"the zip container is ambiguous or damaged at `/etc/evil`: its name is absolute");
    assert_snapshot!(with("odd//evil"), @"the path `odd//evil` has an empty component");
    assert_snapshot!(with("odd\\evil"), @r"the zip container is ambiguous or damaged at `odd\\evil`: its name has a backslash, which some systems read as a slash");
    assert_snapshot!(with("odd-1.0.data/data/../../evil"), @"the zip container is ambiguous or damaged at `odd-1.0.data/data/../../evil`: its name has a component `..`");
    assert_snapshot!(with("odd-1.0.data/evil"), @"it holds `odd-1.0.data/evil`, which is in no part of the `.data` folder");
    assert_snapshot!(with("odd-1.0.data/stdlib/evil"), @"it holds `odd-1.0.data/stdlib/evil`, which is in a part of the `.data` folder that there is not");
    assert_snapshot!(with("even-2.0.data/data/evil"), @"it holds `even-2.0.data/data/evil`, which is in a `.data` folder that is not this wheel's");
    assert_snapshot!(with("odd-1.0.data/scripts/a/evil"), @"it holds `odd-1.0.data/scripts/a/evil`, which is in a folder below `scripts`");
    assert_snapshot!(with("odd-1.0.data/scripts/python3"), @"it holds `odd-1.0.data/scripts/python3`, which would take the place of the interpreter");
    assert_snapshot!(with("odd-1.0.data/data/bin/python3.11"), @"it holds `odd-1.0.data/data/bin/python3.11`, which would take the place of the interpreter");
    assert_snapshot!(with("odd-1.0.data/data/bin/python3.11/x"), @"it holds `odd-1.0.data/data/bin/python3.11/x`, which would take the place of the interpreter");
    for folder in [
        "bin",
        "lib",
        "lib64",
        "include",
        "share",
        "etc",
        "conda-meta",
        "lib/python3.11",
        "include/python3.11",
    ] {
        let path = format!("odd-1.0.data/data/{folder}");
        let expected =
            format!("it holds `{path}`, which would take the place of a folder of the environment");
        assert_eq!(with(&path), expected);
    }
    assert_snapshot!(with("odd-1.0.data/purelib/pip-99.dist-info/METADATA"), @"it holds `odd-1.0.data/purelib/pip-99.dist-info/METADATA`, which is metadata in the `.data` folder");
    assert_snapshot!(refused(&odd().member("odd/link", 0o120_777, b"/etc/passwd")), @"it holds `odd/link`, which is a link or a device");
    assert_snapshot!(refused(&odd().member("odd/folder/", 0o40_755, b"x")), @"the zip container is ambiguous or damaged at `odd/folder/`: it is a folder and has content");
    assert_snapshot!(refused(&odd().again("odd/__init__.py", 0o100_644, b"")), @"the zip container is ambiguous or damaged at `odd/__init__.py`: the archive has it twice");
    assert_snapshot!(refused(&odd().file("odd-1.0.data/purelib/odd/__init__.py", "x")), @"while writing: `pypi/odd` holds the path `/opt/venv/lib/python3.11/site-packages/odd/__init__.py` twice");
    assert_snapshot!(refused(&odd().file("odd/__init__.py/x", "x")), @"the zip container is ambiguous or damaged at `odd/__init__.py/x`: a folder that it is in is a file of the archive");
}

#[test]
fn hostile_commands_are_refused() {
    let with = |line: &str| {
        refused(
            &odd().file(&format!("{DIST_INFO}/entry_points.txt"), &format!("[console_scripts]\n{line}\n")),
        )
    };
    assert_snapshot!(with("../../../etc/evil = odd:main"), @"its entry point `../../../etc/evil` has a name that no command may have");
    assert_snapshot!(with("python = odd:main"), @"its entry point `python` would take the place of the interpreter");
    assert_snapshot!(with("odd = os:system('evil')#"), @r#"its entry point `odd` is `os:system(\'evil\')#`, which is not a module and an object"#);
    assert_snapshot!(with("odd = odd"), @"its entry point `odd` is `odd`, which is not a module and an object");
    assert_snapshot!(with("[odd = odd:main"), @"its entry point `[odd` has a name that no command may have");
    assert_snapshot!(with("odd = odd:main\n[gui_scripts]\nodd = odd:other"), @"it has the entry point `odd` twice");
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 80 << 20];
    assert_snapshot!(refused(&odd().member("odd/zeros", 0o100_644, &zeros)), @"the archive unpacks to 83886538 bytes, and may not to more than 75359864");
    let large = odd().member(&format!("{DIST_INFO}/entry_points.txt"), 0o100_644, &zeros[..(64 << 20) + 1]);
    let padding: Vec<u8> = (0..4_000_000_u64)
        .flat_map(|it| (it.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).to_le_bytes())
        .step_by(4)
        .collect();
    assert_snapshot!(refused(&large.member("odd/padding", 0o100_644, &padding)), @"its `odd-1.0.dist-info/entry_points.txt` is larger than 64 MiB");
}

#[test]
fn damaged_content_is_told_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd().file("odd/text.py", "some text that is long enough to be found").write(folder.path());
    let locked = locked(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(11).position(|it| it == b"odd/text.py").unwrap() + 20;
    bytes[at] ^= 0x20;
    std::fs::write(&path, bytes).unwrap();
    assert_snapshot!(message(&write(&package(&locked, &path), &Exclusions::new()).err().unwrap()), @"cannot read `/opt/venv/lib/python3.11/site-packages/odd/text.py`: corrupt deflate stream");
}
