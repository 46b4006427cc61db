//! A listener that serves, and its orderly end.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::accept::accept;
use crate::descriptors::ConnectionLimits;
use crate::phases::{Phase, Phases};
use crate::refusal::Refusal;
use crate::slots::Slots;
use crate::worker;

/// A listener that serves an application.
#[derive(Debug)]
pub struct Edge {
    phase: watch::Sender<Phase>,
    slots: Arc<Slots>,
    accepting: JoinHandle<()>,
    /// Ends when all threads have.
    threads: mpsc::Receiver<Infallible>,
}

impl Edge {
    /// Serves what the listener accepts with so many threads, each of which has an application of its own from `make`;
    /// 0: as many as the machine has processors.
    ///
    /// # Errors
    ///
    /// When the system refuses threads or the listener.
    pub fn start<F, I, S, B>(
        listener: TcpListener,
        threads: usize,
        limits: ConnectionLimits,
        refusal: Refusal,
        make: F,
    ) -> io::Result<Self>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request> + 'static,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>> + 'static,
        S::Service: 'static,
        S::Error: Into<actix_web::Error>,
        B: MessageBody + 'static,
    {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (phase, phases) = Phases::of_a_server();
        let slots = Slots::new(limits);
        let threads = if threads == 0 { std::thread::available_parallelism().map_or(1, NonZero::get) } else { threads };
        let (alive, ended) = mpsc::channel(1);
        let start = |number| {
            let name = format!("http-{number}");
            worker::start(name, make.clone(), refusal, phases.clone(), alive.clone())
        };
        let workers = (0..threads).map(start).collect::<io::Result<Vec<_>>>()?;
        let accepting = tokio::spawn(accept(listener, workers, Arc::clone(&slots), phases));
        Ok(Self { phase, slots, accepting, threads: ended })
    }

    /// Waits until it accepts nothing more, though nobody asked it to stop.
    pub async fn ended(&mut self) {
        // A panic is an end as well.
        let _ = (&mut self.accepting).await;
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.taken()
    }

    /// Accepts nothing more, closes connections without a call, and gives the others that long to end, or until
    /// `hurry` is ready; then they are cut off. Gives how many were. `work` is what calls leave behind on the threads
    /// that served them: it has the same time, and no thread ends before.
    pub async fn stop(
        mut self,
        limit: Duration,
        work: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> usize {
        self.phase.send_replace(Phase::Draining);
        // Nothing can be accepted any more once this has ended, as it may have by itself.
        if !self.accepting.is_finished() {
            let _ = self.accepting.await;
        }
        let quiet = async {
            self.slots.empty().await;
            work.await;
        };
        tokio::select! {
            () = quiet => {}
            () = tokio::time::sleep(limit) => {}
            () = hurry => {}
        }
        let left = self.slots.taken();
        self.phase.send_replace(Phase::Over);
        self.slots.empty().await;
        // Nothing is ever sent.
        let _ = self.threads.recv().await;
        left
    }
}
