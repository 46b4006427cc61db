//! The path is one of the catalogue's.

use portico_chakra::router::Route;
use portico_chakra::{Method, Operation, router};

use crate::Error;
use crate::call::Head;

/// A call whose path and method lead to an operation of the catalogue.
#[derive(Debug)]
pub(crate) struct Matched<'c> {
    head: Head<'c>,
    matched: portico_chakra::Matched<'static, 'c>,
}

impl<'c> Matched<'c> {
    /// Looks the path up.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoute`].
    pub(crate) fn of(head: Head<'c>) -> Result<Self, Error> {
        Ok(Self { head, matched: router().find(Method::parse(head.method), head.path)? })
    }

    /// The call.
    pub(crate) const fn head(&self) -> Head<'c> {
        self.head
    }

    /// The route and the values of its parameters.
    pub(crate) const fn route(&self) -> &portico_chakra::Matched<'static, 'c> {
        &self.matched
    }

    /// The route's default operation. Operations on one route share permission, body kind and the ids in path and
    /// query (a test of the catalogue says so); which of them it is, the body may have to tell.
    pub(super) fn default_operation(&self) -> &'static Operation {
        let route: &'static Route = self.matched.route;
        route.default_operation()
    }
}
