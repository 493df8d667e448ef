//! A walk over tokens that only a macro understands.

use syn::buffer::Cursor;

/// Walks over tokens, those in groups as well. `take` takes what it looks for where that begins, and gives what follows it.
pub(super) fn walk<'a>(mut cursor: Cursor<'a>, take: &mut impl FnMut(Cursor<'a>) -> Option<Cursor<'a>>) {
    loop {
        if let Some(rest) = take(cursor) {
            cursor = rest;
        } else if let Some((inside, _, _, rest)) = cursor.any_group() {
            walk(inside, take);
            cursor = rest;
        } else if let Some((_, rest)) = cursor.token_tree() {
            cursor = rest;
        } else {
            return;
        }
    }
}
