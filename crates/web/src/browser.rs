//! What a request says of the browser that sent it.

use crate::cookies::{Cookie, cookie_in};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::http::uri::Authority;
use portico_app::App;
use portico_core::Error;
use portico_domain::host::is_host;

use crate::argument::{Extract, app};
use crate::problem::Problem;

/// The host that a request names, with its port, as an argument of handlers: for links that lead back.
#[derive(Debug)]
pub struct Host(pub String);

impl Extract for Host {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        if app(request)?.public_url().is_none() && named_host(request).is_some_and(|host| !is_host(host)) {
            let text = "must be a host name or address, with a port where it has one: a link is made of it".into();
            return Err(Error::Header("Host", text).into());
        }
        Ok(Self(host(request).to_owned()))
    }
}

/// The host that the request names, with its port; `localhost` where it names none, or none that there can be.
#[must_use]
pub fn host(request: &HttpRequest) -> &str {
    named_host(request).filter(|host| is_host(host)).unwrap_or("localhost")
}

fn named_host(request: &HttpRequest) -> Option<&str> {
    // In HTTP/2 it stands in the address.
    request.uri().authority().map(Authority::as_str).or_else(|| header(request, header::HOST.as_str()))
}

/// The value of a cookie of Portico's.
#[must_use]
pub fn cookie<'r>(app: &App, request: &'r HttpRequest, cookie: Cookie) -> Option<&'r str> {
    let name = cookie.name(app);
    let headers = request.headers().get_all(header::COOKIE);
    headers.filter_map(|value| value.to_str().ok()).find_map(|text| cookie_in(text, name))
}

/// A header; none where it is absent or not ASCII text.
#[must_use]
pub fn header<'r>(request: &'r HttpRequest, header: &str) -> Option<&'r str> {
    request.headers().get(header).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_host_comes_from_the_address_or_the_header() {
        let of = |request: TestRequest| host(&request.to_http_request()).to_owned();
        assert_eq!(of(TestRequest::with_uri("/x").insert_header(("host", "a.example:8080"))), "a.example:8080");
        assert_eq!(of(TestRequest::with_uri("http://b.example/x").insert_header(("host", "a.example"))), "b.example");
        assert_eq!(of(TestRequest::with_uri("/x").insert_header(("host", [0xff].as_slice()))), "localhost");
        for odd in ["x\"><script>", "a@evil.example", "a/b", "a b"] {
            assert_eq!(of(TestRequest::with_uri("/x").insert_header(("host", odd))), "localhost", "{odd}");
        }
    }
}
