//! What a command printed, in messages.

/// What a command printed, for a message: each line of it below a head.
pub fn printed(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    match text.trim_end() {
        "" => "it printed nothing".to_owned(),
        text => {
            let lines: Vec<String> =
                text.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
            format!("it printed:\n{}", lines.join("\n"))
        }
    }
}
