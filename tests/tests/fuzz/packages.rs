//! What packages of conda and wheels say of themselves.

use imgbuild_conda::{Archive, ArchiveFormat, Damaged, Info};
use imgbuild_pypi::{Wheel, WheelFilename};
use serde_json::json;

use crate::seeds::{FILES, bzip2, tar_of, zip_of, zstd};
use crate::{Seed, fuzz};

const JSON: [&str; 14] = [
    "\"path_type\":\"softlink\"",
    "\"path_type\":\"directory\"",
    "\"_path\":\"../x\"",
    "\"prefix_placeholder\":\"/\"",
    "\"file_mode\":\"binary\"",
    "\"noarch\":\"python\",",
    "null",
    "[",
    "{",
    "\\u0000",
    "\\ud800",
    "\"",
    ",",
    "1e400",
];

#[test]
fn conda_info() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("package");
    let index = json!({
        "name": "odd", "version": "1.0", "build": "py311_0", "build_number": 0, "depends": ["python >=3.11,<3.12.0a0"],
        "constrains": ["x <2"], "subdir": "linux-64", "arch": "x86_64", "platform": "linux", "timestamp": 1_600_000_000_000_u64,
    })
    .to_string();
    let entry =
        |name: &str, size: usize| json!({ "_path": name, "path_type": "hardlink", "size_in_bytes": size });
    let mut entries: Vec<_> = FILES.iter().map(|(name, body)| entry(name, body.len())).collect();
    entries[0]["file_mode"] = "text".into();
    entries[0]["prefix_placeholder"] = "/old/prefix".into();
    let paths = json!({ "paths_version": 1, "paths": entries }).to_string();
    let link = json!({
        "package_metadata_version": 1,
        "noarch": { "type": "python", "entry_points": ["run = odd.main:run"] },
    })
    .to_string();
    let info = |index: &[u8], paths: &[u8], link: &[u8]| {
        tar_of([("info/index.json", index), ("info/paths.json", paths), ("info/link.json", link)])
    };
    let container = |info: &[u8]| {
        let (info, content) = (zstd(info), zstd(&tar_of(FILES)));
        let members = [
            ("metadata.json", br#"{"conda_pkg_format_version": 2}"#.as_slice()),
            ("pkg-odd-1.0-py311_0.tar.zst", &content),
            ("info-odd-1.0-py311_0.tar.zst", &info),
        ];
        zip_of(members, true)
    };
    let files = "lib/a.py\nlib/b.py\nshare/empty\n";
    let old = |files: &[u8], prefix: &[u8], index: &[u8]| {
        let info = [("info/index.json", index), ("info/files", files), ("info/has_prefix", prefix)];
        bzip2(&tar_of(FILES.into_iter().chain(info)))
    };
    let (i, p, l) = (index.clone().into_bytes(), paths.clone().into_bytes(), link.clone().into_bytes());
    let all = info(&i, &p, &l);
    let [of_index, of_paths, of_link, of_files, of_prefix] =
        [(); 5].map(|()| (i.clone(), p.clone(), l.clone()));
    let seeds = [
        Seed::plain(container(&all)),
        Seed::part(index, move |index| container(&info(index, &of_index.1, &of_index.2))),
        Seed::part(paths, move |paths| container(&info(&of_paths.0, paths, &of_paths.2))),
        Seed::part(link, move |link| container(&info(&of_link.0, &of_link.1, link))),
        Seed::part(all, move |info| container(&crate::seeds::with_checksums(info))),
        Seed::part(files, move |files| old(files, b"/old/prefix text lib/a.py\n", &of_files.0)),
        Seed::part("/old/prefix text lib/a.py\n", move |prefix| old(files.as_bytes(), prefix, &of_prefix.0)),
    ];
    fuzz(&seeds, &JSON, |bytes| {
        fs_err::write(&file, bytes).unwrap();
        let format = if bytes.starts_with(b"BZ") { ArchiveFormat::TarBz2 } else { ArchiveFormat::Conda };
        let archive = Archive::new(&file, format);
        // Nothing that is refused otherwise may do harm because a spec accepts what is damaged.
        let accepted = Info::read(&archive, Damaged::Accepted);
        let info = Info::read(&archive, Damaged::Refused).map_err(|error| error.to_string())?;
        assert_eq!(accepted.unwrap().digest, info.digest);
        Ok(())
    });
}

const RECORD: &str = "\
lib/a.py,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,6
\"lib/b.py\",sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,6
share/empty,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
odd-1.0.dist-info/METADATA,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,
odd-1.0.dist-info/WHEEL,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,
odd-1.0.dist-info/entry_points.txt,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,
odd-1.0.dist-info/RECORD,,
";
const METADATA: &str = "\
Metadata-Version: 2.1
Name: odd
Version: 1.0
Requires-Python: >=3.9,<4
Requires-Dist: six[a,b] >=1.16 ; python_version < '3.12' and extra == 'x'
Requires-Dist: y @ https://example.org/y.whl
Provides-Extra: x
Description: a
        b

Text without form.
";
const WHEEL: &str = "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
const ENTRY_POINTS: &str =
    "[console_scripts]\nrun = odd.main:run\n# note\n[gui_scripts]\nshow = odd:show [x]\n";

#[test]
fn wheel_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.whl");
    let filename: WheelFilename = "odd-1.0-py3-none-any.whl".parse().unwrap();
    let whole = |metadata: &[u8], wheel: &[u8], record: &[u8], points: &[u8]| {
        let info = [
            ("odd-1.0.dist-info/METADATA", metadata),
            ("odd-1.0.dist-info/WHEEL", wheel),
            ("odd-1.0.dist-info/RECORD", record),
            ("odd-1.0.dist-info/entry_points.txt", points),
        ];
        zip_of(FILES.into_iter().chain(info), false)
    };
    let [m, w, r, e] = [METADATA, WHEEL, RECORD, ENTRY_POINTS].map(str::as_bytes);
    let seeds = [
        Seed::part(METADATA, move |text| whole(text, w, r, e)),
        Seed::part(WHEEL, move |text| whole(m, text, r, e)),
        Seed::part(RECORD, move |text| whole(m, w, text, e)),
        Seed::part(ENTRY_POINTS, move |text| whole(m, w, r, text)),
        Seed::plain(whole(m, w, r, e)),
    ];
    let words = [
        "\n\n",
        ": ",
        "\nName: x\n",
        "\r\n",
        "\"\"",
        ",,",
        "sha256=",
        "md5=",
        "../",
        "[x]",
        " = ",
        ":",
        "[",
        "1.0+l.1",
        "\u{feff}",
        "ä",
        "\0",
        "extra == \"x\"",
        " and (",
        "@ file:///x",
    ];
    fuzz(&seeds, &words, |bytes| {
        fs_err::write(&file, bytes).unwrap();
        let (_, wheel) = Wheel::open(&file, &filename).map_err(|error| error.to_string())?;
        // Facts are what a lock keeps of it, and a lock is text.
        let facts = serde_json::to_string(&wheel.facts()).unwrap();
        assert_eq!(serde_json::from_str::<imgbuild_lock::PypiFacts>(&facts).unwrap(), wheel.facts());
        Ok(())
    });
}
