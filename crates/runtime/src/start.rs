//! How an image's programs are started.

use crate::Variables;

/// Where the program stands that activates the environment for the entrypoint.
pub const ACTIVATE: &str = "/usr/local/bin/imgbuild-activate";

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

/// The entrypoint and command that an image has unless the spec names others: an init as process 1, and the shell where the base
/// starts nothing. What variables cannot say is activated before the command runs, and before the entrypoint of a base that
/// has one.
pub fn start(base: &BaseStart, variables: &Variables) -> Start {
    let BaseStart { start: base, init, shell } = base;
    let shell = shell.as_ref().filter(|_| base.entrypoint.is_empty() && base.cmd.is_empty());
    let cmd: Vec<String> = base.cmd.iter().chain(shell).cloned().collect();
    let mut entrypoint = Vec::new();
    // An entrypoint that is there sees to signals itself, or not: that is its image's.
    if let Some(init) = init.as_ref().filter(|_| base.entrypoint.is_empty() && !cmd.is_empty()) {
        entrypoint.extend([init.clone(), "--".to_owned()]);
    }
    if !variables.dynamic.is_empty() {
        entrypoint.push(ACTIVATE.to_owned());
    }
    entrypoint.extend(base.entrypoint.iter().cloned());
    Start { entrypoint, cmd }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// `ENTRYPOINT | CMD` of an image on one that starts these.
    fn on(entrypoint: &str, cmd: &str, init: Option<&str>, shell: Option<&str>, dynamic: bool) -> String {
        let base = Start { entrypoint: words(entrypoint), cmd: words(cmd) };
        let (init, shell) = (init.map(str::to_owned), shell.map(str::to_owned));
        let script = ("gcc".to_owned(), "etc/conda/activate.d/gcc.sh".to_owned());
        let dynamic = if dynamic { vec![script] } else { vec![] };
        let variables = Variables { dynamic, ..Variables::default() };
        let start = start(&BaseStart { start: base, init, shell }, &variables);
        format!("{} | {}", start.entrypoint.join(" "), start.cmd.join(" ")).trim().to_owned()
    }

    #[test]
    fn an_image_goes_on_starting_what_its_base_starts() {
        let (tini, bash) = (Some("/usr/bin/tini"), Some("/bin/bash"));
        assert_eq!(on("", "python3", tini, bash, false), "/usr/bin/tini -- | python3");
        assert_eq!(on("", "python3", None, bash, false), "| python3");
        assert_eq!(on("", "", tini, bash, false), "/usr/bin/tini -- | /bin/bash");
        assert_eq!(on("/serve", "--port 1", tini, bash, false), "/serve | --port 1");
        assert_eq!(on("/serve", "", tini, bash, false), "/serve |");
        assert_eq!(on("", "", tini, None, false), "|");
    }

    #[test]
    fn the_environment_is_activated_before_the_bases_entrypoint() {
        assert_eq!(on("/serve", "x", None, None, true), format!("{ACTIVATE} /serve | x"));
        let bash = Some("/bin/bash");
        assert_eq!(on("", "", Some("/tini"), bash, true), format!("/tini -- {ACTIVATE} | /bin/bash"));
    }
}
