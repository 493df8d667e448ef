//! From lines to instructions: parser directives, comments, lines that go on, heredocs.

use std::iter::Peekable;
use std::ops::Range;
use std::str::Lines;

use imgbuild_document::{Problem, Source, suggest};

use crate::instruction::{Document, Flag, Instruction};
use crate::mistake::DockerfileMistake;

/// The instructions ("Dockerfile reference").
const KEYWORDS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The instructions of a file in their order, and its escape character.
pub(crate) struct Reading {
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) escape: char,
    pub(crate) problems: Vec<Problem>,
}

/// Reads what can be read, and what is wrong.
pub(crate) fn read(source: &Source) -> Reading {
    let text = source.inner().trim_start_matches('\u{feff}');
    let escape = escape(text);
    let mut lines = text.lines().peekable();
    let mut reading = Reading { instructions: Vec::new(), escape, problems: Vec::new() };
    let mut number = 0;
    while let Some(line) = lines.next() {
        number += 1;
        if line.trim().is_empty() || is_comment(line) {
            continue;
        }
        let begin = number;
        let (joined, starts) = join((&mut number, line), &mut lines, escape);
        let word: &str = joined.split_whitespace().next().unwrap_or_default();
        let keyword = word.to_ascii_uppercase();
        if !KEYWORDS.contains(&keyword.as_str()) {
            reading.problems.push(unknown(source, begin, word));
            continue;
        }
        let mut instruction = instruction(keyword, &joined, &starts, begin);
        if let Err((line, name)) = documents(&mut instruction, &mut number, &mut lines) {
            let problem = Problem::new(DockerfileMistake::EndlessDocument { name: name.clone() });
            let problem = problem.at(source, span(source, line), "it begins here");
            reading.problems.push(problem.hint(format!("end it by a line that is `{name}` alone")));
        }
        if instruction.text.trim().is_empty() {
            let problem = Problem::new(DockerfileMistake::Empty { keyword: instruction.keyword });
            reading.problems.push(problem.at(source, span(source, begin), "here"));
        } else {
            reading.instructions.push(instruction);
        }
    }
    reading
}

/// The bytes of a line.
pub(crate) fn span(source: &Source, number: usize) -> Range<usize> {
    let before = source.inner().split_inclusive('\n').take(number.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let line = source.inner().get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    start..start + line.len()
}

fn unknown(source: &Source, line: usize, word: &str) -> Problem {
    let known = KEYWORDS.map(str::to_ascii_lowercase);
    let near =
        suggest::nearest(word, &known).map(|near| format!("did you mean `{}`?", near.to_ascii_uppercase()));
    // A line that was to go on is the most frequent reason.
    let hint = near.unwrap_or_else(|| {
        "a line goes on where it ends with `\\`, and nothing stands behind that".to_owned()
    });
    let shown: String = word.chars().take(40).collect();
    Problem::new(DockerfileMistake::UnknownInstruction { word: shown })
        .at(source, span(source, line), "here")
        .hint(hint)
}

/// The character that the directive `escape` names: directives stand before everything else.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let Some(directive) = line.trim().strip_prefix('#') else { break };
        let Some((name, value)) = directive.split_once('=') else { break };
        if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// A line with those that it goes on in; comments and empty lines among them are passed over.
fn join(
    (number, line): (&mut usize, &str),
    lines: &mut Peekable<Lines<'_>>,
    escape: char,
) -> (String, Vec<(usize, usize)>) {
    let mut starts = vec![(0, *number)];
    let mut joined = String::new();
    let mut current = line;
    loop {
        let Some(part) = current.trim_end().strip_suffix(escape) else {
            joined.push_str(current);
            break;
        };
        joined.push_str(part);
        let next = loop {
            let Some(next) = lines.next() else { return (joined, starts) };
            *number += 1;
            if !is_comment(next) && !next.trim().is_empty() {
                break next;
            }
        };
        starts.push((joined.len(), *number));
        current = next;
    }
    (joined, starts)
}

fn instruction(keyword: String, joined: &str, starts: &[(usize, usize)], line: usize) -> Instruction {
    let mut rest = joined.trim_start();
    rest = rest.get(keyword.len()..).unwrap_or_default().trim_start();
    let mut flags = Vec::new();
    while let Some(flag) = rest.strip_prefix("--") {
        let end = flag.find(char::is_whitespace).unwrap_or(flag.len());
        let (name, value) = flag[..end].split_once('=').unwrap_or((&flag[..end], ""));
        flags.push(Flag { name: name.to_owned(), value: value.trim_matches('"').to_owned() });
        rest = flag[end..].trim_start();
    }
    let offset = joined.len() - rest.len();
    let shifted = starts.iter().map(|(start, line)| (start.saturating_sub(offset), *line));
    let text = rest.trim_end().to_owned();
    Instruction { keyword, flags, text, line, documents: Vec::new(), starts: shifted.collect() }
}

/// Takes the documents that an instruction announces. The error is that one has no end.
fn documents(
    instruction: &mut Instruction,
    number: &mut usize,
    lines: &mut Peekable<Lines<'_>>,
) -> Result<(), (usize, String)> {
    if !["RUN", "COPY", "ADD"].contains(&instruction.keyword.as_str()) {
        return Ok(());
    }
    for (name, strips_tabs, is_expanded) in announced(&instruction.text) {
        let begin = *number;
        let mut text = String::new();
        let is_closed = loop {
            let Some(line) = lines.next() else { break false };
            *number += 1;
            let line = if strips_tabs { line.trim_start_matches('\t') } else { line };
            if line == name {
                break true;
            }
            text.push_str(line);
            text.push('\n');
        };
        if !is_closed {
            return Err((begin, name));
        }
        instruction.documents.push(Document { name, is_expanded, text, line: begin + 1 });
    }
    Ok(())
}

/// The heredocs that a text announces: the word, whether tabs are taken off, whether variables are put in.
fn announced(text: &str) -> Vec<(String, bool, bool)> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (quote, character) {
            (None, '\\') => drop(characters.next()),
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, '<') if text[at..].starts_with("<<") && !text[at..].starts_with("<<<") => {
                let rest = &text[at + 2..];
                let (strips_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
                let mark = rest.chars().next().filter(|it| ['\'', '"'].contains(it));
                let rest = mark.map_or(rest, |_| &rest[1..]);
                let end =
                    rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
                let is_closed = mark.is_none_or(|mark| rest[end..].starts_with(mark));
                if end > 0 && is_closed {
                    found.push((rest[..end].to_owned(), strips_tabs, mark.is_none()));
                }
                characters.next();
                if mark.is_some() && is_closed {
                    // Its quotes are none of the text.
                    let behind = text.len() - rest.len() + end + 1;
                    while characters.peek().is_some_and(|(at, _)| *at < behind) {
                        characters.next();
                    }
                }
            }
            // A here-string.
            (None, '<') if text[at..].starts_with("<<<") => drop((characters.next(), characters.next())),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Instruction> {
        let reading = read(&imgbuild_document::source("Dockerfile", text.to_owned()));
        assert!(reading.problems.is_empty(), "{:?}", reading.problems);
        reading.instructions
    }

    #[test]
    fn lines_go_on_over_comments_and_know_their_numbers() {
        let text = "\u{feff}# syntax=docker/dockerfile:1\n\nfrom a \nRUN apt-get update && \\\n    # why\n\n  apt-get install -y \\ \n git\n";
        let found = of(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].keyword.as_str(), found[0].text.as_str(), found[0].line), ("FROM", "a", 3));
        assert_eq!(found[1].text, "apt-get update &&   apt-get install -y  git");
        let at = |word: &str| found[1].line_at(found[1].text.find(word).unwrap());
        assert_eq!((at("update"), at("install"), at("git")), (4, 7, 8));
    }

    #[test]
    fn the_escape_character_is_that_of_the_directive() {
        let found = of("# escape=`\nFROM a\nRUN b `\n c\\\nRUN d\n");
        assert_eq!(found[1].text, "b  c\\");
        // Behind a comment it is one itself.
        assert_eq!(of("# hello\n# escape=`\nFROM a\nRUN b \\\n c\n")[1].text, "b  c");
    }

    #[test]
    fn flags_stand_before_the_rest() {
        let found = of("FROM a\nCOPY --from=b --chown=1:2 --link x /y\n");
        assert_eq!(
            (found[1].flag("from"), found[1].flag("link"), found[1].flag("to")),
            (Some("b"), Some(""), None)
        );
        assert_eq!(found[1].text, "x /y");
    }

    #[test]
    fn documents_follow_their_instruction() {
        let found = of(
            "FROM a\nRUN <<EOF\napt-get update\n# why\nEOF\nCOPY <<-'A' <<B /x\n\tone $X\n\tA\ntwo\nB\nRUN cat <<< EOF\n",
        );
        let document = |at: usize, which: usize| {
            let it = &found[at].documents[which];
            (it.name.as_str(), it.text.as_str(), it.is_expanded, it.line)
        };
        assert_eq!(document(1, 0), ("EOF", "apt-get update\n# why\n", true, 3));
        assert_eq!(document(2, 0), ("A", "one $X\n", false, 7));
        assert_eq!(document(2, 1), ("B", "two\n", true, 9));
        assert_eq!(found.len(), 4);
    }
}
