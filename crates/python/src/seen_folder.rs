//! How a virtual environment of ours sees a further folder of modules: by a line that Python runs at its start.
//!
//! A `.pth` file may name a folder too, but then the `.pth` files in that one are not read.

use imgbuild_archive::ImagePath;

/// The file that holds the line, in the environment's own folder of modules.
pub const SEEN_FOLDER_FILE: &str = "imgbuild-base.pth";

const BEGIN: &str = "import site; site.addsitedir(";
const END: &str = ")\n";

/// The line for a folder. What JSON calls a text, Python does too.
pub fn seeing(folder: &ImagePath) -> String {
    format!("{BEGIN}{}{END}", serde_json::Value::from(folder.to_string()))
}

/// The folder that such a line is for; nothing where it is none of ours.
pub fn seen_by(text: &str) -> Option<ImagePath> {
    let folder = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    ImagePath::from_absolute(&serde_json::from_str::<String>(folder).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for path in ["/opt/venv/lib/python3.13/site-packages", "/a b/\"c\"\\d/é"] {
            let folder = ImagePath::from_absolute(path).unwrap();
            assert_eq!(seen_by(&seeing(&folder)), Some(folder));
        }
        let usual = ImagePath::from_absolute("/opt/x").unwrap();
        assert_eq!(seeing(&usual), "import site; site.addsitedir(\"/opt/x\")\n");
        for text in
            ["", "/opt/x\n", "import site; site.addsitedir(x)\n", "import site; site.addsitedir(\"x\")\n"]
        {
            assert_eq!(seen_by(text), None, "{text}");
        }
    }
}
