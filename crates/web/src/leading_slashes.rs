//! Paths that begin with more than one slash.

use actix_web::dev::ServiceRequest;
use actix_web::http::Uri;

/// Makes one slash of those at the beginning of the path: a base URL that ends in a slash, with a path that begins
/// with one behind it, is the likeliest slip of whoever changes a base URL. Slashes further on stay, because an
/// empty segment is an id that is missing.
pub fn cut(request: &mut ServiceRequest) {
    if !request.path().starts_with("//") {
        return;
    }
    let mut parts = request.uri().clone().into_parts();
    let Some(target) = &parts.path_and_query else { return };
    let Ok(target) = format!("/{}", target.as_str().trim_start_matches('/')).parse() else { return };
    parts.path_and_query = Some(target);
    let Ok(uri) = Uri::from_parts(parts) else { return };
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_slashes_at_the_beginning_become_one() {
        for (given, expected) in [
            ("//v1/health?a=//b", "/v1/health?a=//b"),
            ("///api/v1//x", "/api/v1//x"),
            ("/v1//x/", "/v1//x/"),
            ("//", "/"),
            ("/%2Fv1", "/%2Fv1"),
        ] {
            let mut request = TestRequest::with_uri(given).to_srv_request();
            cut(&mut request);
            assert_eq!(request.uri().to_string(), expected);
            assert_eq!(request.match_info().as_str(), expected.split('?').next().unwrap());
        }
    }
}
