//! `imgbuild schema`.

use super::print_json;
use crate::failure::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    print_json(&imgbuild_spec::schema())
}
