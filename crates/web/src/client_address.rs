//! Where a request came from: the one place that asks the connection for it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{FORWARDED, HeaderName, HeaderValue, X_FORWARDED_FOR};
use portico_core::trusted_proxies::TrustedProxies;

/// The caller's address: the other end of the connection, or whom the trusted proxies there forward for. None where
/// they leave that open.
#[expect(clippy::disallowed_methods, reason = "this is where the connection's own address is judged")]
#[must_use]
pub fn client_address(request: &HttpRequest, trusted: &TrustedProxies) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    if trusted.is_empty() {
        return Some(peer.to_canonical());
    }
    let values = |name: HeaderName| request.headers().get_all(name).map(HeaderValue::as_bytes);
    trusted.caller(peer, values(X_FORWARDED_FOR), values(FORWARDED))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn both_headers_are_read_from_a_trusted_proxy_and_none_from_others() {
        let trusted: TrustedProxies = "127.0.0.1".parse().unwrap();
        let (proxy, stranger) = ("127.0.0.1:9".parse().unwrap(), "198.51.100.1:9".parse().unwrap());
        for (name, value) in [("X-Forwarded-For", "192.0.2.1, 192.0.2.7"), ("Forwarded", "for=192.0.2.1,for=192.0.2.7")]
        {
            let from = |peer| TestRequest::default().peer_addr(peer).insert_header((name, value)).to_http_request();
            let seen = |peer, trusted| client_address(&from(peer), trusted).map(|address| address.to_string());
            assert_eq!(seen(proxy, &trusted).as_deref(), Some("192.0.2.7"));
            assert_eq!(seen(stranger, &trusted).as_deref(), Some("198.51.100.1"));
            assert_eq!(seen(proxy, &TrustedProxies::default()).as_deref(), Some("127.0.0.1"));
        }
        let lines = TestRequest::default().peer_addr(proxy);
        let lines =
            lines.append_header(("x-forwarded-for", "192.0.2.1")).append_header(("x-forwarded-for", "192.0.2.7"));
        assert_eq!(client_address(&lines.to_http_request(), &trusted).unwrap().to_string(), "192.0.2.7");
    }
}
