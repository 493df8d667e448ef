//! First lines of scripts.

/// The longest first line that Linux reads, with its newline.
const LONGEST: usize = 127;

/// The first line of a script that `interpreter` runs, without a newline at its end.
///
/// Where the kernel would not read it (it is too long, or the path has a space), the shell is started instead: to it the
/// second line is a command, and to Python the second and third are a text.
pub(crate) fn shebang(interpreter: &str) -> String {
    let line = format!("#!{interpreter}");
    if line.len() < LONGEST && !interpreter.contains(' ') {
        return line;
    }
    let quoted = interpreter.replace('\'', r#"'"'"'"#);
    format!("#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_go_through_the_shell() {
        assert_eq!(shebang("/opt/venv/bin/python"), "#!/opt/venv/bin/python");
        let longest = format!("/{}", "x".repeat(123));
        assert_eq!(shebang(&longest), format!("#!{longest}"));
        let longer = format!("/{}", "x".repeat(124));
        assert_eq!(shebang(&longer), format!("#!/bin/sh\n'''exec' '{longer}' \"$0\" \"$@\"\n' '''"));
        assert_eq!(shebang("/a b/python"), "#!/bin/sh\n'''exec' '/a b/python' \"$0\" \"$@\"\n' '''");
    }
}
