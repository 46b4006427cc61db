use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::Answer;
use super::hunt::{self, Secret};

/// Somebody who calls one base URL with one credential.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    http: reqwest::Client,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Nothing.
    None,
    /// JSON with its content type.
    Json(Value),
    /// Any bytes with that content type.
    Bytes(&'static str, Vec<u8>),
    /// A small PNG as the part of that name of a form.
    File(&'static str),
}

impl Caller {
    /// A caller without a credential. Never goes through a proxy of the environment.
    pub(crate) fn anonymous(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_mins(1))
            .build()
            .expect("a client without TLS settings can be built");
        Self { base: base.trim_end_matches('/').to_owned(), token: None, headers: Vec::new(), http }
    }

    /// The same with this Bearer token.
    pub(crate) fn bearing(&self, token: &str) -> Self {
        // Junk that a test makes up is no secret.
        if token.len() > 40 && (token.starts_with("ptc_") || token.starts_with("eyJ")) {
            hunt::plant(Secret::Portico, token);
        }
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same without a Bearer token.
    pub(crate) fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The same with one header more.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut caller = self.clone();
        caller.headers.push((name.to_owned(), value.to_owned()));
        caller
    }

    /// The same at another base URL.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    /// The base URL, without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The Bearer token; empty for an anonymous caller.
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Sends a request; the whole answer, or why there was none.
    pub(crate) async fn try_send(&self, method: Method, path: &str, body: Body) -> Result<Answer, reqwest::Error> {
        let what = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request = match body {
            Body::None => request,
            Body::Json(json) => request.json(&json),
            Body::Bytes(content_type, bytes) => request.header("content-type", content_type).body(bytes),
            Body::File(name) => {
                let part = Part::bytes(b"\x89PNG\r\n\x1a\n".as_slice()).file_name("photo.png").mime_str("image/png")?;
                request.multipart(Form::new().part(name, part))
            }
        };
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = String::from_utf8_lossy(&response.bytes().await?).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        let answer = Answer { what, status, headers, text, json };
        hunt::shows_none(&answer, path);
        Ok(answer)
    }

    /// Sends a request that must be answered, whatever the answer.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Body) -> Answer {
        let what = format!("{method} {path}");
        match self.try_send(method, path, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("{what} at {} got no answer: {error:?}", self.base),
        }
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::None).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Body::Json(body)).await
    }

    /// Posts nothing.
    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        self.send(Method::POST, path, Body::None).await
    }

    /// Puts JSON.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Body::Json(body)).await
    }

    /// Patches with JSON.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, Body::Json(body)).await
    }

    /// Deletes.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::None).await
    }

    /// Every row of a list, page by page.
    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut next = format!("{path}{sign}limit=100");
        loop {
            let page = self.get(&next).await.expect(200);
            rows.extend(page["data"].as_array().unwrap_or_else(|| panic!("{path} has no data: {page}")).clone());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{path}{sign}limit=100&cursor={cursor}"),
                None => return rows,
            }
        }
    }
}
