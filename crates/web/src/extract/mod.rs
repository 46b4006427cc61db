//! What handlers take out of a request, parsed into types of the domain.

mod body;
mod decode_error;
mod host;
mod if_match;
mod json;
mod patch;
mod query;
mod segment;
mod value;

pub use body::{Body, NoBody, broken_off};
pub use host::Host;
pub use if_match::IfMatch;
pub use patch::{NotOffered, Patch, given, refuse_not_offered};
pub use query::{Cursor, Flag, Limit, PageQuery, Query, page};
pub use segment::{Segment, Segments};
pub use value::{Parsed, Timestamp, Word};
