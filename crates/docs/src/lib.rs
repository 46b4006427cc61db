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

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{self, Bytes, ServiceConfig};
use portico_web::routes::other_method;
use utoipa_swagger_ui::Config;

use crate::file::{File, Policy};
use crate::reference::Reference;

pub use sources::Sources;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of Swagger UI that the reference uses.
const BUNDLED: &[&str] = &["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// Everything that is served, made once at start.
#[derive(Debug)]
pub struct Docs(Vec<(String, Arc<File>)>);

impl Docs {
    /// The documentation of these sources.
    #[must_use]
    pub fn new(sources: &Sources<'_>) -> Self {
        let reference = Reference::of(sources.json);
        let pages = pages::all(sources, &reference);
        let index = search::index(&pages, &reference);
        let mut docs = Self(Vec::new());
        docs.text("/openapi.json", sources.json, "application/json");
        docs.text("/openapi.yaml", sources.yaml, "application/yaml");
        docs.text("/docs/portico.css", include_str!("portico.css"), CSS);
        docs.text("/docs/portico.js", include_str!("portico.js"), SCRIPT);
        docs.text("/docs/reference.js", include_str!("reference.js"), SCRIPT);
        docs.add("/docs/search.json", File::new(index.into(), "application/json", Policy::Strict));
        for page in &pages {
            let file = File::new(page::render(page, &pages).into_string().into(), HTML, page.policy);
            if page.path == page::START {
                docs.add("/docs/", file.clone());
            }
            docs.add(page.path, file);
        }
        for name in BUNDLED {
            docs.add(&format!("/docs/{name}"), bundled(name));
        }
        docs
    }

    /// Registers all of it.
    pub fn register(&self, config: &mut ServiceConfig) {
        for (path, file) in &self.0 {
            serve(config, path, Arc::clone(file));
        }
    }

    fn text(&mut self, path: &str, text: &'static str, kind: &str) {
        self.add(path, File::new(Bytes::from_static(text.as_bytes()), kind, Policy::Strict));
    }

    fn add(&mut self, path: &str, file: File) {
        self.0.push((path.to_owned(), Arc::new(file)));
    }
}

#[expect(clippy::disallowed_methods, reason = "documentation is for everybody")]
fn serve(config: &mut ServiceConfig, path: &str, file: Arc<File>) {
    let answer = move |request: HttpRequest| {
        let file = Arc::clone(&file);
        async move { file.answer(&request) }
    };
    let resource = web::resource(path).route(web::get().to(answer));
    config.service(resource.default_service(other_method(None, &[Method::GET])));
}

/// A file of Swagger UI out of this binary.
fn bundled(name: &str) -> File {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json")))
        .ok()
        .flatten()
        .expect("Swagger UI has the files of BUNDLED, as a test proves");
    File::new(file.bytes.into_owned().into(), file.content_type, Policy::Strict)
}

#[cfg(test)]
mod tests;
