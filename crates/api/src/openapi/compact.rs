//! The document as it is written: what nothing refers to is gone, what many operations answer stands once.

use utoipa::openapi::OpenApi;

use super::tree::{self, Tree};
use super::{choices, shared, version_3_0};

/// The document as a tree in its final form and order.
pub(super) fn compact(document: &OpenApi) -> Tree {
    finish(tree::of(document))
}

/// The same in the words of OpenAPI 3.0.
pub(super) fn compact_3_0(document: &OpenApi) -> Tree {
    let mut tree = tree::of(document);
    version_3_0::simplify(&mut tree);
    let mut tree = finish(tree);
    version_3_0::convert(&mut tree);
    tree
}

fn finish(mut tree: Tree) -> Tree {
    choices::inline(&mut tree);
    tree::prune(&mut tree);
    shared::share(&mut tree);
    tree::order(&mut tree);
    tree
}
