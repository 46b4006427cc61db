//! What handlers take out of a request, parsed into types of the domain.

mod body;
mod error;
mod if_match;
mod json;
mod patch;
mod query;
mod segment;
mod value;

pub use body::{Body, NoBody};
pub use if_match::IfMatch;
pub use query::Query;
pub use segment::Segment;

pub(crate) use patch::{given, nullable};
pub(crate) use query::{Cursor, Flag, Limit, PageQuery, page};
pub(crate) use value::{Moment, Parsed, Word};
