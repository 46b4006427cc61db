//! What a handler can take as an argument.

use std::future::Future;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::Data;
use portico_app::App;

use crate::problem::Problem;

/// Something that a handler takes out of a request.
pub trait Extract: Sized {
    /// Reads the value from the head of the request, or from its body, which can be read once.
    ///
    /// # Errors
    ///
    /// What is wrong with the request; [`Problem::Wiring`] when the fault is not the caller's.
    fn extract(request: &HttpRequest, payload: &mut Payload) -> impl Future<Output = Result<Self, Problem>>;
}

impl Extract for Data<App> {
    async fn extract(request: &HttpRequest, _: &mut Payload) -> Result<Self, Problem> {
        app(request).cloned()
    }
}

/// The application behind the request.
pub(crate) fn app(request: &HttpRequest) -> Result<&Data<App>, Problem> {
    request.app_data::<Data<App>>().ok_or(Problem::Wiring("the application is not among the data"))
}
