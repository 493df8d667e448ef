//! `conda-meta/history`: what conda and mamba read to know which packages were asked for.

use imgbuild_environment::match_spec_name;
use imgbuild_lock::{CondaPackage, CondaSet, LockedSet};

/// The history of an environment that was made at once, as conda writes it.
pub(crate) fn history(conda: &LockedSet<'_, CondaSet, CondaPackage>, time: jiff::Timestamp) -> String {
    let mut lines: Vec<String> = conda.packages.iter().map(|package| line(package)).collect();
    lines.sort();
    // pip is beside Python without being asked for. What solves anew by what is said here would take it away.
    let has = |name: &str| conda.packages.iter().any(|package| package.name() == name);
    let is_asked = |name: &str| conda.set.requested.iter().any(|spec| match_spec_name(spec) == name);
    let mut requested = conda.set.requested.clone();
    requested.extend((has("python") && has("pip") && !is_asked("pip")).then(|| "pip".to_owned()));
    requested.sort();
    format!(
        "==> {} <==\n# cmd: imgbuild build\n{}\n# update specs: {}\n",
        time.strftime("%Y-%m-%d %H:%M:%S"),
        lines.join("\n"),
        list(&requested)
    )
}

fn line(package: &CondaPackage) -> String {
    let channel = package.channel.trim_end_matches('/');
    let subdir = package.text("subdir").unwrap_or_default();
    format!("+{channel}/{subdir}::{}-{}-{}", package.name(), package.version(), package.build())
}

/// A list of texts as Python writes one: conda reads it by `ast.literal_eval`, and mamba by cutting at `', '`.
fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| literal(text)).collect::<Vec<_>>().join(", "))
}

/// A text as a literal of Python, as its `repr` has it: in double quotes only where single ones would have to be escaped.
/// What is not ASCII is escaped, since conda splits the file wherever Unicode knows an end of a line.
fn literal(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut literal = String::from(quote);
    for character in text.chars() {
        match character {
            '\\' => literal.push_str(r"\\"),
            '\n' => literal.push_str(r"\n"),
            '\r' => literal.push_str(r"\r"),
            '\t' => literal.push_str(r"\t"),
            _ if character == quote => literal.extend(['\\', quote]),
            ' '..='~' => literal.push(character),
            _ => literal.push_str(&match u32::from(character) {
                code @ ..0x100 => format!("\\x{code:02x}"),
                code @ ..0x1_0000 => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_written_as_python_writes_them() {
        for (text, literal) in [
            ("numpy >=1.20", "'numpy >=1.20'"),
            ("numpy[version='>=1.20']", r#""numpy[version='>=1.20']""#),
            (r#"numpy[version=">=1.20"]"#, r#"'numpy[version=">=1.20"]'"#),
            (r#"a'b"c"#, r#"'a\'b"c'"#),
            ("a\\b\n\u{85}\u{2028}é🐍", r"'a\\b\n\x85\u2028\xe9\U0001f40d'"),
            ("", "''"),
        ] {
            assert_eq!(super::literal(text), literal);
        }
    }

    /// How conda reads a history: `History.parse` and `History._parse_comment_line` of conda 24.
    const READER: &str = r##"
import ast, json, re, sys
lines = [line.strip() for line in sys.stdin.buffer.read().decode().splitlines()]
specs = [re.match(r"#\s*(\w+)\s*specs:\s*(.+)?", line) for line in lines if line.startswith("#")]
print(json.dumps([ast.literal_eval(match.group(2)) for match in specs if match]))
"##;

    /// What conda reads of a history.
    fn read(history: &str) -> Vec<Vec<String>> {
        let mut python = Command::new("python3");
        let python = python.args(["-I", "-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().unwrap();
        python.stdin.take().unwrap().write_all(history.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "{history}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
        #[test]
        fn conda_reads_what_was_asked_for(
            requested in proptest::collection::vec("(?s)[ -~]{0,12}|['\"\\\\$`%\\[\\],#=\n\r\t]{0,8}|.{0,8}", 1..40),
        ) {
            let history = format!("==> now <==\n# cmd: imgbuild build\n# update specs: {}\n", list(&requested));
            prop_assert_eq!(read(&history), vec![requested]);
        }
    }
}
