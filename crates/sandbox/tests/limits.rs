//! Limits, signals, and that nothing is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{Who, World};

/// Processes of this machine whose command line holds a word.
fn processes(word: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(word.len()).any(|part| part == word.as_bytes())).count()
}

/// Waits until as many processes have a word in their command line.
fn reach(word: &str, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while processes(word) != count {
        assert!(Instant::now() < deadline, "{} processes of {word}, not {count}", processes(word));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn what_runs_too_long_is_killed_with_all_that_it_started() {
    for who in Who::ALL {
        let said = World::new(who).sh(
            &["--seconds", "1"],
            "setsid sleep 4150 & (trap '' TERM INT HUP; sleep 4150) & echo started; wait",
        );
        assert_eq!(
            (said.code, said.output.as_str(), said.error.as_str()),
            (124, "started\n", "timed out\n"),
            "{who:?}"
        );
        assert_eq!(processes("sleep\x004150"), 0);
    }
}

#[test]
fn what_nobody_wants_any_more_is_killed_with_all_that_it_started() {
    for (index, who) in Who::ALL.into_iter().enumerate() {
        let line = format!("sleep\0426{index}");
        let script = format!("(trap '' TERM INT HUP; sleep 426{index}) & echo started; wait");
        let world = World::new(who);
        let mut child = world.spawn(&["--until-input"], &script);
        assert_eq!(first_line(&mut child), "started\n");
        reach(&line, 1);
        assert_eq!(child.try_wait().unwrap(), None);
        // Whoever could say it is gone.
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), Some(123), "{who:?}");
        assert_eq!(processes(&line), 0);
    }
}

#[test]
fn what_still_runs_when_the_command_has_ended_ends_with_it() {
    let said = World::new(Who::Ranges)
        .sh(&[], "setsid sleep 4250 & setsid sh -c 'trap \"\" TERM HUP; sleep 4250' & sleep 0.2; exit 3");
    assert_eq!(said.code, 3);
    assert_eq!(processes("sleep\x004250"), 0);
}

#[test]
fn a_killed_program_leaves_no_process() {
    for (index, who) in Who::ALL.into_iter().enumerate() {
        let word = format!("430{index}");
        let line = format!("sleep\0{word}");
        let world = World::new(who);
        let mut child = world.spawn(&[], &format!("setsid sleep {word} & echo started; sleep {word}"));
        assert_eq!(first_line(&mut child), "started\n");
        reach(&line, 2);
        send(&child, Signal::KILL);
        child.wait().unwrap();
        reach(&line, 0);
    }
}

#[test]
fn signals_reach_the_command() {
    let world = World::new(Who::Root);
    for (signal, name) in [
        (Signal::INT, "INT"),
        (Signal::TERM, "TERM"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::WINCH, "WINCH"),
    ] {
        let script =
            format!("trap 'echo got {name}; exit 5' {name}; echo ready; while :; do sleep 0.05; done");
        let mut child = world.spawn(&[], &script);
        assert_eq!(first_line(&mut child), "ready\n");
        send(&child, signal);
        let mut rest = String::new();
        child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!((rest, child.wait().unwrap().code()), (format!("got {name}\n"), Some(5)));
        world.driver(&["remove", "layer-0"]).status().unwrap();
    }
}

#[test]
fn a_fork_bomb_ends() {
    for who in Who::ALL {
        let script = "bomb() { bomb | bomb & }; bomb; sleep 1; ls -d /proc/[0-9]* | wc -l";
        let said = World::new(who).sh(&["--processes", "40", "--seconds", "20", "--keep", "100"], script);
        let last = said.output.lines().next_back().unwrap_or_default().to_owned();
        // Where even the last two cannot be started, the shell or the time ends it; what many shells say at once is mixed.
        assert!(
            last.parse::<u32>().is_ok_and(|count| count <= 42) || said.output.contains("can't fork"),
            "{who:?} {said:?}"
        );
    }
}

#[test]
fn files_and_memory_are_limited() {
    let world = World::new(Who::Root);
    let said =
        world.sh(&["--file-size", "100000"], "dd if=/dev/zero of=/file bs=1000 count=1000; stat -c %s /file");
    assert_eq!(said.output, "100000\n");
    assert_eq!(world.sh(&["--open-files", "17"], "ulimit -n").ok(), "17\n");
    let said =
        world.sh(&["--address-space", "50000000"], "dd if=/dev/zero of=/dev/null bs=100000000 count=1");
    assert!(said.code != 0 && said.error.contains("out of memory"), "{said:?}");
}

#[test]
fn a_file_that_is_read_cannot_be_written() {
    let world = World::new(Who::Root);
    world.layers(&[]);
    let path = world.path("given");
    std::fs::write(&path, "mine\n").unwrap();
    // Whoever may write the file outside could do so inside.
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let script = "cat; echo theirs > /proc/self/fd/0";
    let layers = ["--layer".to_owned(), "layer-0".to_owned()];
    let mut command = world.command(&["--input"], &layers, &["sh", "-c", script]);
    let output = command.stdin(std::fs::File::open(&path).unwrap()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mine\n", "{output:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine\n");
}

/// In a terminal of its own, which `script` of util-linux makes: what is typed once the command says that it is ready.
fn in_terminal(world: &World, words: &str, typed: &str) -> String {
    let line = format!("{} run --layer layer-0 --input -- {words}", world.path("driver").display());
    let mut child = Command::new("script");
    child.args(["-qec", &line, "/dev/null"]).current_dir(world.folder.path());
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.ends_with("ready\r\n") && output.read_line(&mut text).unwrap() > 0 {}
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), typed.as_bytes()).unwrap();
    output.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    text.replace('\r', "")
}

#[test]
fn a_terminal_is_one_inside_as_well() {
    let world = World::new(Who::Root);
    world.layers(&[]);
    let script = "sh -c 'tty; test -t 0 -a -t 1 -a -t 2 && echo yes; readlink /proc/self/fd/0; echo ready; read it; echo \"<$it>\"'";
    assert_eq!(
        in_terminal(&world, script, "hello\n"),
        "/dev/pts/0\nyes\n/dev/pts/0\nready\nhello\n<hello>\n"
    );
    // Ctrl-C is typed once, and reaches the command once.
    let script = "sh -c 'trap \"echo caught\" INT; echo ready; sleep 1; sleep 1; exit 0'";
    let said = in_terminal(&world, script, "\x03");
    assert_eq!(said.matches("caught").count(), 1, "{said}");
}
