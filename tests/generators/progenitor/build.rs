//! Makes the client of the document that `PORTICO_DOCUMENT` names.

use std::path::PathBuf;
use std::{env, fs};

use progenitor::{GenerationSettings, Generator, InterfaceStyle};

fn main() {
    println!("cargo::rerun-if-env-changed=PORTICO_DOCUMENT");
    let document = env::var("PORTICO_DOCUMENT").expect("PORTICO_DOCUMENT names a file");
    println!("cargo::rerun-if-changed={document}");
    let text = fs::read_to_string(document).expect("the document can be read");
    let document: openapiv3::OpenAPI = serde_json::from_str(&text).expect("it is OpenAPI 3.0");
    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Builder);
    let tokens = Generator::new(&settings).generate_tokens(&document).expect("progenitor knows all that is in it");
    let code = prettyplease::unparse(&syn::parse2(tokens).expect("it wrote Rust"));
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(folder.join("client.rs"), code).expect("the client can be written");
}
