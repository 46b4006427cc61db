//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_http::Request;
use actix_service::Service;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::activity::Activity;
use crate::bridge;
use crate::guarded::Guarded;
use crate::phases::Phases;
use crate::refusal::Refusal;

/// The longest head, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// Serves a connection until it ends, or until no call runs and the server stops.
pub(crate) async fn serve<T, S, B>(stream: T, peer: SocketAddr, app: Rc<S>, refusal: Refusal, mut phases: Phases)
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    S: Service<Request, Response = ServiceResponse<B>> + 'static,
    S::Error: Into<actix_web::Error>,
    B: MessageBody + 'static,
{
    let activity = Rc::new(Activity::new());
    let io = TokioIo::new(Guarded::new(stream, Rc::clone(&activity), refusal));
    let service = service_fn(|incoming| {
        let flight = activity.begin();
        let answering = bridge::request(incoming, peer, &activity).map(|(request, body)| (app.call(request), body));
        async move {
            let (mut answer, ends) = match answering {
                Some((answering, body)) => {
                    let answer = match answering.await {
                        Ok(answer) => bridge::answer(answer.into_parts().1, flight),
                        Err(error) => bridge::answer(error.into().error_response(), flight),
                    };
                    let ends = match body {
                        Some(body) => !body.read_rest().await,
                        None => false,
                    };
                    (answer, ends)
                }
                None => (bridge::answer(refusal(400), flight), true),
            };
            // Who is not told sends its next request into a connection that is about to be closed.
            if ends {
                answer.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut http = http1::Builder::new();
    // Deadlines are those of `Guarded`. Who closes its side has left: nobody else tells that a call is not waited for.
    http.header_read_timeout(None).half_close(false).max_header_size(HEAD_LIMIT);
    let mut serving = std::pin::pin!(http.serve_connection(io, service));
    tokio::select! {
        _ = serving.as_mut() => return,
        () = phases.draining() => serving.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = serving => {}
        () = phases.over() => {}
    }
}
