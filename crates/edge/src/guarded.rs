//! The bytes of a connection, with deadlines.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, sleep_until};

use crate::activity::Activity;
use crate::pace::{MinimumRate, Pace};
use crate::refusal::{Refusal, written_out};

/// How long a head may take to arrive.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection without a call is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How fast an answer is to be read.
const ANSWER: MinimumRate = MinimumRate { pause: Duration::from_secs(30), bytes_per_second: 4 * 1024 };
/// How long what nobody reads is taken before the connection is dropped: whoever is still sending would else be told
/// of a broken connection before it reads the answer.
const LINGER: Duration = Duration::from_secs(1);

/// A stream whose other side must not be waited for too long.
#[derive(Debug)]
pub(crate) struct Guarded<T> {
    io: T,
    activity: Rc<Activity>,
    refusal: Refusal,
    deadline: Option<Pin<Box<Sleep>>>,
    answers: Pace,
    /// A refusal with a body, in the place of one without.
    own: BytesMut,
    lingering: Option<Pin<Box<Sleep>>>,
}

impl<T> Guarded<T> {
    /// The stream of a connection.
    pub(crate) fn new(io: T, activity: Rc<Activity>, refusal: Refusal) -> Self {
        Self {
            io,
            activity,
            refusal,
            deadline: None,
            answers: Pace::new(ANSWER),
            own: BytesMut::new(),
            lingering: None,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Guarded<T> {
    /// Waits for a head; ready when that has lasted too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (since, limit) = match self.activity.awaited() {
            (since, true) => (since, HEAD),
            (since, false) => (since, KEEP_ALIVE),
        };
        let at = since + limit;
        match &mut self.deadline {
            Some(deadline) if deadline.deadline() == at => {}
            Some(deadline) => deadline.as_mut().reset(at),
            None => self.deadline = Some(Box::pin(sleep_until(at))),
        }
        self.deadline.as_mut().map_or(Poll::Pending, |deadline| deadline.as_mut().poll(cx))
    }

    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let written = Pin::new(&mut self.io).poll_write(cx, &self.own);
            let written = ready!(paced(&mut self.answers, cx, written))?;
            self.own.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes a refusal that hyper wrote by itself, and writes one that says why.
    fn replaced(&mut self, written: &[u8]) -> bool {
        let Some(status) = self.activity.is_settled().then(|| bare_refusal(written)).flatten() else { return false };
        self.own.extend_from_slice(&written_out((self.refusal)(status)));
        self.activity.leave_unread();
        true
    }
}

/// The status of a head that hyper wrote without having asked the application.
fn bare_refusal(written: &[u8]) -> Option<u16> {
    let status = written.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    // Its line of status, three headers and an empty line; what the application answers has a request id at least.
    let is_whole = written.ends_with(b"\r\n\r\n") && written.split(|byte| *byte == b'\n').count() <= 6;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    (is_whole && matches!(status, 400 | 414 | 431)).then_some(status)
}

/// Counts what was written, and fails when the other side takes too little.
fn paced(pace: &mut Pace, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    match written {
        Poll::Ready(Ok(bytes)) => {
            pace.moved(bytes);
            Poll::Ready(Ok(bytes))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Pending => {
            ready!(pace.poll_late(cx));
            Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is read too slowly")))
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                if buf.filled().len() > before {
                    this.activity.read();
                }
                Poll::Ready(outcome)
            }
            Poll::Pending if !this.activity.is_settled() => Poll::Pending,
            Poll::Pending => {
                ready!(this.poll_deadline(cx));
                if this.activity.has_head_begun() {
                    // The little that this is fits where nothing was written; if not, there is nobody to be told.
                    let _ = Pin::new(&mut this.io).poll_write(cx, &written_out((this.refusal)(408)));
                }
                // The end, as if the other side had gone.
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.replaced(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(this.poll_own(cx))?;
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        paced(&mut this.answers, cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut filled = bufs.iter().filter(|buf| !buf.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next())
            && this.replaced(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        ready!(this.poll_own(cx))?;
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        paced(&mut this.answers, cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_own(cx))?;
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        if this.activity.flushed() {
            // Whoever reads looks again, and sets the deadline of the next head.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_own(cx))?;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            if !this.activity.is_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        let until = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut taken = [0; 4096];
        loop {
            let mut taken = ReadBuf::new(&mut taken);
            if ready!(Pin::new(&mut this.io).poll_read(cx, &mut taken)).is_err() || taken.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heads_that_the_application_did_not_write_are_replaced() {
        let own = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(bare_refusal(own), Some(400));
        assert_eq!(bare_refusal(&own[..own.len() - 2]), None);
        assert_eq!(bare_refusal(b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n"), None);
        assert_eq!(bare_refusal(b"HTTP/1.1 100 Continue\r\n\r\n"), None);
        let answer = b"HTTP/1.1 400 Bad Request\r\na: 1\r\nb: 1\r\nc: 1\r\nd: 1\r\nx-request-id: r\r\n\r\n";
        assert_eq!(bare_refusal(answer), None);
    }
}
