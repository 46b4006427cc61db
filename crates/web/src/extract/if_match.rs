//! `If-Match` (RFC 9110, 13.1.1).

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use portico_connections::Error as ConnectionsError;
use portico_core::Error as CoreError;

use crate::argument::Extract;
use crate::error::AppError;
use crate::problem::Problem;

/// What a change is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// There is no such header.
    Absent,
    /// `*`: whatever the version.
    Any,
    /// This version, as [`Tagged`](crate::reply::Tagged) gave it.
    Version(i64),
}

/// As the application takes it: none where the request does not say, -1 for any version.
impl From<IfMatch> for Option<i64> {
    fn from(based_on: IfMatch) -> Self {
        match based_on {
            IfMatch::Absent => None,
            IfMatch::Any => Some(-1),
            IfMatch::Version(version) => Some(version),
        }
    }
}

impl Extract for IfMatch {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        let mut values = request.headers().get_all(header::IF_MATCH);
        let Some(value) = values.next() else { return Ok(Self::Absent) };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        match text.map(str::trim) {
            Some("*") => Ok(Self::Any),
            Some(tag) => Ok(Self::Version(version(tag)?)),
            None => Err(malformed().into()),
        }
    }
}

/// The version in a tag; a tag that Portico never gave fits nothing. The weak form serves too, unlike the standard
/// has it: proxies that compress answers make tags weak, and each of Portico's stands for one version whatever its
/// encoding.
fn version(tag: &str) -> Result<i64, AppError> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(malformed)?;
    if inner.contains('"') {
        return Err(malformed().into());
    }
    let digits = inner.bytes().all(|byte| byte.is_ascii_digit());
    let version = inner.parse().ok().filter(|version: &i64| digits && version.to_string() == inner);
    version.ok_or(ConnectionsError::PreconditionFailed.into())
}

fn malformed() -> CoreError {
    CoreError::Header("If-Match", "must be * or the one ETag that you read, such as \"3\"".into())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn of(values: &[&str]) -> Result<IfMatch, AppError> {
        let mut request = TestRequest::default();
        for value in values {
            request = request.append_header((header::IF_MATCH, *value));
        }
        let (request, mut payload) = request.to_http_parts();
        IfMatch::extract(&request, &mut payload).await.map_err(|problem| match problem {
            Problem::App(error) => error,
            other => panic!("{other:?}"),
        })
    }

    #[actix_web::test]
    async fn one_tag_or_a_star_is_taken() {
        assert_eq!(of(&[]).await.unwrap(), IfMatch::Absent);
        assert_eq!(of(&["\"7\""]).await.unwrap(), IfMatch::Version(7));
        assert_eq!(of(&["W/\"7\""]).await.unwrap(), IfMatch::Version(7), "as a compressing proxy hands it on");
        assert_eq!(of(&["*"]).await.unwrap(), IfMatch::Any);
    }

    #[actix_web::test]
    async fn several_and_bare_tags_are_malformed() {
        for values in [&["W/7"][..], &["w/\"7\""], &["7"], &["\"7\", \"8\""], &["\"7\"", "\"8\""], &[""], &["\""]] {
            assert!(matches!(of(values).await, Err(AppError::Core(CoreError::Header("If-Match", _)))), "{values:?}");
        }
    }

    #[actix_web::test]
    async fn a_tag_that_nobody_gave_fits_nothing() {
        for value in ["W/\"8x\"", "\"abc\"", "\"-1\"", "\"\"", "\"07\"", "\"+7\"", "\"99999999999999999999\""] {
            assert!(
                matches!(of(&[value]).await, Err(AppError::Connections(ConnectionsError::PreconditionFailed))),
                "{value}"
            );
        }
    }
}
