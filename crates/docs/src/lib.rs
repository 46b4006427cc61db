//! The documentation at `/docs`: pages for readers, the reference, and one search over both.
//!
//! It is public and needs no internet: everything that a page loads comes from this binary. Every
//! page can be read without JavaScript but the reference, which is Swagger UI. What can be derived is:
//! the tables of roles, permissions, operations and error codes follow from the code, and the page of settings
//! is the file that the server's tests hold against its table.
//!
//! What it says of Portico's own API it is given as [`Sources`]: the table of routes, the table of codes and the
//! OpenAPI document. It knows no endpoint.
//!
//! To add a page, write its text in [Markdown](markdown) to `pages/` and name it in [`pages`], in the function of its
//! part: `begin`, `know`, `run` or `look_up`. Navigation, contents, search and the test of links follow.

mod assets;
mod catalogue;
mod file;
mod inferred;
mod markdown;
mod operations;
mod page;
mod pages;
mod problems;
mod reference;
mod roles;
mod search;
mod section;
mod sources;
mod text;

use std::sync::Arc;

use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use portico_web::reply;
use portico_web::request_id::RequestId;
use portico_web::routes::other_method;

use crate::assets::Assets;
use crate::file::{File, Policy};
use crate::reference::Reference;

pub use sources::Sources;

const HTML: &str = "text/html; charset=utf-8";

/// Everything that is served, made once at start.
#[derive(Debug)]
pub struct Docs {
    files: Vec<(String, Arc<File>)>,
    /// What stands at every other address below `/docs/`.
    not_found: Arc<File>,
}

impl Docs {
    /// The documentation of these sources.
    #[must_use]
    pub fn new(sources: &Sources<'_>) -> Self {
        let (reference, assets) = (Reference::of(sources.json), Assets::new());
        let pages = pages::all(sources, &reference, &assets);
        let index = search::index(&pages, &reference);
        let html =
            |page: &page::Page| File::new(page::render(page, &pages, &assets).into_string().into(), HTML, page.policy);
        let not_found = html(&pages::not_found(&pages)).with_status(StatusCode::NOT_FOUND);
        let mut docs = Self { files: Vec::new(), not_found: Arc::new(not_found) };
        let text = |text: &str, kind| File::new(Bytes::copy_from_slice(text.as_bytes()), kind, Policy::Strict);
        docs.add("/openapi.json", Arc::new(text(sources.json, "application/json")));
        docs.add("/openapi-3.0.json", Arc::new(text(sources.json_3_0, "application/json")));
        docs.add("/openapi.yaml", Arc::new(text(sources.yaml, "application/yaml")));
        docs.add("/docs/search.json", Arc::new(text(&index, "application/json")));
        for page in &pages {
            let file = Arc::new(html(page));
            if page.path == page::START {
                docs.add("/docs/", Arc::clone(&file));
            }
            docs.add(page.path, file);
        }
        for (path, file) in assets.files() {
            docs.add(path, Arc::clone(file));
        }
        docs
    }

    /// Registers all of it.
    pub fn register(&self, config: &mut ServiceConfig) {
        for (path, file) in &self.files {
            serve(config, path, Arc::clone(file));
        }
        serve_missing(config, Arc::clone(&self.not_found));
        lead_here(config);
    }

    fn add(&mut self, path: &str, file: Arc<File>) {
        self.files.push((path.to_owned(), file));
    }
}

#[expect(clippy::disallowed_methods, reason = "documentation is for everybody")]
fn serve(config: &mut ServiceConfig, path: &str, file: Arc<File>) {
    let answer = move |request: HttpRequest| {
        let file = Arc::clone(&file);
        async move { file.answer(&request).await }
    };
    let resource = web::resource(path).route(web::get().to(answer));
    config.service(resource.default_service(other_method(None, &[Method::GET])));
}

/// A page for people at every address below `/docs/` at which nothing is.
#[expect(clippy::disallowed_methods, reason = "it says only that nothing is there")]
fn serve_missing(config: &mut ServiceConfig, page: Arc<File>) {
    let answer = move |request: HttpRequest| {
        let page = Arc::clone(&page);
        async move { page.answer(&request).await }
    };
    config.service(web::resource("/docs/{anything:.*}").route(web::route().to(answer)));
}

/// Whoever opens the bare address with a browser comes here.
#[expect(clippy::disallowed_methods, reason = "documentation is for everybody")]
fn lead_here(config: &mut ServiceConfig) {
    let reads = guard::Any(guard::Get()).or(guard::Head());
    let answer = |request: HttpRequest| async move {
        let mut answer = HttpResponse::Found();
        let mut answer = answer.insert_header((LOCATION, HeaderValue::from_static(page::START))).finish();
        reply::add_common_headers(answer.headers_mut(), &RequestId::of(&request));
        answer
    };
    let resource = web::resource("/").route(web::route().guard(reads).to(answer));
    config.service(resource.default_service(other_method(None, &[Method::GET, Method::HEAD])));
}

#[cfg(test)]
mod tests;
