//! What pages load, at addresses that name the content: a client keeps it, and gets what is new at once.

use std::sync::Arc;

use utoipa_swagger_ui::Config;

use crate::file::{File, Policy};

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Portico's own files.
const OWN: &[(&str, &str, &str)] = &[
    ("portico.css", include_str!("portico.css"), CSS),
    ("portico.js", include_str!("portico.js"), SCRIPT),
    ("reference.js", include_str!("reference.js"), SCRIPT),
];

/// The files of Swagger UI that the reference uses.
const BUNDLED: &[&str] = &["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// Files by name.
#[derive(Debug)]
pub(crate) struct Assets(Vec<Asset>);

#[derive(Debug)]
struct Asset {
    name: &'static str,
    path: String,
    file: Arc<File>,
}

impl Assets {
    /// Every file that a page loads.
    pub(crate) fn new() -> Self {
        let own = OWN.iter().map(|(name, text, kind)| (*name, File::new((*text).into(), *kind, Policy::Strict)));
        let bundled = BUNDLED.iter().map(|name| (*name, bundled(name)));
        let asset = |(name, file): (&'static str, File)| {
            let (stem, ending) = name.rsplit_once('.').expect("every name of a file here has an ending");
            let path = format!("/docs/{stem}.{}.{ending}", file.hash());
            Asset { name, path, file: Arc::new(file.unchanging()) }
        };
        Self(own.chain(bundled).map(asset).collect())
    }

    /// The address of a file on this origin.
    pub(crate) fn path(&self, name: &str) -> &str {
        let found = self.0.iter().find(|asset| asset.name == name);
        &found.expect("pages load what is listed here, as a test of links proves").path
    }

    /// Address and content of each.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Arc<File>)> {
        self.0.iter().map(|asset| (asset.path.as_str(), &asset.file))
    }
}

/// A file of Swagger UI out of this binary.
fn bundled(name: &str) -> File {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("/openapi.json")))
        .ok()
        .flatten()
        .expect("Swagger UI has the files of BUNDLED, as a test proves");
    File::new(file.bytes.into_owned().into(), file.content_type, Policy::Strict)
}
