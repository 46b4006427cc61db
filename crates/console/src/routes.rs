//! The console's routes. They are public: each page says what it shows to whom.

use std::io::ErrorKind;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::rt::time::timeout;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use maud::html;
use portico_app::App;
use portico_core::metrics::Surface;
use portico_web::observed::observe;

use crate::frame::{self, icon, redirect, style};
use crate::visit::{Form, Visit};
use crate::{home, invitation, provider, sign_in, sign_in_link, tenant};

/// The longest form, in bytes.
const FORM_LIMIT: usize = 16 * 1024;
/// How long one may take to arrive: nobody who sends it is known yet.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);

const TOO_LATE: &str = "The form took too long to arrive. Please try again.";

/// What the metrics say that a page asks for: no resource.
const NO_CLASS: &str = "none";

/// A route that shows a page.
macro_rules! shows {
    ($handler:path) => {
        web::get().to(async |request: HttpRequest, app: Data<App>| {
            let answering = async { $handler(Visit::new(&app, &request)).await };
            observe(&request, Surface::Console, NO_CLASS, answering).await
        })
    };
}

/// A route that takes a form.
macro_rules! takes {
    ($handler:path) => {
        web::post().to(async |request: HttpRequest, app: Data<App>, body: Payload| {
            let answering = async {
                match read_form(body).await {
                    Ok(form) => $handler(Visit::new(&app, &request), form).await,
                    Err(refused) => refused,
                }
            };
            observe(&request, Surface::Console, NO_CLASS, answering).await
        })
    };
}

/// Registers everything under `/console`.
#[expect(clippy::disallowed_methods, reason = "pages for who is not signed in yet; home asks for the session itself")]
pub fn configure(config: &mut ServiceConfig, app: App) {
    config.service(
        web::scope("/console")
            .app_data(Data::new(app))
            .route("", web::get().to(async || redirect("/console/", [])))
            .route("/", shows!(home::show))
            .route("/style.css", web::get().to(async || style()))
            .route("/icon.svg", web::get().to(async || icon()))
            .route("/sign-in", shows!(sign_in::show))
            .route("/sign-in", takes!(sign_in::with_password))
            .route("/sign-in/provider", takes!(provider::begin))
            .route("/sign-in/provider/callback", shows!(provider::callback))
            .route("/sign-in/link/{ticket}", shows!(sign_in_link::show))
            .route("/sign-in/link/{ticket}", takes!(sign_in_link::redeem))
            .route("/sign-in/tenant", shows!(tenant::show))
            .route("/sign-in/tenant", takes!(tenant::choose))
            .route("/sign-out", takes!(home::sign_out))
            .route("/invitations/{token}", shows!(invitation::show))
            .route("/invitations/{token}", takes!(invitation::accept))
            .route("/invitations/{token}/provider", takes!(invitation::accept_at_provider))
            .default_service(web::to(async |request: HttpRequest| {
                observe(&request, Surface::Console, NO_CLASS, not_found()).await
            })),
    );
}

/// A form, once all of it is there; else the answer, after which the connection is over.
async fn read_form(body: Payload) -> Result<Form, HttpResponse> {
    let late = |error: &actix_web::Error| matches!(error.as_error(), Some(PayloadError::Io(error)) if error.kind() == ErrorKind::TimedOut);
    let (status, text) = match timeout(FORM_TIMEOUT, body.to_bytes_limited(FORM_LIMIT)).await {
        Ok(Ok(Ok(bytes))) => return Ok(Form::parse(&bytes)),
        Ok(Ok(Err(error))) if late(&error) => (StatusCode::REQUEST_TIMEOUT, TOO_LATE),
        Ok(Ok(Err(_))) => (StatusCode::BAD_REQUEST, "The form did not arrive whole. Please try again."),
        Ok(Err(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "The form is too long."),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, TOO_LATE),
    };
    let body = html! { p role="alert" { (text) } };
    let mut answer = frame::page("That did not work", body).status(status).answer();
    answer.head_mut().set_connection_type(ConnectionType::Close);
    Err(answer)
}

async fn not_found() -> HttpResponse {
    let body = html! {
        p { "There is no such page." }
        p { a href="/console/" { "Go to the console" } }
    };
    frame::page("Page not found", body).status(StatusCode::NOT_FOUND).answer()
}
