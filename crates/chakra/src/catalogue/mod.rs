//! Every operation of Chakra's API that Portico knows, in one table.
//!
//! To add an operation, add an entry to the file of its group. Routing, permission, ownership
//! checks, retry safety and the OpenAPI document follow from it.

mod accounts;
mod calling;
mod media;
mod messages;
mod objects;
mod partner;
mod platform;
mod plugins;

use crate::operation::Operation;

/// Every operation, in the order of the documentation.
#[must_use]
pub fn operations() -> Vec<&'static Operation> {
    [
        messages::OPERATIONS,
        media::OPERATIONS,
        partner::OPERATIONS,
        plugins::OPERATIONS,
        accounts::OPERATIONS,
        calling::OPERATIONS,
        platform::OPERATIONS,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The operation with that id.
///
/// # Panics
///
/// When the catalogue has none: ids in code are written by hand and tested.
#[must_use]
pub fn operation(id: &str) -> &'static Operation {
    operations().into_iter().find(|operation| operation.id == id).expect("the catalogue has this operation")
}
