//! What the console's pages have in common: frame, style sheet, icon.

use actix_web::HttpResponse;
use maud::Markup;
use portico_web::page::{self, Frame, Page};

static FRAME: Frame = Frame {
    style: "/console/style.css",
    icon: "/console/icon.svg",
    // Nothing but our own style sheet, icon and forms. Nobody may frame a page.
    policy: "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
};

const STYLE: &str = include_str!("style.css");

/// An arch: a portico.
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><path fill=\"#0b6b50\" d=\"M2 11 16 2l14 9v3H2zm3 5h4v10H5zm9 0h4v10h-4zm9 0h4v10h-4zM2 28h28v3H2z\"/></svg>";

/// A page with that title, which is its heading too.
pub(crate) const fn page(title: &'static str, body: Markup) -> Page {
    Page::new(&FRAME, title, body)
}

/// Sends the browser on, with cookies: the values of `Set-Cookie`.
pub(crate) fn redirect(to: &'static str, cookies: impl IntoIterator<Item = String>) -> HttpResponse {
    page::redirect(&FRAME, to, cookies)
}

/// The style sheet.
pub(crate) fn style() -> HttpResponse {
    page::file(&FRAME, "text/css; charset=utf-8", STYLE)
}

/// The icon.
pub(crate) fn icon() -> HttpResponse {
    page::file(&FRAME, "image/svg+xml", ICON)
}
