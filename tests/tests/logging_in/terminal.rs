//! A password that is typed: the terminal does not show it, and is afterwards as it was.

use std::process::Command;

use imgbuild_tests::{Registry, capture};
use insta::assert_snapshot;

use crate::{FILE, Home};

/// Runs a program at a terminal of its own, types an answer to each question that ends in a colon, and prints what it showed, whether
/// the terminal shows what is typed while each is asked and at the end, and how the program ended. `^C` is Ctrl-C.
const TYPE: &str = r#"
import os, pty, select, sys, termios
answers, words = sys.argv[1].split(','), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(words[0], words)
shows = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
seen, shown = b'', []
while True:
    try:
        part = os.read(terminal, 1024)
    except OSError:
        break
    if not part:
        break
    seen += part
    if seen.endswith(b': ') and answers:
        shown.append(shows())
        answer = answers.pop(0)
        os.write(terminal, b'\x03' if answer == '^C' else answer.encode() + b'\n')
shown.append(shows())
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(seen.decode().replace('\r\n', '\n'), end='')
print('echo', shown, 'code', code)
"#;

fn typed(home: &Home, host: &str, answers: &str, arguments: &[&str]) -> String {
    let program = home.imgbuild.command(["login", host]);
    let mut command = Command::new("python3");
    command.args(["-c", TYPE, answers]).arg(program.get_program()).args(["login", host]).args(arguments);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let outcome = capture(&mut command).success();
    home.said(&outcome, host)
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let registry = Registry::with_password();
    let (home, host) = (Home::new(), registry.address());
    assert_snapshot!(typed(&home, host, "user,hunter2", &[]), @r"
    user at HOST: user
    password of user at HOST: 
    logged in to `HOST` as `user`: `HOME/.docker/config.json` holds the password, for all who can read it
    echo [True, False, True] code 0
    ");
    assert!(home.read(FILE).contains("dXNlcjpodW50ZXIy"));
    home.logout(host).success();
    assert_snapshot!(typed(&home, host, "hunter3", &["--user", "user"]), @r"
    password of user at HOST: 
      × cannot log in to `HOST` as `user`
      ╰─▶ `HOST`: nobody can sign in: the registry does not accept the credential (401): UNAUTHORIZED (authentication required)
      help: check the user and the password: many registries want an access token as the password
    echo [False, True] code 1
    ");
    assert_snapshot!(typed(&home, host, "^C", &["--user", "user"]), @r"
    password of user at HOST: interrupted: nothing was written under its final name, and the next run goes on from here
    echo [False, True] code 130
    ");
    assert!(!home.read(FILE).contains("auth\""));
}
