//! Parts of the path.

use std::fmt::Display;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use percent_encoding::percent_decode_str;

use super::decode_error::short;
use crate::argument::Extract;
use crate::problem::Problem;

/// The path's only parameter, parsed.
#[derive(Debug)]
pub struct Segment<T>(pub T);

impl<T: FromStr<Err: Display>> Extract for Segment<T> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        parsed(request.match_info().iter().next()).map(Self)
    }
}

/// The path's two parameters, parsed, in their order.
#[derive(Debug)]
pub struct Segments<A, B>(pub A, pub B);

impl<A: FromStr<Err: Display>, B: FromStr<Err: Display>> Extract for Segments<A, B> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        let mut parameters = request.match_info().iter();
        Ok(Self(parsed(parameters.next())?, parsed(parameters.next())?))
    }
}

fn parsed<T: FromStr<Err: Display>>(parameter: Option<(&str, &str)>) -> Result<T, Problem> {
    let (name, raw) = parameter.ok_or(Problem::Wiring("the path has too few parameters"))?;
    let bad = |detail: &dyn Display| Problem::Path { name: name.to_owned(), detail: short(&detail.to_string()) };
    // The framework has decoded all but `%`, `/` and `+`, and replaced what is no UTF-8.
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| bad(&"must be UTF-8"))?;
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(bad(&"must be UTF-8"));
    }
    text.parse().map_err(|error| bad(&error))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use portico_domain::{CustomerId, ExternalId};

    use super::*;

    async fn segment<T: FromStr<Err: Display>>(value: &'static str) -> Result<T, String> {
        let request = TestRequest::default().param("id", value);
        let (request, mut payload) = request.to_http_parts();
        match Segment::extract(&request, &mut payload).await {
            Ok(Segment(value)) => Ok(value),
            Err(Problem::Path { name, detail }) => Err(format!("{name} {detail}")),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[actix_web::test]
    async fn an_id_of_another_kind_is_refused_with_the_right_prefix() {
        assert!(segment::<CustomerId>("cus_01h455vb4pex5vsknk084sn02q").await.is_ok());
        let error = segment::<CustomerId>("ten_01h455vb4pex5vsknk084sn02q").await.unwrap_err();
        assert!(error.starts_with("id must be an id that starts with \"cus_\""), "{error}");
    }

    #[actix_web::test]
    async fn what_the_router_left_encoded_is_decoded_once() {
        assert_eq!(segment::<ExternalId>("a%2Fb%2525").await.unwrap().as_str(), "a/b%25");
        assert!(segment::<ExternalId>("a%FF").await.is_err());
        assert!(segment::<ExternalId>("a\u{fffd}").await.is_err());
        assert!(segment::<ExternalId>("a\u{0}").await.is_err());
    }
}
