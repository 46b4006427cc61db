//! The document as it is written: what nothing refers to is gone, what many operations answer stands once.

use utoipa::openapi::OpenApi;

use super::shared;
use super::tree::{self, Tree};

/// The document as a tree in its final form and order.
pub(super) fn compact(document: &OpenApi) -> Tree {
    let mut tree = tree::pruned(document);
    shared::share(&mut tree);
    tree::order(&mut tree);
    tree
}
