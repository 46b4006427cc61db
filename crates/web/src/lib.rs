//! The HTTP kit on actix-web that the management API, the documentation and the console stand on.
//!
//! - [`guard`]: no permission, no route. A management handler names its permission in the type of its
//!   first argument.
//! - [`routes`]: the table in which each route is written once, for the router, the OpenAPI document and sweeps.
//! - [`extract`]: bodies, queries, path segments and `If-Match`, parsed into types of the domain.
//! - [`client_address`]: where a request came from, also behind proxies.
//! - [`reply`]: what handlers answer with.
//! - [`problem`]: errors as RFC 9457 problems; [`error_response`] decides what a caller may know of an error,
//!   and [`portico_core::code`] is the table of every code.
//! - [`browser`] and [`page`]: cookies, hosts and HTML pages for people.
//!
//! Nothing here knows a single endpoint. A new surface is a crate of its own on top of this one.

pub mod argument;
pub mod browser;
pub mod client_address;
pub mod cookies;
pub mod error;
pub mod error_response;
pub mod extract;
pub mod guard;
pub mod leading_slashes;
pub mod observed;
pub mod page;
pub mod problem;
pub mod rate_limit;
pub mod reply;
pub mod request_id;
pub mod routes;
