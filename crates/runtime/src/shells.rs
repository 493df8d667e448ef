//! What shells read so that they find the environment.

use crate::Variables;

/// Activates the environment in a shell, once for it and all that it starts. What the spec says, and what the container was given,
/// holds, unless a script adds to it, as to a list of folders or of options.
const ACTIVATION: &str = r#"# Made by imgbuild: does what the environment's activation scripts do, where that is not done yet.
if [ -z "${IMGBUILD_ACTIVATED:-}" ]; then
    IMGBUILD_ACTIVATED=$CONDA_PREFIX
    export IMGBUILD_ACTIVATED
    imgbuild_held=
    for imgbuild_name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        eval "imgbuild_is_set=\${$imgbuild_name+x} imgbuild_value=\${$imgbuild_name-}"
        case $imgbuild_name=$imgbuild_value in
            FREE) ;;
            *)
                [ -n "$imgbuild_is_set" ] || continue
                imgbuild_held="$imgbuild_held $imgbuild_name"
                eval "imgbuild_held_$imgbuild_name=\$imgbuild_value"
                ;;
        esac
    done
    for imgbuild_script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
        [ -r "$imgbuild_script" ] && . "$imgbuild_script"
    done
    for imgbuild_name in $imgbuild_held; do
        eval "imgbuild_value=\$imgbuild_held_$imgbuild_name imgbuild_now=\${$imgbuild_name-}"
        unset "imgbuild_held_$imgbuild_name"
        case ":$imgbuild_now:" in *":$imgbuild_value:"*) continue ;; esac
        case " $imgbuild_now " in *" $imgbuild_value "*) continue ;; esac
        eval "$imgbuild_name=\$imgbuild_value"
        export "${imgbuild_name?}"
    done
    unset imgbuild_script imgbuild_held imgbuild_name imgbuild_value imgbuild_is_set imgbuild_now
fi
"#;

/// What a shell has of its own.
const SHELLS: &str = "_=*|PWD=*|OLDPWD=*|SHLVL=*|IMGBUILD_ACTIVATED=*|imgbuild_*";

/// The script that does it.
pub(crate) fn activation(variables: &Variables) -> String {
    let own = READ_ONLY.iter().map(|name| format!("{name}=*"));
    let activated = variables.values.iter().filter(|(name, _)| variables.activated.contains(*name));
    let activated = activated.map(|(name, value)| quoted(&format!("{name}={value}")));
    let free: Vec<String> = [SHELLS.to_owned()].into_iter().chain(own).chain(activated).collect();
    ACTIVATION.replacen("FREE)", &format!("{})", free.join("|")), 1)
}

/// Where that stands: bash reads it wherever `BASH_ENV` names it.
pub const ACTIVATION_FILE: &str = "/etc/imgbuild/activate.sh";

/// Runs a command in the activated environment.
pub(crate) const ACTIVATE_SCRIPT: &str = "#!/bin/bash
# Made by imgbuild: activates the environment, then becomes the command.
. /etc/imgbuild/activate.sh
exec \"$@\"
";

/// What every shell reads that may have to change environments, interactive or not.
pub const SHELL_FILE: &str = "/etc/imgbuild/shell.sh";

/// Files of a base that shells read, and the line that leads from each to the environment: of bash what it reads where it is
/// interactive and no login shell, of zsh what it always reads.
pub const SHELL_FILES: [(&str, &str); 2] = [
    ("etc/bash.bashrc", "\n# Made by imgbuild: the environment.\n. /etc/imgbuild/shell.sh\n"),
    (
        "etc/zsh/zshenv",
        "\n# Made by imgbuild: the environment.\nemulate sh -c '. /etc/profile.d/imgbuild.sh'\n[ ! -r /etc/imgbuild/functions.sh ] || . /etc/imgbuild/functions.sh\n",
    ),
];

/// That file: the activation, and the functions.
pub(crate) fn shell(variables: &Variables) -> String {
    let mut text = "# Made by imgbuild: the environment, for every shell.\n".to_owned();
    if !variables.dynamic.is_empty() {
        text.push_str(&format!(". {ACTIVATION_FILE}\n"));
    }
    if !variables.managers.is_empty() {
        text.push_str(&format!(". {FUNCTIONS_FILE}\n"));
    }
    text
}

/// Where the functions stand that `conda activate` and its like are. zsh, which reads all else as `sh` does, reads them as itself.
pub(crate) const FUNCTIONS_FILE: &str = "/etc/imgbuild/functions.sh";

/// Those functions.
pub(crate) fn functions(variables: &Variables) -> String {
    let mut text = "# Made by imgbuild: lets shells change environments.\n".to_owned();
    let prefix = &variables.root_prefix;
    for manager in &variables.managers {
        if *manager == "conda" {
            let script = quoted(&format!("{prefix}/etc/profile.d/conda.sh"));
            text.push_str(&format!("[ ! -r {script} ] || . {script}\n"));
        } else {
            let program = quoted(&format!("{prefix}/bin/{manager}"));
            text.push_str(&FUNCTION.replace("NAME", manager).replace("PROGRAM", &program));
        }
    }
    text
}

/// What takes its own place by what the program gives for this shell, when it is called first: most shells never do.
const FUNCTION: &str = r#"NAME() {
    if [ -n "${imgbuild_NAME:-}" ]; then
        PROGRAM "$@"
        return
    fi
    imgbuild_NAME=read
    if [ -n "${ZSH_VERSION:-}" ]; then
        eval "$(PROGRAM shell hook --shell zsh)"
    elif [ -n "${BASH_VERSION:-}" ]; then
        eval "$(PROGRAM shell hook --shell bash)"
    else
        eval "$(PROGRAM shell hook --shell posix)"
    fi
    NAME "$@"
}
"#;

/// A login shell does not inherit the image's variables over SSH, and Debian's `/etc/profile` sets `PATH` anew.
pub(crate) const PROFILE: &str = "etc/profile.d/imgbuild.sh";

/// A name for a user that the image does not know, in login shells.
pub(crate) const NAME: &str = "etc/profile.d/imgbuild-name.sh";

/// `whoami` that knows a name for such a user, before the system's own on the `PATH`.
pub(crate) const WHOAMI: &str = "usr/local/bin/whoami";

/// What a login shell reads where whoever works in it may be nobody that the image knows: programs that ask the environment find
/// the name of the image's user, and bash's prompt shows it instead of "I have no name!".
pub(crate) fn name(user: &str) -> String {
    let user = quoted(user);
    format!(
        "# Made by imgbuild: a name for a user that the image does not know.
if ! id -un >/dev/null 2>&1; then
    [ -n \"${{USER:-}}\" ] || USER={user}
    LOGNAME=${{LOGNAME:-$USER}}
    export USER LOGNAME
    # What bash sets its prompt to comes later, and names the user by `\\u`.
    PROMPT_COMMAND='PS1=${{PS1//\\\\u/$USER}}'
fi
"
    )
}

/// The program.
pub(crate) fn whoami(user: &str) -> String {
    let user = quoted(user);
    format!(
        "#!/bin/sh
# Made by imgbuild: whoami, also for a user that the image does not know.
if [ \"$#\" = 0 ] && ! id -un >/dev/null 2>&1; then
    imgbuild_name={user}
    printf '%s\\n' \"${{USER:-$imgbuild_name}}\"
else
    exec /usr/bin/whoami \"$@\"
fi
"
    )
}

/// What bash keeps for itself: to set one is an error of every login.
const READ_ONLY: [&str; 6] = ["BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"];

fn is_shell_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(word);
    is_name && !READ_ONLY.contains(&name)
}

/// A text as a shell reads it. A quote inside a quoted word: close, escape, open again.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// What a login shell reads: the image's variables, where it was not started with others.
pub(crate) fn profile(variables: &Variables) -> String {
    let mut text = "# Made by imgbuild: the image's variables, for login shells.\n".to_owned();
    // Images that others made may have variables that no shell can set.
    for (name, value) in
        variables.values.iter().filter(|(name, value)| is_shell_name(name) && !value.contains('\0'))
    {
        let value = quoted(value);
        if name == "PATH" {
            text.push_str(&path(&value));
        } else {
            // What the container was given stays.
            text.push_str(&format!("[ -n \"${{{name}+x}}\" ] || {name}={value}\nexport {name}\n"));
        }
    }
    if variables.need_shells() {
        text.push_str(&format!(". {SHELL_FILE}\n"));
    }
    text
}

/// `/etc/profile` sets `PATH` anew, whatever it was. What the shell was started with is right, unless it names folders of the
/// system alone, as after `su` and the like.
fn path(value: &str) -> String {
    const SYSTEM: &str = "(/usr(/local)?)?/s?bin|/usr(/local)?/games";
    format!(
        "imgbuild_given=$(tr '\\0' '\\n' <\"/proc/$$/environ\" 2>/dev/null | sed -n 's/^PATH=//p' 2>/dev/null)
case $(printf '%s' \"$imgbuild_given\" | tr ':' '\\n' 2>/dev/null | grep -vxE '{SYSTEM}' 2>/dev/null) in
    '') PATH={value} ;;
    *) PATH=$imgbuild_given ;;
esac
unset imgbuild_given
export PATH
"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What a shell exports after it has read a text.
    fn read(shell: &str, text: &str) -> BTreeMap<String, String> {
        let mut command = Command::new(shell);
        command.args(["-e", "-c", "eval \"$1\"; exec /usr/bin/env -0", "shell", text]).env_clear();
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {text}\n{output:?}");
        let said = String::from_utf8(output.stdout).unwrap();
        let variables = said.split('\0').filter_map(|line| line.split_once('='));
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
        #[test]
        fn login_shells_set_what_the_image_has(
            values in prop::collection::vec("(?s)['\"\\\\$`\n\r\t!{}~*;&|<>() a-c]{0,16}|[\u{1}-\u{ff}]{0,8}|[^\u{0}]{0,8}", 1..12),
        ) {
            let values = values.into_iter().enumerate().map(|(at, value)| (format!("V_{at}"), value));
            let wanted: BTreeMap<String, String> = values.collect();
            let text = profile(&Variables { values: wanted.clone(), ..Variables::default() });
            for shell in ["/bin/bash", "/bin/sh"] {
                let mut found = read(shell, &text);
                found.retain(|name, _| name.starts_with("V_"));
                prop_assert_eq!(&found, &wanted, "{}", shell);
            }
        }
    }

    #[test]
    fn what_the_shell_was_started_with_stays() {
        let values = [("PATH", "/opt/venv/bin:/usr/bin:/bin"), ("A", "image"), ("B", "image")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = profile(&Variables { values: values.into_iter().collect(), ..Variables::default() });
        for (path, found) in [
            ("/usr/local/bin:/usr/bin:/bin", "/opt/venv/bin:/usr/bin:/bin"),
            ("/mine:/usr/bin:/bin", "/mine:/usr/bin:/bin"),
        ] {
            for shell in ["/bin/bash", "/bin/sh"] {
                // As `/etc/profile` does before.
                let script = format!("PATH=/usr/bin:/bin\n{text}echo \"$PATH $A [$B]\"");
                let mut command = Command::new(shell);
                command.args(["-ec", &script]).env_clear().env("PATH", path).env("A", "given").env("B", "");
                let output = command.output().unwrap();
                assert_eq!(
                    String::from_utf8(output.stdout).unwrap(),
                    format!("{found} given []\n"),
                    "{shell}"
                );
            }
        }
    }

    #[test]
    fn what_spec_and_start_say_holds_over_activation_scripts() {
        let folder = tempfile::tempdir().unwrap();
        let scripts = folder.path().join("etc/conda/activate.d");
        std::fs::create_dir_all(&scripts).unwrap();
        let script = "export EXPORT=script STATE=script GIVEN=script NEW=script THREADS=16 EMPTY=script\n\
            export FOLDERS=/script:$FOLDERS OPTIONS=\"-O2 $OPTIONS\" PATH=/script:$PATH\nunset GONE\n";
        std::fs::write(scripts.join("a.sh"), script).unwrap();
        let values = [("PATH", "/usr/bin:/bin"), ("EXPORT", "a 'quoted' value"), ("STATE", "state")];
        let mut environment: BTreeMap<String, String> =
            values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let activated = ["PATH", "EXPORT"].map(str::to_owned).into();
        let text = activation(&Variables { values: environment.clone(), activated, ..Variables::default() });
        let given = [
            ("CONDA_PREFIX", folder.path().to_str().unwrap()),
            ("GIVEN", "given"),
            ("THREADS", "1"),
            ("EMPTY", ""),
            ("FOLDERS", "/given"),
            ("OPTIONS", "-g"),
            ("GONE", "given"),
            ("LINES", "one\nNEW=two\n"),
        ];
        environment.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let run = |shell: &str, changed: Option<(&str, &str)>| {
            let mut command = Command::new(shell);
            command.args(["-euc", &format!("{text}exec env"), "shell"]).env_clear().envs(&environment);
            let output = command.envs(changed).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {text}\n{said}");
            let mut lines: Vec<&str> = said.lines().collect();
            lines.sort_unstable();
            lines.retain(|it| !["_=", "PWD=", "SHLVL=", "OLDPWD="].iter().any(|own| it.starts_with(own)));
            lines.join("\n").replace(folder.path().to_str().unwrap(), "PREFIX")
        };
        insta::assert_snapshot!(run("/bin/bash", None), @r"
        CONDA_PREFIX=PREFIX
        EMPTY=
        EXPORT=script
        FOLDERS=/script:/given
        GIVEN=given
        GONE=given
        IMGBUILD_ACTIVATED=PREFIX
        LINES=one
        NEW=script
        NEW=two
        OPTIONS=-O2 -g
        PATH=/script:/usr/bin:/bin
        STATE=state
        THREADS=1
        ");
        assert_eq!(run("/bin/sh", None), run("/bin/bash", None));
        for shell in ["/bin/bash", "/bin/sh"] {
            let found = run(shell, Some(("EXPORT", "given")));
            assert!(found.contains("\nEXPORT=given\n"), "{shell}: {found}");
        }
    }

    #[test]
    fn who_has_no_name_is_called_as_the_images_user() {
        // Nobody here has this number.
        let run = |shell: &str, script: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=54321", "--regid=54321", "--clear-groups", shell, "-c", script, "whoami"]);
            let output = command.env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
            assert!(output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        for shell in ["/bin/sh", "/bin/bash"] {
            assert_eq!(run(shell, &format!("{}echo $USER $LOGNAME", name("ada"))), "ada ada\n");
            assert_eq!(run(shell, &whoami("ada")), "ada\n");
        }
        let prompt = format!("PS1='\\u@\\h'; {}eval \"$PROMPT_COMMAND\"; echo \"$PS1\"", name("ada"));
        assert_eq!(run("/bin/bash", &prompt), "ada@\\h\n");
        // Who has one keeps it.
        let root = Command::new("sh").args(["-c", &whoami("ada")]).output().unwrap();
        let own = Command::new("/usr/bin/whoami").output().unwrap();
        assert_eq!(root.stdout, own.stdout);
    }

    #[test]
    fn what_no_shell_can_set_is_left_out() {
        let names =
            ["UID", "EUID", "PPID", "BASHOPTS", "SHELLOPTS", "BASH_VERSINFO", "a-b", "1A", "NUL", "GOOD"];
        let value = |name: &str| if name == "NUL" { "a\0b" } else { "1" }.to_owned();
        let values = names.into_iter().map(|name| (name.to_owned(), value(name))).collect();
        let text = profile(&Variables { values, ..Variables::default() });
        assert_eq!(read("/bin/bash", &text).get("GOOD").map(String::as_str), Some("1"));
        assert_eq!(text.matches("export ").count(), 1, "{text}");
    }
}
