//! Whole pages, and what every answer of the console has.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};

use crate::html::Html;

/// What the pages of one surface have in common.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The address of the style sheet, on this origin.
    pub style: &'static str,
    /// The address of the icon, an SVG on this origin.
    pub icon: &'static str,
    /// The `Content-Security-Policy`: what a page may load, and who may frame it.
    pub policy: &'static str,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    frame: &'static Frame,
    status: StatusCode,
    title: &'static str,
    body: Html,
    onward: Option<String>,
    cookies: Vec<String>,
    retry_after: Option<u64>,
}

impl Page {
    /// A page with that title, which is its heading too, and a body below it: status 200, not cached.
    #[must_use]
    pub const fn new(frame: &'static Frame, title: &'static str, body: Html) -> Self {
        Self { frame, status: StatusCode::OK, title, body, onward: None, cookies: Vec::new(), retry_after: None }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same, from which browsers go on by themselves.
    #[must_use]
    pub fn onward(self, address: &str) -> Self {
        Self { onward: Some(address.to_owned()), ..self }
    }

    /// The same with a cookie: the value of `Set-Cookie`.
    #[must_use]
    pub fn cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The same, which may be asked for again after so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The answer.
    #[must_use]
    pub fn answer(self) -> HttpResponse {
        let refresh = self.onward.map_or_else(Html::default, |address| {
            Html::default()
                .raw("<meta http-equiv=\"refresh\"")
                .attribute("content", &format!("0; url={address}"))
                .raw(">\n")
        });
        let text = Html::default()
            .raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>")
            .raw(self.title)
            .raw(" · Portico</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
            .and(&refresh)
            .raw("<link rel=\"icon\"")
            .attribute("href", self.frame.icon)
            .raw(" type=\"image/svg+xml\">\n<link rel=\"stylesheet\"")
            .attribute("href", self.frame.style)
            .raw(">\n")
            .raw("</head>\n<body>\n<main>\n<p class=\"brand\">Portico</p>\n<h1>")
            .raw(self.title)
            .raw("</h1>\n")
            .and(&self.body)
            .raw("\n</main>\n</body>\n</html>\n");
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        for cookie in self.cookies {
            answer.append_header((header::SET_COOKIE, cookie));
        }
        finished(answer.body(text.into_string()), self.frame)
    }
}

/// Sends the browser on (303), with cookies: the values of `Set-Cookie`.
pub fn go(frame: &Frame, to: &'static str, cookies: impl IntoIterator<Item = String>) -> HttpResponse {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, to));
    for cookie in cookies {
        answer.append_header((header::SET_COOKIE, cookie));
    }
    finished(answer.finish(), frame)
}

/// A file of the pages, such as their style sheet; caches keep it for five minutes.
#[must_use]
pub fn file(frame: &Frame, content_type: &'static str, text: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, content_type));
    let mut answer = finished(answer.body(text), frame);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    answer
}

fn finished(mut answer: HttpResponse, frame: &Frame) -> HttpResponse {
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, frame.policy),
        // An invitation's link must not be told to anybody.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
