//! Pages for people: what stands around each, and what every answer with one has.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use maud::{DOCTYPE, Markup, html};

/// The whole document of a page: `head` is what it has beside charset, title and viewport, `body` what is in
/// its body.
#[must_use]
pub fn document(title: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Portico" }
                (head)
            }
            body { (body) }
        }
    }
}

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

/// A page that is made for one request: title, heading and a body.
#[derive(Debug)]
pub struct Page {
    frame: &'static Frame,
    status: StatusCode,
    title: &'static str,
    body: Markup,
    refresh_to: Option<String>,
    cookies: Vec<String>,
    retry_after: Option<u64>,
}

impl Page {
    /// A page with that title, which is its heading too, and a body below it: status 200, not cached.
    #[must_use]
    pub const fn new(frame: &'static Frame, title: &'static str, body: Markup) -> Self {
        Self { frame, status: StatusCode::OK, title, body, refresh_to: None, cookies: Vec::new(), retry_after: None }
    }

    /// Sets the status, which is 200 otherwise.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Makes browsers go on to that address at once, without a redirect.
    #[must_use]
    pub fn refresh_to(self, address: &str) -> Self {
        Self { refresh_to: Some(address.to_owned()), ..self }
    }

    /// Adds cookies: values of `Set-Cookie`.
    #[must_use]
    pub fn cookies(mut self, cookies: impl IntoIterator<Item = String>) -> Self {
        self.cookies.extend(cookies);
        self
    }

    /// Sets `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The page as an answer in UTF-8, with the headers that every page has.
    #[must_use]
    pub fn answer(self) -> HttpResponse {
        let text = self.markup().into_string();
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        for cookie in self.cookies {
            answer.append_header((header::SET_COOKIE, cookie));
        }
        finished(answer.body(text), self.frame)
    }

    fn markup(&self) -> Markup {
        let head = html! {
            @if let Some(address) = &self.refresh_to {
                meta http-equiv="refresh" content={ "0; url=" (address) };
            }
            link rel="icon" href=(self.frame.icon) type="image/svg+xml";
            link rel="stylesheet" href=(self.frame.style);
        };
        let body = html! {
            main {
                p.brand { "Portico" }
                h1 { (self.title) }
                (self.body)
            }
        };
        document(self.title, &head, &body)
    }
}

/// Sends the browser on (303), with cookies: the values of `Set-Cookie`.
pub fn redirect(frame: &Frame, to: &'static str, cookies: impl IntoIterator<Item = String>) -> HttpResponse {
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

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    static FRAME: Frame = Frame { style: "/s.css", icon: "/i.svg", policy: "default-src 'none'" };

    #[actix_web::test]
    async fn texts_from_outside_stay_texts() {
        let outside = "\" onclick='x' <i>&";
        let body = html! { p title=(outside) { (outside) } };
        let answer = Page::new(&FRAME, "Here", body).refresh_to(outside).answer();
        let text = String::from_utf8(to_bytes(answer.into_body()).await.unwrap().to_vec()).unwrap();
        let escaped = "&quot; onclick='x' &lt;i&gt;&amp;";
        assert!(text.contains(&format!("<p title=\"{escaped}\">{escaped}</p>")), "{text}");
        assert!(text.contains(&format!("content=\"0; url={escaped}\"")), "{text}");
    }

    #[test]
    fn a_page_is_kept_by_nobody_and_framed_by_nobody() {
        let page = Page::new(&FRAME, "Here", html! {}).status(StatusCode::FORBIDDEN).retry_after(5);
        let answer = page.cookies(["a=1".to_owned(), "b=2".to_owned()]).answer();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!((answer.status().as_u16(), header("retry-after")), (403, Some("5")));
        assert_eq!((header("cache-control"), header("x-frame-options")), (Some("no-store"), Some("DENY")));
        assert_eq!(header("content-security-policy"), Some(FRAME.policy));
        assert_eq!(answer.headers().get_all("set-cookie").count(), 2);
    }
}
