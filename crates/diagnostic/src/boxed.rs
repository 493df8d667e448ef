//! Errors that stand below others in a box.

use std::error::Error;

use miette::Diagnostic;

use crate::plain::plain;

/// The error of one type, where it is one, as `Box<dyn Error>` can be asked.
///
/// # Errors
///
/// The error itself, where it is of another type.
pub fn downcast<E: Error + 'static>(
    error: Box<dyn Diagnostic + Send + Sync>,
) -> Result<Box<E>, Box<dyn Diagnostic + Send + Sync>> {
    let asked: &(dyn Error + 'static) = error.as_ref();
    if !asked.is::<E>() {
        return Err(error);
    }
    let error: Box<dyn Error + Send + Sync> = error;
    error.downcast().map_err(plain)
}

/// Lets errors of these types, in a box, be the field of another one that is marked `#[diagnostic_source]`: miette borrows the
/// field as a [`miette::Diagnostic`], and knows of boxes of that trait alone.
#[macro_export]
macro_rules! boxed_sources {
    ($($error:ty),+ $(,)?) => {
        $(impl std::borrow::Borrow<dyn $crate::Diagnostic> for Box<$error> {
            fn borrow(&self) -> &(dyn $crate::Diagnostic + 'static) {
                self.as_ref()
            }
        })+
    };
}
