//! What a signed-in browser presents.

/// What a request of a signed-in browser presents.
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// The session's token, from the cookie.
    pub session: &'a str,
    /// The value of `X-CSRF-Token`.
    pub csrf: Option<&'a str>,
    /// Whether the method may change something.
    pub changes: bool,
    /// Whether the browser says that a page of ours sent it.
    pub same_origin: bool,
}
