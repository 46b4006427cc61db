//! What the commands tell the person who typed them.
//!
//! A closed pipe is no failure: `portico openapi | head` ends quietly.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Writes a line to the output.
pub(crate) fn say(text: impl Display) {
    // Nobody reads it any more: nothing to do about that.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line to the error output.
pub(crate) fn complain(text: impl Display) {
    // As above.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
