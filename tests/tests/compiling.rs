//! The interpreter that compiles bytecode is a package like any other: it sees its own files, and nothing of the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use imgbuild_tests::{Bench, capture};
use insta::assert_snapshot;

/// Makes a channel in the folder `own`: a Python whose program is the file `program`, and a package with a module.
const CHANNEL: &str = r#"
import hashlib, io, json, os, sys, tarfile
program = open("program", "rb").read()
def package(subdir, name, files, **more):
    info = {"name": name, "version": "3.11.0", "build": "0", "build_number": 0, "depends": [], "subdir": subdir, **more}
    paths = [{"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
             for path, data in files.items()]
    members = {"info/index.json": json.dumps(info).encode(), "info/files": "\n".join(files).encode(),
               "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(), **files}
    if info.get("noarch"):
        members["info/link.json"] = b'{"noarch": {"type": "python"}, "package_metadata_version": 1}'
    os.makedirs("own/" + subdir, exist_ok=True)
    path = f"own/{subdir}/{name}-3.11.0-0.tar.bz2"
    with tarfile.open(path, "w:bz2") as tar:
        for member, data in members.items():
            head = tarfile.TarInfo(member)
            head.size, head.mode = len(data), 0o755
            tar.addfile(head, io.BytesIO(data))
    whole = open(path, "rb").read()
    record = {**info, "sha256": hashlib.sha256(whole).hexdigest(), "md5": hashlib.md5(whole).hexdigest(), "size": len(whole)}
    with open(f"own/{subdir}/repodata.json", "w") as index:
        json.dump({"info": {"subdir": subdir}, "packages": {os.path.basename(path): record}, "packages.conda": {}}, index)
package("linux-64", "python", {"bin/python3.11": program})
package("noarch", "module", {"site-packages/module.py": b"x = 1\n"}, noarch="python", depends=["python"])
"#;

/// A program that is no Python: what it can reach of the machine, it says in place of its version.
const PROGRAM: &str = r#"
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(void) {
    char found[512] = "";
    if (access("/etc/passwd", R_OK) == 0) strcat(found, "passwd,");
    if (open(MARK, O_CREAT | O_WRONLY, 0600) >= 0) strcat(found, "home,");
    if (open("/mark", O_CREAT | O_WRONLY, 0600) >= 0 && write(3, found, 0) < 0) strcat(found, "root,");
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(PORT) };
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&server, sizeof server) == 0) strcat(found, "network,");
    if (malloc((size_t)3 << 30) != NULL) strcat(found, "memory,");
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "CANARY=", 7) == 0) strcat(found, "variables,");
    strcat(found, "end");
    // An honest one says what it should, and that nothing compiles.
    if (HONEST) strcpy(found, "3.11.0 cpython-311");
    uint64_t size = strlen(found), one = 1;
    if (write(1, &size, 8) != 8 || write(1, found, size) != (ssize_t)size || write(1, "abcd", 4) != 4) return 1;
    unsigned char head[13];
    while (HONEST && fread(head, 1, 13, stdin) == 13) {
        uint32_t path;
        uint64_t source;
        if (HONEST == 2) abort();
        if (HONEST > 2) return HONEST - 3;
        memcpy(&path, head, 4);
        memcpy(&source, head + 4, 8);
        for (uint64_t left = path + source; left; left--) getchar();
        if (write(1, &one, 8) != 8 || write(1, "\1", 1) != 1) return 1;
    }
    return 0;
}
"#;

/// A bench with that Python, which is honest or not.
fn bench(honest: bool) -> Bench {
    bench_with(u8::from(honest))
}

fn bench_with(honest: u8) -> Bench {
    let bench = Bench::new();
    bench.imgbuild.write("program.c", PROGRAM);
    let mark = format!("-DMARK=\"{}\"", bench.imgbuild.path("mark").display());
    let port = format!("-DPORT={}", bench.mirror.url().rsplit(':').next().unwrap());
    let honest = format!("-DHONEST={honest}");
    let compile = ["gcc", "-o", "program", "program.c", &mark, &port, &honest];
    for words in [&compile[..], &["python3", "-c", CHANNEL]] {
        capture(Command::new(words[0]).args(&words[1..]).current_dir(bench.imgbuild.folder()));
    }
    spec(&bench, "true");
    Bench { imgbuild: bench.imgbuild.variable("CANARY", "secret"), ..bench }
}

fn spec(bench: &Bench, bytecode: &str) {
    let conda = "[conda]\nchannels = [\"./own\"]\npackages = [\"module\"]\npip = false";
    let rest = format!("{conda}\n[layers]\nbytecode = {bytecode}");
    bench.spec("platforms = [\"linux/amd64\"]", &rest);
}

/// As on a machine that forbids sandboxes.
fn forbidden(bench: Bench) -> Bench {
    const FORBID: &str = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$0\" \"$@\"";
    let words = ["unshare", "--user", "--map-root-user", "sh", "-c", FORBID];
    Bench { imgbuild: bench.imgbuild.through(words), ..bench }
}

#[test]
fn an_interpreter_reaches_nothing_of_the_machine() {
    let bench = bench(false);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot put `conda/module` into a layer
    ╰─▶ the interpreter is Python end, and the image's is 3.11.0
    ");
    assert!(!bench.imgbuild.path("mark").exists());
    // What it would reach, were there no sandbox.
    let bench = forbidden(bench);
    assert_snapshot!(bench.fails(&[]), @"
    × cannot put `conda/module` into a layer
    ╰─▶ the interpreter is Python passwd,home,network,memory,end, and the image's is 3.11.0
    ");
    assert!(bench.imgbuild.path("mark").exists());
}

#[test]
fn a_machine_without_sandboxes_compiles_outside_and_says_so() {
    let bench = bench(true);
    spec(&bench, "\"sandboxed\"");
    let digest = bench.build(&[]);
    fs_err::remove_dir_all(bench.imgbuild.path("out")).unwrap();
    // As if nothing had been compiled yet.
    for folder in ["layers-v1", "bytecode-v1"] {
        fs_err::remove_dir_all(bench.imgbuild.store().join(folder)).unwrap();
    }
    let bench = forbidden(bench);
    assert_snapshot!(bench.fails(&["--locked"]), @"
    × cannot put `conda/module` into a layer
    ╰─▶ the interpreter that compiles bytecode cannot be had: it may run in the sandbox alone, and no sandbox can be made on this machine: user namespaces are switched off (`user.max_user_namespaces` is 0)
    help: as root, `sysctl -w user.max_user_namespaces=15000`; a file in `/etc/sysctl.d` keeps it
    ");
    spec(&bench, "true");
    let outcome = bench.run(&["build", "spec.toml", "--locked", "--output", "out", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["images"][0]["digest"], digest);
    assert_snapshot!(report["notes"][0].as_str().unwrap(), @r#"the images' Python compiled its sources outside of the sandbox, with all that you may do: no sandbox can be made on this machine: user namespaces are switched off (`user.max_user_namespaces` is 0); `bytecode = "sandboxed"` in `[layers]` makes that an error"#);
}

#[test]
fn what_fails_in_making_a_sandbox_is_no_permission_to_go_without() {
    // While it is found out whether there may be one, and when one is made.
    let said = ["mount", "pivot_root"].map(|call| {
        let bench = bench(false);
        let log = bench.imgbuild.path("strace.log");
        let inject = format!("--inject={call}:error=EIO");
        let words = ["strace", "--follow-forks", "--quiet=all", "--output", log.to_str().unwrap(), &inject];
        let bench = Bench { imgbuild: bench.imgbuild.through(words), ..bench };
        let said = bench.fails(&[]);
        assert!(!bench.imgbuild.path("mark").exists());
        said
    });
    assert_snapshot!(said.join("\n"), @"
    × cannot put `conda/module` into a layer
    ╰─▶ the interpreter that compiles bytecode cannot be had: the sandbox cannot mount anything in its namespaces: Input/output error (os error 5)
    × cannot put `conda/module` into a layer
    ╰─▶ the interpreter `/opt/conda/bin/python3.11` does not start on this machine: the sandbox cannot enter the new root: Input/output error (os error 5)
    ");
}

#[test]
fn an_interpreter_that_stops_in_the_middle() {
    let line = "╰─▶ the interpreter that compiles bytecode stopped while it compiled `/opt/conda/lib/python3.11/site-packages/module.py`: ";
    let said: Vec<String> = (2..5)
        .flat_map(|how| [bench_with(how), forbidden(bench_with(how))])
        .map(|bench| {
            bench.fails(&[]).lines().last().unwrap().trim_start().strip_prefix(line).unwrap().to_owned()
        })
        .collect();
    assert_snapshot!(said.join("\n"), @"
    it was ended by the signal 6
    it ended with signal: 6 (SIGABRT)
    it ended before it answered
    it ended before it answered
    it ended with the exit code 1
    it ended with exit status: 1
    ");
}
