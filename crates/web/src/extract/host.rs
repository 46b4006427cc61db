//! The host that a call names.

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;

use crate::argument::Extract;
use crate::problem::Problem;

/// The host and port that the call names as Portico's; empty where it names none that could be one. Whoever calls chooses
/// it, so it belongs into answers to that caller alone.
#[derive(Debug)]
pub struct Host(pub String);

impl Extract for Host {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = named.or_else(|| request.uri().authority().map(actix_web::http::uri::Authority::as_str));
        let plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
        Ok(Self(host.filter(plain).unwrap_or_default().to_owned()))
    }
}
