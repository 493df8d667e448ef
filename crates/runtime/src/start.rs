//! How an image's programs are started.

/// Where the program stands that activates the environment for the entrypoint.
pub const ACTIVATE: &str = "/usr/local/bin/imgbuild-activate";
/// What containers begin with: it makes a home ready and runs hooks, and becomes the command.
pub const START: &str = "/usr/local/bin/imgbuild-start";
/// What starts the servers of an image, beside a command or without one.
pub(crate) const SERVICES: &str = "/usr/local/bin/imgbuild-services";
/// What says whether these answer.
pub(crate) const HEALTH: &str = "/usr/local/bin/imgbuild-health";

/// The entrypoint and the command of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// What always runs.
    pub entrypoint: Vec<String>,
    /// What runs unless the user says otherwise.
    pub cmd: Vec<String>,
}

/// What a base has to start programs with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseStart {
    /// What it starts itself.
    pub start: Start,
    /// A program that reaps and forwards signals as process 1.
    pub init: Option<String>,
    /// Its shell.
    pub shell: Option<String>,
}

/// What of our own is run when a container starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnStart {
    /// Whether the environment is activated by scripts, which variables cannot replace.
    pub activates: bool,
    /// Whether there is what every bash is to read.
    pub has_shell_file: bool,
    /// Whether the image has [`START`].
    pub starts: bool,
    /// Whether it serves something.
    pub serves: bool,
    /// Whether a platform starts it by [`RUNPOD_START`].
    pub is_for_runpod: bool,
}

/// What `RunPod` calls the start of an image.
pub(crate) const RUNPOD_START: &str = "/start.sh";

/// The entrypoint and command that an image has unless the spec names others: an init as process 1, and what the image serves, or
/// the shell where the base starts nothing. What variables cannot say is activated before the command runs, and before the
/// entrypoint of a base that has one.
pub fn start(base: &BaseStart, own: OwnStart) -> Start {
    let BaseStart { start: base, init, shell } = base;
    let shell = shell.as_ref().filter(|_| base.entrypoint.is_empty() && base.cmd.is_empty());
    let cmd: Vec<String> = if own.is_for_runpod {
        vec![RUNPOD_START.to_owned()]
    } else if own.serves {
        vec![program(SERVICES)]
    } else {
        base.cmd.iter().chain(shell).cloned().collect()
    };
    let mut entrypoint = Vec::new();
    // An entrypoint that is there sees to signals itself, or not: that is its image's.
    if let Some(init) = init.as_ref().filter(|_| base.entrypoint.is_empty() && !cmd.is_empty()) {
        entrypoint.extend(init_words(init));
    }
    if own.activates {
        entrypoint.push(ACTIVATE.to_owned());
    }
    if own.starts {
        entrypoint.push(START.to_owned());
    }
    entrypoint.extend(base.entrypoint.iter().cloned());
    Start { entrypoint, cmd }
}

/// The command of an image for which the spec names one: beside what the image serves.
pub fn command(named: impl IntoIterator<Item = String>, own: OwnStart) -> Vec<String> {
    own.serves.then(|| program(SERVICES)).into_iter().chain(named).collect()
}

/// A program of ours on PATH, by its name.
fn program(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// How an init is started. `tini` signals all processes of its child's group, as `dumb-init` does anyway.
fn init_words(init: &str) -> Vec<String> {
    let group = ["tini", "docker-init"].contains(&program(init).as_str()).then(|| "-g".to_owned());
    [init.to_owned()].into_iter().chain(group).chain(["--".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// `ENTRYPOINT | CMD` of an image on one that starts these.
    fn on(entrypoint: &str, cmd: &str, init: Option<&str>, shell: Option<&str>, own: OwnStart) -> String {
        let base = Start { entrypoint: words(entrypoint), cmd: words(cmd) };
        let (init, shell) = (init.map(str::to_owned), shell.map(str::to_owned));
        let start = start(&BaseStart { start: base, init, shell }, own);
        format!("{} | {}", start.entrypoint.join(" "), start.cmd.join(" ")).trim().to_owned()
    }

    #[test]
    fn an_image_goes_on_starting_what_its_base_starts() {
        let (tini, bash, none) = (Some("/usr/bin/tini"), Some("/bin/bash"), OwnStart::default());
        assert_eq!(on("", "python3", tini, bash, none), "/usr/bin/tini -g -- | python3");
        assert_eq!(
            on("", "python3", Some("/usr/bin/dumb-init"), bash, none),
            "/usr/bin/dumb-init -- | python3"
        );
        assert_eq!(on("", "python3", None, bash, none), "| python3");
        assert_eq!(on("", "", tini, bash, none), "/usr/bin/tini -g -- | /bin/bash");
        assert_eq!(on("/serve", "--port 1", tini, bash, none), "/serve | --port 1");
        assert_eq!(on("/serve", "", tini, bash, none), "/serve |");
        assert_eq!(on("", "", tini, None, none), "|");
    }

    #[test]
    fn the_environment_is_activated_before_the_bases_entrypoint() {
        let activates = OwnStart { activates: true, ..OwnStart::default() };
        assert_eq!(on("/serve", "x", None, None, activates), format!("{ACTIVATE} /serve | x"));
        let bash = Some("/bin/bash");
        assert_eq!(on("", "", Some("/tini"), bash, activates), format!("/tini -g -- {ACTIVATE} | /bin/bash"));
    }

    #[test]
    fn what_an_image_serves_is_what_it_starts() {
        let serves = OwnStart { starts: true, serves: true, ..OwnStart::default() };
        let (tini, bash) = (Some("/usr/bin/tini"), Some("/bin/bash"));
        assert_eq!(
            on("", "", tini, bash, serves),
            format!("/usr/bin/tini -g -- {START} | imgbuild-services")
        );
        assert_eq!(on("/serve", "x", tini, bash, serves), format!("{START} /serve | imgbuild-services"));
        assert_eq!(command(words("python x.py"), serves), words("imgbuild-services python x.py"));
        assert_eq!(command(words("python x.py"), OwnStart::default()), words("python x.py"));
        let runpod = OwnStart { is_for_runpod: true, ..serves };
        assert_eq!(on("", "", tini, bash, runpod), format!("/usr/bin/tini -g -- {START} | /start.sh"));
    }
}
