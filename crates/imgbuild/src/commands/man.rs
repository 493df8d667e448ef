//! `imgbuild man`.

use std::path::Path;

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::failure::{Failure, Plain};

pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|error| Plain::ManPages { folder: folder.to_owned(), error }.into())
}
