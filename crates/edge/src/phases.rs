//! From serving to the end, as connections are told of it.

use tokio::sync::watch;

/// What the server is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It accepts and answers.
    Serving,
    /// It accepts nothing more; calls that run may end.
    Draining,
    /// Whatever still runs is cut off.
    Over,
}

/// Tells of the end.
#[derive(Debug, Clone)]
pub(crate) struct Phases(watch::Receiver<Phase>);

impl Phases {
    /// Of a server that begins to serve, with what tells it to go on to the next.
    pub(crate) fn of_a_server() -> (watch::Sender<Phase>, Self) {
        let (phase, phases) = watch::channel(Phase::Serving);
        (phase, Self(phases))
    }

    /// Waits until nothing more is to begin.
    pub(crate) async fn draining(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until nothing is to go on.
    pub(crate) async fn over(&mut self) {
        self.reached(Phase::Over).await;
    }

    async fn reached(&mut self, phase: Phase) {
        // An error says that the server is gone, which is the end too.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}
