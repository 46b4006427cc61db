//! The built-in web console under `/console/`: signing in, accepting an invitation, choosing a tenant.
//!
//! Pages are made on the server and need no script. Each forbids itself everything but its own style
//! sheet and forms ([`frame`]), and is never kept by a cache. Everything that comes from outside is
//! escaped by [`maud`], which writes the pages. A form changes something only
//! with the hidden field that fits the browser's cookie ([`visit`]).
//!
//! To add a page, write a handler in the module of its subject and name it in [`routes`], the one
//! place where routes without a permission may stand.

mod frame;
mod home;
mod invitation;
mod provider;
mod routes;
mod sign_in;
mod sign_in_link;
mod sign_in_problem;
mod tenant;
mod visit;

pub use routes::configure;
