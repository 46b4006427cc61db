use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::hunt::{self, Secret};
use super::{Answer, Body, Caller};

/// A browser of somebody who fills in the console's forms: it keeps cookies, and follows no script.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    caller: Caller,
    cookies: BTreeMap<String, String>,
    /// The address of the page that it shows.
    pub(crate) at: String,
}

impl Browser {
    /// A browser without cookies.
    pub(crate) fn of(caller: &Caller) -> Self {
        Self { caller: caller.clone(), cookies: BTreeMap::new(), at: String::new() }
    }

    /// Its cookies as a header.
    pub(crate) fn cookies(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Opens a page, and those to which it is sent on.
    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        self.go(Method::GET, path, Body::None).await
    }

    /// Sends a form with these fields and the hidden one of the page that it belongs to.
    pub(crate) async fn submit(&mut self, page: &Answer, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = hidden_token(page);
        let fields: Vec<_> = fields.iter().copied().chain([("form_token", &*token)]).collect();
        self.post(path, &fields).await
    }

    /// Sends a form with exactly these fields.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut url = reqwest::Url::parse("http://form").expect("is a URL");
        url.query_pairs_mut().extend_pairs(fields);
        let body = url.query().unwrap_or_default().as_bytes().to_vec();
        self.go(Method::POST, path, Body::Bytes("application/x-www-form-urlencoded", body)).await
    }

    /// Sends a request; every answer may set cookies.
    async fn go(&mut self, method: Method, path: &str, body: Body) -> Answer {
        let (mut method, mut path, mut body) = (method, path.to_owned(), body);
        for _ in 0..10 {
            let answer = self.caller.with("Cookie", &self.cookies()).send(method, &path, body).await;
            for cookie in answer.headers.get_all("set-cookie") {
                let text = cookie.to_str().expect("cookies are ASCII");
                let (name, value) = text.split(';').next().and_then(|pair| pair.split_once('=')).expect("is a pair");
                if text.contains("Max-Age=0") {
                    self.cookies.remove(name);
                } else {
                    if name.ends_with("portico_session") {
                        hunt::plant(Secret::Portico, value);
                    }
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            self.at.clone_from(&path);
            if answer.status != 303 {
                return answer;
            }
            (method, path, body) = (Method::GET, answer.header("location").to_owned(), Body::None);
        }
        panic!("{path} leads round and round");
    }

    /// The management API as the page's own scripts would call it: with cookies and the token.
    pub(crate) async fn api(&self) -> Caller {
        let api = self.caller.with("Cookie", &self.cookies());
        let session = api.get("/api/v1/session").await.expect(200);
        let token = session["csrf_token"].as_str().unwrap_or_default().to_owned();
        api.with("X-CSRF-Token", &token).with("Origin", self.caller.base())
    }

    /// Who it is, as the API says; null where it is signed out.
    pub(crate) async fn who(&self) -> Value {
        self.caller.with("Cookie", &self.cookies()).get("/api/v1/session").await.json
    }
}

/// The hidden field of a page's forms.
#[track_caller]
pub(crate) fn hidden_token(page: &Answer) -> String {
    let after = page.text.split("name=\"form_token\" value=\"").nth(1);
    let after = after.unwrap_or_else(|| panic!("{page} has no form"));
    after.split('"').next().unwrap_or_default().to_owned()
}
