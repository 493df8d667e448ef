//! Markers: the condition behind the `;` of a requirement (PyPA, "Dependency specifiers"). They are checked here, and
//! evaluated by whoever knows the image's Python.

/// The variables of a marker; those with a dot, and the last one, are of the time before PEP 508.
const VARIABLES: [&str; 18] = [
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
    "extra",
    "os.name",
    "sys.platform",
    "platform.machine",
    "platform.version",
    "platform.python_implementation",
    "python_implementation",
];
/// Without `===`, which uv does not know here.
const OPERATORS: [&str; 7] = ["==", "~=", "!=", "<=", ">=", "<", ">"];
/// More parentheses in one another than anyone writes.
const DEPTH: usize = 32;

/// Checks a marker. The error says what is wrong with it.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut reader = Reader { rest: text.trim_start() };
    reader.any(DEPTH)?;
    if reader.rest.is_empty() { Ok(()) } else { Err(reader.instead_of("`and`, `or` or the end")) }
}

struct Reader<'a> {
    /// What is not yet read; it begins with no space.
    rest: &'a str,
}

enum Value {
    Variable,
    Text,
}

impl Reader<'_> {
    fn any(&mut self, depth: usize) -> Result<(), String> {
        self.all(depth)?;
        while self.word("or") {
            self.all(depth)?;
        }
        Ok(())
    }

    fn all(&mut self, depth: usize) -> Result<(), String> {
        self.one(depth)?;
        while self.word("and") {
            self.one(depth)?;
        }
        Ok(())
    }

    fn one(&mut self, depth: usize) -> Result<(), String> {
        if self.take("(") {
            let inner = depth.checked_sub(1).ok_or_else(|| "its parentheses are too deep".to_owned())?;
            self.any(inner)?;
            return if self.take(")") { Ok(()) } else { Err(self.instead_of("`)`")) };
        }
        let left = self.value()?;
        self.operator()?;
        match (left, self.value()?) {
            (Value::Text, Value::Text) => Err("its marker compares two texts".to_owned()),
            _ => Ok(()),
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        for quote in ["'", "\""] {
            if let Some(inside) = self.rest.strip_prefix(quote) {
                let (_, behind) =
                    inside.split_once(quote).ok_or_else(|| format!("a {quote} without its partner"))?;
                self.rest = behind.trim_start();
                return Ok(Value::Text);
            }
        }
        let end = self.rest.find(|it: char| !(it.is_ascii_alphanumeric() || "_.".contains(it)));
        let word = &self.rest[..end.unwrap_or(self.rest.len())];
        if !VARIABLES.contains(&word) {
            return Err(self.instead_of("a variable, such as `python_version`, or a text in quotes"));
        }
        self.rest = self.rest[word.len()..].trim_start();
        Ok(Value::Variable)
    }

    fn operator(&mut self) -> Result<(), String> {
        if self.word("in") || self.word("not") && self.word("in") {
            return Ok(());
        }
        match OPERATORS.iter().any(|operator| self.take(operator)) {
            true => Ok(()),
            false => Err(self.instead_of("a comparison, such as `>=`")),
        }
    }

    fn take(&mut self, mark: &str) -> bool {
        match self.rest.strip_prefix(mark) {
            Some(behind) => {
                self.rest = behind.trim_start();
                true
            }
            None => false,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let next = self.rest.strip_prefix(word).and_then(|behind| behind.chars().next());
        let whole = next.is_some_and(|it| it.is_whitespace() || "('\"".contains(it));
        whole && self.take(word)
    }

    fn instead_of(&self, wanted: &str) -> String {
        match self.rest.split_whitespace().next() {
            Some(found) => format!("its marker has `{found}` in the place of {wanted}"),
            None => format!("its marker ends before {wanted}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn markers_are_those_of_the_specification() {
        for good in [
            "python_version < '3.12'",
            "python_version<'3.12'and os_name==\"posix\"",
            "'linux' in sys_platform",
            "sys_platform not in 'win32 cygwin'",
            "(python_version >= \"3.8\" or extra == 'x') and (os_name == 'posix')",
            "python_full_version ~= '3.8.1'",
            "os.name == 'posix'",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, rule) in [
            ("", "ends before a variable"),
            ("python_version", "ends before a comparison"),
            ("python_versio < '3'", "`python_versio` in the place of a variable"),
            ("python_version < 3.12", "`3.12` in the place of a variable"),
            ("python_version < '3.12", "a ' without its partner"),
            ("'a' == 'b'", "compares two texts"),
            ("os_name == 'a' os_name == 'b'", "`os_name` in the place of `and`"),
            ("(os_name == 'a'", "ends before `)`"),
            ("os_name == 'a')", "`)` in the place of `and`"),
            ("os_name not 'a'", "in the place of a comparison"),
            ("os_name === 'a'", "`=` in the place of a variable"),
            (&"(".repeat(100_000), "too deep"),
        ] {
            assert!(check(bad).unwrap_err().contains(rule), "{bad}: {:?}", check(bad));
        }
    }
}
