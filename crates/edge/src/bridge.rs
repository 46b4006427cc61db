//! From hyper's requests to actix's, and from actix's answers to hyper's. The two speak different versions of the same
//! types.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_http::error::PayloadError;
use actix_http::header::{HeaderName, HeaderValue};
use actix_http::{Payload, Request, Uri, Version};
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::uri::Authority;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Method, Response, StatusCode};

use crate::activity::{Activity, InFlight};
use crate::pace::{MinimumRate, Pace};

/// How fast a body is to arrive.
const BODY: MinimumRate = MinimumRate { pause: Duration::from_secs(10), bytes_per_second: 16 * 1024 };

/// How much of a body that nobody wants is read all the same, in bytes.
const SHORT: u64 = 64 * 1024;

/// The request as the application takes it, and its body if it has one; none if its head is not [clear](is_clear), or its target none that the
/// application can read.
///
/// `HEAD` is `GET` to the application: hyper keeps the answer's head and drops its body (RFC 9110, section 9.3.2), so
/// that the two never differ.
pub(crate) fn request(
    incoming: hyper::Request<Incoming>,
    peer: SocketAddr,
    activity: &Rc<Activity>,
) -> Option<(Request, Option<Unread>)> {
    let (head, body) = incoming.into_parts();
    if !is_clear(&head) {
        return None;
    }
    let arriving = (!body.is_end_stream()).then(|| {
        activity.leave_unread();
        let arriving = Arriving { body, pace: Pace::new(BODY), activity: Rc::clone(activity), is_over: false };
        Rc::new(RefCell::new(arriving))
    });
    let payload: Payload = match &arriving {
        Some(arriving) => Payload::Stream { payload: Box::pin(Shared(Rc::clone(arriving))) },
        None => Payload::None,
    };
    let is_invited = !head.headers.contains_key(http::header::EXPECT);
    let unread = arriving.map(|arriving| Unread { arriving, is_invited });
    let mut request = Request::with_payload(payload);
    let to = request.head_mut();
    let method = if head.method == Method::HEAD { Method::GET } else { head.method };
    to.method = actix_http::Method::from_bytes(method.as_str().as_bytes()).ok()?;
    to.uri = Uri::try_from(head.uri.to_string()).ok()?;
    to.version = if head.version == hyper::Version::HTTP_10 { Version::HTTP_10 } else { Version::HTTP_11 };
    to.peer_addr = Some(peer);
    for (name, value) in &head.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        to.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    // A target with a host says where the request goes, whatever the header says (RFC 9112, section 3.2.2).
    if let Some(authority) = head.uri.authority() {
        to.headers.insert(actix_http::header::HOST, HeaderValue::from_str(authority.as_str()).ok()?);
    }
    Some((request, unread))
}

/// Whether the head names one host, if it must (RFC 9112, section 3.2), and its body comes in no coding but chunks
/// (section 6.1): what two readers could take for two requests goes no further.
fn is_clear(head: &http::request::Parts) -> bool {
    let mut hosts = head.headers.get_all(http::header::HOST).iter();
    let host = hosts.next();
    let is_host = |value: &http::HeaderValue| {
        value.is_empty() || Authority::try_from(value.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
    };
    let one_host = hosts.next().is_none()
        && match host {
            Some(value) => is_host(value),
            None => head.version == hyper::Version::HTTP_10,
        };
    let is_chunked = |value: &http::HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    one_host && head.headers.get_all(http::header::TRANSFER_ENCODING).iter().all(is_chunked)
}

/// The answer as hyper takes it. The call ends with the body.
pub(crate) fn answer<B: MessageBody + 'static>(answer: HttpResponse<B>, flight: InFlight) -> Response<Answer> {
    let (head, body) = answer.map_into_boxed_body().into_parts();
    let mut response = Response::new(Answer { body: Some(body), _flight: flight });
    *response.status_mut() = StatusCode::from_u16(head.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.reserve(head.headers().len() + 1);
    for (name, value) in head.headers() {
        let name = http::HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    response
}

/// An answer's body.
pub(crate) struct Answer {
    /// None once it has ended.
    body: Option<BoxBody>,
    _flight: InFlight,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let piece = ready!(Pin::new(body).poll_next(cx));
        if piece.is_none() {
            self.body = None;
        }
        // Where it comes from logs what went wrong; here it only ends the connection.
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(|error| io::Error::other(error.to_string()))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| matches!(body.size(), BodySize::None | BodySize::Sized(0)))
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.as_ref().map(MessageBody::size) {
            None | Some(BodySize::None) => SizeHint::with_exact(0),
            Some(BodySize::Sized(bytes)) => SizeHint::with_exact(bytes),
            Some(BodySize::Stream) => SizeHint::default(),
        }
    }
}

/// A request's body, of which the application may have left something.
pub(crate) struct Unread {
    arriving: Rc<RefCell<Arriving>>,
    /// It comes without being asked for.
    is_invited: bool,
}

impl Unread {
    /// Reads what is left of a short body, so that the connection can be used again; false when it cannot.
    pub(crate) async fn read_rest(self) -> bool {
        let is_short = {
            let arriving = self.arriving.borrow();
            if arriving.is_over {
                return !arriving.activity.is_unread();
            }
            self.is_invited && arriving.body.size_hint().exact().is_some_and(|bytes| bytes <= SHORT)
        };
        let mut rest = Shared(self.arriving);
        if !is_short {
            return false;
        }
        while let Some(piece) = rest.next().await {
            if piece.is_err() {
                return false;
            }
        }
        true
    }
}

/// The same body for the application and for what it leaves.
struct Shared(Rc<RefCell<Arriving>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

/// A request's body, which must keep to its rate.
struct Arriving {
    body: Incoming,
    pace: Pace,
    activity: Rc<Activity>,
    is_over: bool,
}

impl Stream for Arriving {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        loop {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are no part of the body.
                    let Ok(piece) = frame.into_data() else { continue };
                    this.pace.moved(piece.len());
                    return Poll::Ready(Some(Ok(piece)));
                }
                Poll::Ready(Some(Err(_))) => {
                    this.is_over = true;
                    return Poll::Ready(Some(Err(PayloadError::Incomplete(None))));
                }
                Poll::Ready(None) => {
                    this.is_over = true;
                    this.activity.has_read_all();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    ready!(this.pace.poll_late(cx));
                    this.is_over = true;
                    let late = io::Error::new(io::ErrorKind::TimedOut, "the body arrives too slowly");
                    return Poll::Ready(Some(Err(PayloadError::Io(late))));
                }
            }
        }
    }
}
