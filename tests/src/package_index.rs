//! Hand-made wheels and source distributions, on an index of packages on loopback.

use std::path::Path;
use std::process::Command;

use imgbuild_oci::Digest;

use crate::{Answer, Server, capture};

/// Makes the projects.
const MAKE: &str = r#"
import base64, hashlib, io, sys, tarfile, zipfile
for line in sys.argv[1].strip().splitlines():
    filename, *settings = line.strip().split()
    settings = dict(it.split('=', 1) for it in settings)
    name, version = filename.split('-')[:2]
    if filename.endswith('.tar.gz'):
        version = version.removesuffix('.tar.gz')
        with tarfile.open(filename, 'w:gz') as sdist:
            data = f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'.encode()
            info = tarfile.TarInfo(f'{name}-{version}/PKG-INFO')
            info.size = len(data)
            sdist.addfile(info, io.BytesIO(data))
        continue
    info = f'{name}-{version}.dist-info/'
    metadata = f'Metadata-Version: 2.1\nName: {settings.get("name", name)}\nVersion: {version}\n'
    if 'requires' in settings:
        metadata += f'Requires-Dist: {settings["requires"]}\n'
    files = {f'{name}/__init__.py': 'x = 1\n', info + 'METADATA': metadata,
             info + 'WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'}
    for path in settings.get('path', '').split(','):
        files |= {path: 'x = 1\n'} if path else {}
    if 'command' in settings:
        files[info + 'entry_points.txt'] = f'[console_scripts]\n{settings["command"]} = {name}:main\n'
    record = ''
    for path, text in files.items():
        said = settings.get('record') if path.endswith('.py') else None
        digest = base64.urlsafe_b64encode(hashlib.sha256((said or text).encode()).digest()).decode().rstrip('=')
        record += f'{path},sha256={digest},{len(text)}\n'
    files[info + 'RECORD'] = record + info + 'RECORD,,\n'
    with zipfile.ZipFile(filename, 'w') as wheel:
        for path, text in files.items():
            wheel.writestr(zipfile.ZipInfo(path, (2024, 1, 2, 3, 4, 6)), text)
"#;

/// Serves an index of HTML (PEP 503) with these projects, whose files are made in `folder`: a line for each file, with its name
/// and what is particular in it (`requires=good>=2`, `path=a.py,b.py`, `command=x`, `record=…`, `name=…`). `fault` is asked first
/// what there is at a path.
///
/// # Panics
///
/// When the files cannot be made.
pub fn package_index(
    folder: &Path,
    projects: &str,
    fault: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
) -> Server {
    fs_err::create_dir_all(folder).unwrap();
    capture(Command::new("python3").args(["-c", MAKE, projects]).current_dir(folder)).success();
    let root = folder.to_owned();
    Server::with(folder, move |request| match fault(&request.path) {
        Some(answer) => answer,
        None => match request.path.strip_prefix("/simple/") {
            Some(project) => page(&root, project.trim_end_matches('/')),
            None => Answer::File,
        },
    })
}

/// A page that links to files of a folder, with their hashes.
fn page(folder: &Path, project: &str) -> Answer {
    let files = fs_err::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<String> =
        files.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    let links: String = names
        .iter()
        .filter(|name| name.split('-').next().map(|it| it.replace('_', "-")).as_deref() == Some(project))
        .map(|name| {
            let sha256 = Digest::of(fs_err::read(folder.join(name)).unwrap());
            format!("<a href=\"/{name}#sha256={}\">{name}</a><br>\n", sha256.hex())
        })
        .collect();
    if links.is_empty() {
        Answer::Status(404)
    } else {
        Answer::Page(format!("<!DOCTYPE html><body>{links}</body>"))
    }
}
