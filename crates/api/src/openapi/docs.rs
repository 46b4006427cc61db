//! The routes of the documentation. They are public and need no internet: everything that the
//! page loads comes from this binary.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use actix_web::http::header::{self, CacheControl, CacheDirective, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use utoipa_swagger_ui::Config;

use super::codes::CODES;

const HTML: &str = "text/html; charset=utf-8";

/// What the page may load: this origin only. Swagger UI sets styles on elements, and its style
/// sheet holds images.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of Swagger UI that the page uses.
const BUNDLED: &[&str] = &["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// One file that is served, always with the same bytes.
#[derive(Debug, Clone)]
struct File {
    body: Bytes,
    kind: String,
    tag: EntityTag,
}

impl File {
    fn new(body: Bytes, kind: impl Into<String>) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = EntityTag::new_strong(format!("{:016x}", hasher.finish()));
        Self { body, kind: kind.into(), tag }
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag)),
            Err(_) => false,
        };
        let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer
            .insert_header(ETag(self.tag.clone()))
            .insert_header(CacheControl(vec![CacheDirective::NoCache]))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
        if known { answer.finish() } else { answer.content_type(self.kind.as_str()).body(self.body.clone()) }
    }
}

/// Registers `/openapi.json`, `/openapi.yaml`, `/docs`, what `/docs` loads, and `/docs/problems`.
///
/// `json` and `yaml` are the document as [`super::to_json`] and [`super::to_yaml`] give it, made
/// once at start.
pub fn docs(config: &mut ServiceConfig, json: &'static str, yaml: &'static str) {
    let text = |text: &'static str, kind: &str| File::new(Bytes::from_static(text.as_bytes()), kind);
    let page = text(include_str!("docs.html"), HTML);
    serve(config, "/openapi.json", text(json, "application/json"));
    serve(config, "/openapi.yaml", text(yaml, "application/yaml"));
    serve(config, "/docs/portico.css", text(include_str!("docs.css"), "text/css; charset=utf-8"));
    serve(config, "/docs/portico.js", text(include_str!("docs.js"), "text/javascript; charset=utf-8"));
    serve(config, "/docs/problems", File::new(problems().into(), HTML));
    serve(config, "/docs", page.clone());
    serve(config, "/docs/", page);
    for name in BUNDLED {
        serve(config, &format!("/docs/{name}"), bundled(name));
    }
}

#[expect(clippy::disallowed_methods, reason = "documentation is for everybody")]
fn serve(config: &mut ServiceConfig, path: &str, file: File) {
    let reads = guard::Any(guard::Get()).or(guard::Head());
    let file = Arc::new(file);
    let answer = move |request: HttpRequest| {
        let file = Arc::clone(&file);
        async move { file.answer(&request) }
    };
    config.service(web::resource(path).route(web::route().guard(reads).to(answer)));
}

/// A file of Swagger UI out of this binary.
fn bundled(name: &str) -> File {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json")))
        .ok()
        .flatten()
        .expect("Swagger UI has the files of BUNDLED, as a test proves");
    File::new(file.bytes.into_owned().into(), file.content_type)
}

/// The page of all error codes. The texts need no escaping, as a test of the table proves.
fn problems() -> String {
    let mut rows = String::new();
    for code in CODES {
        let _ = writeln!(
            rows,
            "<tr id=\"{0}\"><td><a href=\"#{0}\"><code>{0}</code></a></td><td>{1}</td><td>{2}</td><td>{3}</td><td>{4}</td></tr>",
            code.code,
            code.status,
            code.surface.as_str(),
            in_code(code.meaning),
            in_code(code.fix)
        );
    }
    format!(include_str!("problems.html"), rows = rows)
}

/// Every second stretch between backticks as code.
fn in_code(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for (at, stretch) in text.split('`').enumerate() {
        if at % 2 == 0 {
            html.push_str(stretch);
        } else {
            let _ = write!(html, "<code>{stretch}</code>");
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::{App, test};

    use super::*;

    async fn get(path: &str, tag: Option<&str>) -> (StatusCode, Vec<(String, String)>, String) {
        let app = test::init_service(App::new().configure(|config| docs(config, "{}\n", "{}\n"))).await;
        let mut request = test::TestRequest::get().uri(path);
        if let Some(tag) = tag {
            request = request.insert_header((header::IF_NONE_MATCH, tag));
        }
        let answer = test::call_service(&app, request.to_request()).await;
        let status = answer.status();
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        let body = test::read_body(answer).await;
        (status, headers, String::from_utf8_lossy(&body).into_owned())
    }

    fn header_of<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
        headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    #[actix_web::test]
    async fn the_page_loads_only_what_this_binary_serves() {
        for path in ["/docs", "/docs/", "/docs/problems"] {
            let (status, headers, page) = get(path, None).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(header_of(&headers, "content-security-policy").starts_with("default-src 'none'"));
            assert!(header_of(&headers, "content-type").starts_with("text/html"));
            assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("\"//"), "{page}");
            for link in
                page.split(['"', '\'']).filter(|part| part.starts_with("/docs/") || part.starts_with("/openapi"))
            {
                let (status, ..) = get(link, None).await;
                assert_eq!(status, StatusCode::OK, "{link}");
            }
        }
    }

    #[actix_web::test]
    async fn what_the_client_has_is_not_sent_again() {
        let (_, headers, body) = get("/openapi.json", None).await;
        assert_eq!((header_of(&headers, "content-type"), body.as_str()), ("application/json", "{}\n"));
        assert_eq!(header_of(&headers, "cache-control"), "no-cache");
        let (status, _, body) = get("/openapi.json", Some(header_of(&headers, "etag"))).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    }

    #[actix_web::test]
    async fn every_code_has_its_place_on_the_page() {
        let (.., page) = get("/docs/problems", None).await;
        for code in CODES {
            assert!(page.contains(&format!("<tr id=\"{}\">", code.code)));
        }
    }

    #[actix_web::test]
    async fn documentation_is_only_read() {
        let app = test::init_service(App::new().configure(|config| docs(config, "{}\n", "{}\n"))).await;
        let answer = test::call_service(&app, test::TestRequest::post().uri("/docs").to_request()).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
