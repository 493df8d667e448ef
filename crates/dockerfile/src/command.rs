//! The commands of a shell's script, as far as they can be known without running it.

use std::ops::Range;

use crate::mistake::DockerfileMistake;
use crate::variables::Variables;
use crate::word::{Reader, Word};

/// What begins a command of several, and what ends it.
const OPENING: [&str; 6] = ["if", "for", "while", "until", "case", "select"];
const CLOSING: [&str; 3] = ["fi", "done", "esac"];

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// Its words; none where it only sets variables.
    pub words: Vec<Word>,
    /// The variables that are set for it.
    pub assignments: Vec<(String, Word)>,
    /// Where its input and output go.
    pub redirections: Vec<Redirection>,
    /// How it follows the one before.
    pub join: Join,
    /// Where it is written.
    pub range: Range<usize>,
    /// Whether it is one of several with conditions or loops, which only a shell understands: then it has no words.
    pub is_compound: bool,
}

/// How a command follows another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Join {
    /// After it: `;`, or `&&`.
    #[default]
    Then,
    /// Where it fails: `||`.
    Else,
    /// It reads what that one prints: `|`.
    Pipe,
}

/// Where a command's input or output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// The operator: `>`, `>>`, `<` and so on.
    pub operator: String,
    /// The file.
    pub target: Word,
}

/// The commands of a script in their order, those in parentheses among them. What they set is known to those behind them.
///
/// # Errors
///
/// When a quote is opened and not closed.
pub fn commands(text: &str, variables: &Variables) -> Result<Vec<Command>, DockerfileMistake> {
    let mut variables = variables.clone();
    let mut commands: Vec<Command> = Vec::new();
    let (mut at, mut depth, mut join) = (0, 0_usize, Join::Then);
    loop {
        let mut reader = Reader { text, at, escape: '\\', is_shell: true, variables: &variables };
        let next = separator(&mut reader);
        join = next.unwrap_or(join);
        if reader.at == text.len() {
            return Ok(commands);
        }
        let mut command = simple(&mut reader)?;
        at = reader.at;
        command.join = join;
        join = Join::Then;
        // What stands behind `then` begins a command as well.
        let mut words = command.words.iter().map(|word| word.text.as_str());
        let first = words.find(|word| !["then", "else", "do"].contains(word)).unwrap_or_default();
        let opens = OPENING.contains(&first);
        if opens || depth > 0 {
            depth += usize::from(opens);
            depth -= usize::from(CLOSING.contains(&first));
            compound(&mut commands, command, opens && depth == 1);
            continue;
        }
        set(&command, &mut variables);
        if command != (Command { join: command.join, range: command.range.clone(), ..Command::default() }) {
            commands.push(command);
        }
    }
}

/// Passes over what separates commands, and says how the next one follows where that is said.
fn separator(reader: &mut Reader<'_>) -> Option<Join> {
    let mut join = None;
    loop {
        reader.pass(char::is_whitespace);
        let rest = reader.rest();
        let (length, found) = if rest.starts_with("||") {
            (2, Some(Join::Else))
        } else if rest.starts_with("&&") {
            (2, Some(Join::Then))
        } else if rest.starts_with('|') {
            (1, Some(Join::Pipe))
        } else if rest.starts_with([';', '&', '(', ')']) {
            (1, join)
        } else if rest.starts_with("\\\n") {
            (2, join)
        } else if rest.starts_with('#') {
            (rest.find('\n').unwrap_or(rest.len()), join)
        } else {
            return join;
        };
        reader.at += length;
        join = found;
    }
}

/// A command up to what separates it from the next one.
fn simple(reader: &mut Reader<'_>) -> Result<Command, DockerfileMistake> {
    let start = reader.at;
    let mut command = Command::default();
    loop {
        reader.pass(|it| it.is_whitespace() && it != '\n');
        if reader.rest().starts_with("\\\n") {
            reader.at += 2;
            continue;
        }
        match reader.rest().chars().next() {
            None | Some('\n' | ';' | '&' | '|' | '(' | ')' | '#') => break,
            Some('<' | '>') => redirection(reader, &mut command)?,
            Some(_) => {
                let word = reader.word()?;
                let is_descriptor = word.text.bytes().all(|it| it.is_ascii_digit());
                if is_descriptor && reader.rest().starts_with(['<', '>']) {
                    redirection(reader, &mut command)?;
                } else {
                    take(&mut command, word, reader.text);
                }
            }
        }
    }
    // What cannot begin a command is passed over, so that something always is.
    if reader.at == start {
        reader.pass(|it| it == '&' || it == '|');
    }
    command.range = start..start + reader.text[start..reader.at].trim_end().len();
    Ok(command)
}

/// Adds a word: before the first one that is none, `NAME=VALUE` sets a variable.
fn take(command: &mut Command, word: Word, text: &str) {
    if command.words.is_empty() {
        let is_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|it: char| it.is_ascii_digit())
                && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
        };
        let written = &text[word.range.clone()];
        let named = written.split_once('=').filter(|(name, _)| is_name(name));
        if let Some((name, _)) = named {
            let (_, value) = word.text.split_once('=').unwrap_or_default();
            let value = Word { text: value.to_owned(), ..word.clone() };
            return command.assignments.push((name.to_owned(), value));
        }
        if ["!", "{", "time"].contains(&written) {
            return;
        }
    }
    if !(word.text == "}" && command.words.is_empty()) {
        command.words.push(word);
    }
}

fn redirection(reader: &mut Reader<'_>, command: &mut Command) -> Result<(), DockerfileMistake> {
    let start = reader.at;
    reader.pass(|it| it == '<' || it == '>');
    let operator = reader.text[start..reader.at].to_owned();
    if operator.starts_with("<<") {
        reader.pass(|it| it == '-');
    }
    // `2>&1`
    if reader.rest().starts_with('&') {
        reader.at += 1;
        reader.pass(|it| it.is_ascii_digit() || it == '-');
        return Ok(());
    }
    reader.pass(|it| it == ' ' || it == '\t');
    let target = reader.word()?;
    command.redirections.push(Redirection { operator, target });
    Ok(())
}

/// Makes one command of those that belong together.
fn compound(commands: &mut Vec<Command>, command: Command, begins: bool) {
    match commands.last_mut() {
        Some(last) if !begins && last.is_compound => last.range.end = command.range.end,
        _ => commands.push(Command {
            range: command.range,
            join: command.join,
            is_compound: true,
            ..Command::default()
        }),
    }
}

/// What a command sets for those behind it.
fn set(command: &Command, variables: &mut Variables) {
    let known = |word: &Word, text: &str| word.unknown.is_empty().then(|| text.to_owned());
    if command.words.is_empty() {
        for (name, value) in &command.assignments {
            variables.set(name, known(value, &value.text));
        }
    } else if command.words[0].text == "export" {
        for word in &command.words[1..] {
            if let Some((name, value)) = word.text.split_once('=') {
                variables.set(name, known(word, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let shown = |command: Command| {
            let words: Vec<String> = command.words.into_iter().map(|word| word.text).collect();
            let mut shown =
                if command.is_compound { format!("<{}>", &text[command.range]) } else { words.join("|") };
            for (name, value) in command.assignments {
                shown = format!("{name}={} {shown}", value.text);
            }
            for it in command.redirections {
                shown = format!("{shown} {}{}", it.operator, it.target.text);
            }
            match command.join {
                Join::Then => shown,
                Join::Else => format!("|| {shown}"),
                Join::Pipe => format!("| {shown}"),
            }
        };
        commands(text, &Variables::default()).unwrap().into_iter().map(shown).collect()
    }

    #[test]
    fn a_script_is_its_commands() {
        assert_eq!(
            of("set -ex; apt-get update && A=1 B='2 3' apt-get install -y 'g++' || true"),
            ["set|-ex", "apt-get|update", "B=2 3 A=1 apt-get|install|-y|g++", "|| true"]
        );
        assert_eq!(
            of("(cd x && make) > log 2>&1 & wget -qO- u | bash"),
            ["cd|x", "make", " >log", "wget|-qO-|u", "| bash"]
        );
        assert_eq!(of("echo a >>/etc/x 2>/dev/null # why\nls"), ["echo|a >>/etc/x >/dev/null", "ls"]);
        assert_eq!(of("{ a; b; }"), ["a", "b"]);
        assert_eq!(of("a \\\n  b\n\n# c\n! d"), ["a|b", "d"]);
    }

    #[test]
    fn what_is_set_is_known_behind() {
        assert_eq!(
            of("V=1.2; export W=$V.3 && pip install x==$W"),
            ["V=1.2 ", "export|W=1.2.3", "pip|install|x==1.2.3"]
        );
        let found = commands("V=$(uname -m \")\"); x a$V`b`", &Variables::default()).unwrap();
        assert_eq!(found[1].words[1].unknown, ["V", "$(…)"]);
    }

    #[test]
    fn conditions_and_loops_are_one_command() {
        let text = "a; if [ -f x ]; then pip install -r x; else for i in 1 2; do b; done; fi; c";
        assert_eq!(of(text), ["a", &format!("<{}>", &text[3..text.len() - 3]), "c"]);
        assert_eq!(of("if x"), ["<if x>"]);
    }

    proptest::proptest! {
        #[test]
        fn no_script_stops_it(text in "[a-z$(){}'\"`\\\\ \n;&|<>#=!0-9]{0,60}") {
            let _ = commands(&text, &Variables::default());
        }
    }
}
