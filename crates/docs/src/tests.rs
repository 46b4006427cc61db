use std::collections::{HashMap, HashSet, VecDeque};

use actix_web::http::{StatusCode, header};
use actix_web::{App, test};
use portico_chakra::client::{CALL_TIMEOUT, MEDIA_TIMEOUT};
use portico_chakra::operations;
use portico_core::code::CODES;
use portico_domain::Permission;
use portico_web::routes::Route;
use serde_json::Value;

use super::*;

struct Got {
    status: StatusCode,
    headers: HashMap<String, String>,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The document that is committed, and that the code writes, as CI proves.
const DOCUMENT: &str = include_str!("../../../openapi/portico.json");

/// The table of routes, read back from the document.
fn routes() -> Vec<Route> {
    let document: Value = serde_json::from_str(DOCUMENT).expect("is JSON");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("has paths") {
        for (method, operation) in item.as_object().expect("is a path item") {
            let security = operation["security"].as_array().expect("says who may call");
            if !path.starts_with("/api/") || security.is_empty() {
                continue;
            }
            let permission = operation["x-portico-permission"].as_str().map(|text| text.parse().expect("is known"));
            let operator = permission.is_some_and(Permission::is_operator_only);
            let method = method.to_uppercase().parse().expect("is a method");
            routes.push(Route { method, path: path.clone(), permission, operator });
        }
    }
    routes
}

fn sources(routes: &[Route]) -> Sources<'_> {
    Sources { routes, codes: CODES, json: DOCUMENT, yaml: "openapi: 3.1.0\n", json_3_0: "{}\n" }
}

fn site() -> Docs {
    Docs::new(&sources(&routes()))
}

/// A site around an empty document.
fn bare() -> Docs {
    Docs::new(&Sources { routes: &[], codes: &[], json: "{}\n", yaml: "{}\n", json_3_0: "{}\n" })
}

fn pages() -> Vec<page::Page> {
    pages::all(&sources(&routes()), &Reference::of(DOCUMENT), &Assets::new())
}

async fn ask(docs: &Docs, request: test::TestRequest) -> Got {
    let app = test::init_service(App::new().configure(|config| docs.register(config))).await;
    let answer = test::call_service(&app, request.to_request()).await;
    let status = answer.status();
    let headers = answer.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let body = String::from_utf8_lossy(&test::read_body(answer).await).into_owned();
    Got { status, headers, body }
}

async fn get(docs: &Docs, path: &str) -> Got {
    ask(docs, test::TestRequest::get().uri(path)).await
}

/// The values of an attribute in a page.
fn attributes<'p>(page: &'p str, name: &'static str) -> impl Iterator<Item = &'p str> {
    page.split('<').skip(1).filter_map(move |tag| {
        let tag = tag.split('>').next()?;
        tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
    })
}

#[actix_web::test]
async fn every_link_on_every_page_leads_to_a_place_on_this_origin() {
    let docs = site();
    let reference = Reference::of(&get(&docs, "/openapi.json").await.body);
    let operations: HashSet<String> = reference.entries().iter().map(reference::Entry::url).collect();
    let (mut seen, mut next) = (HashMap::new(), VecDeque::from(["/docs".to_owned(), "/docs/".to_owned()]));
    let mut links = Vec::new();
    while let Some(path) = next.pop_front() {
        if seen.contains_key(&path) {
            continue;
        }
        let got = get(&docs, &path).await;
        assert_eq!(got.status, StatusCode::OK, "{path}");
        if got.header("content-type").starts_with("text/html") {
            for link in attributes(&got.body, "href").chain(attributes(&got.body, "src")) {
                let to = if link.starts_with('#') { format!("{path}{link}") } else { link.to_owned() };
                assert!(to.starts_with("/docs") || to.starts_with("/openapi"), "{path} links to {link}");
                next.push_back(to.split('#').next().unwrap_or_default().to_owned());
                links.push((path.clone(), to));
            }
        }
        seen.insert(path, got.body);
    }
    let index: Value = serde_json::from_str(&get(&docs, "/docs/search.json").await.body).unwrap();
    for entry in index.as_array().unwrap() {
        links.push(("the search".to_owned(), entry["url"].as_str().unwrap().to_owned()));
        assert!(!entry["title"].as_str().unwrap().is_empty(), "{entry}");
    }
    for (from, link) in links {
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        if anchor.starts_with('/') {
            assert!(operations.contains(&link), "{from}: the reference has no {link}");
        } else if !anchor.is_empty() {
            assert!(seen[path].contains(&format!(" id=\"{anchor}\"")), "{from}: nothing is at {link}");
        } else {
            assert!(seen.contains_key(path), "{from}: nothing is at {link}");
        }
    }
    for page in pages() {
        assert!(seen.contains_key(page.path), "no page links to {}", page.path);
    }
}

#[actix_web::test]
async fn pages_run_and_load_nothing_but_files_of_this_origin() {
    let docs = site();
    for page in pages() {
        let got = get(&docs, page.path).await;
        let policy = got.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert_eq!(policy.contains("unsafe"), page.path == "/docs/reference", "{policy}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("referrer-policy"), "no-referrer");
        assert!(got.header("x-request-id").starts_with("req_"));
        let inline = ["<script>", "<style", " style=\"", " onclick="];
        assert!(!inline.iter().any(|one| got.body.contains(one)), "{}", page.path);
        assert!(!got.body.contains("<!--"), "{}: a generated part is missing", page.path);
    }
}

#[actix_web::test]
async fn each_place_of_a_page_has_an_address_of_its_own() {
    let docs = site();
    for page in pages() {
        let body = get(&docs, page.path).await.body;
        let mut seen = HashSet::new();
        for id in attributes(&body, "id") {
            assert!(seen.insert(id), "{}: {id} stands twice", page.path);
        }
    }
}

#[actix_web::test]
async fn what_the_client_has_is_not_sent_again() {
    let docs = bare();
    let got = get(&docs, "/openapi.json").await;
    assert_eq!((got.header("content-type"), got.body.as_str()), ("application/json", "{}\n"));
    assert_eq!(got.header("cache-control"), "no-cache");
    let again = test::TestRequest::get().uri("/openapi.json");
    let again = ask(&docs, again.insert_header((header::IF_NONE_MATCH, got.header("etag")))).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

#[actix_web::test]
async fn every_code_permission_and_operation_has_its_place() {
    let docs = site();
    let problems = get(&docs, "/docs/problems").await.body;
    for code in CODES {
        assert!(problems.contains(&format!("<tr id=\"{}\">", code.code)));
    }
    let roles = get(&docs, "/docs/roles").await.body;
    for permission in Permission::ALL {
        assert!(roles.contains(&format!("<tr id=\"{permission}\">")));
    }
    let (all, inferred) = (get(&docs, "/docs/operations").await.body, get(&docs, "/docs/inferred").await.body);
    for operation in operations() {
        let place = format!("<h3 id=\"{}\">", operation.id);
        assert!(all.contains(&place), "{}", operation.id);
        assert_eq!(inferred.contains(&place), catalogue::is_uncertain(operation), "{}", operation.id);
    }
    for route in routes() {
        assert!(all.contains(&text::slug(&format!("{} {}", route.method, route.path))));
    }
}

#[actix_web::test]
async fn the_page_of_limits_says_what_holds() {
    let page = get(&site(), "/docs/limits").await.body;
    for limit in [CALL_TIMEOUT, MEDIA_TIMEOUT] {
        assert!(page.contains(&format!(">{} s<", limit.as_secs())), "{limit:?}");
    }
}

#[actix_web::test]
async fn the_page_of_settings_is_the_servers_table_without_its_heading() {
    let page = get(&site(), "/docs/settings").await.body;
    assert_eq!(page.matches("<h1").count(), 1);
    assert!(page.contains("<p class=\"lead\">A command reads its settings once"), "the introduction leads");
    assert!(page.contains("<td><code>DATABASE_URL</code></td>") && page.contains(" id=\"chakra-paths\""));
}

#[actix_web::test]
async fn what_pages_load_stands_at_an_address_that_names_its_content() {
    let docs = bare();
    let page = get(&docs, "/docs").await.body;
    let loaded: Vec<&str> = attributes(&page, "href")
        .chain(attributes(&page, "src"))
        .filter(|path| path.contains(".css") || path.contains(".js"))
        .collect();
    assert!(
        loaded.iter().any(|path| path.strip_prefix("/docs/portico.").is_some_and(|rest| rest.contains(".css"))),
        "{loaded:?}"
    );
    for path in loaded.iter().filter(|path| !path.starts_with("/openapi")) {
        let got = get(&docs, path).await;
        assert_eq!(got.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
    }
    assert_eq!(get(&docs, "/docs/portico.css").await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn text_is_compressed_for_whoever_takes_it() {
    let docs = site();
    let plain = get(&docs, "/openapi.json").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let app = test::init_service(App::new().configure(|config| docs.register(config))).await;
    let asked = test::TestRequest::get().uri("/openapi.json").insert_header((header::ACCEPT_ENCODING, "gzip, br"));
    let answer = test::call_service(&app, asked.to_request()).await;
    assert_eq!(answer.headers().get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes), Some(&b"gzip"[..]));
    let tag = answer.headers().get(header::ETAG).cloned().expect("has a tag");
    assert_ne!(tag.to_str().unwrap(), plain.header("etag"), "another form is another entity");
    let bytes = test::read_body(answer).await;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).expect("is gzip");
    assert!(text == plain.body && bytes.len() * 5 < text.len(), "{} of {} bytes", bytes.len(), text.len());
    let again = test::TestRequest::get().uri("/openapi.json").insert_header((header::ACCEPT_ENCODING, "gzip"));
    let again = ask(&docs, again.insert_header((header::IF_NONE_MATCH, tag))).await;
    assert_eq!((again.status, again.header("vary")), (StatusCode::NOT_MODIFIED, "accept-encoding"));
}

#[actix_web::test]
async fn the_bare_address_leads_here_and_what_is_missing_is_a_page() {
    let docs = bare();
    let got = get(&docs, "/").await;
    assert_eq!((got.status, got.header("location")), (StatusCode::FOUND, "/docs"));
    let got = get(&docs, "/docs/no/such-page").await;
    assert_eq!((got.status, got.header("content-type")), (StatusCode::NOT_FOUND, "text/html; charset=utf-8"));
    assert!(got.body.contains("href=\"/docs/quick-start\"") && !got.body.contains("rel=\"next\""));
}

#[actix_web::test]
async fn documentation_is_only_read() {
    let got = ask(&bare(), test::TestRequest::post().uri("/docs")).await;
    assert_eq!((got.status, got.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}
