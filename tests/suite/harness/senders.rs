use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::tenant::message;
use super::{Body, Caller, eventually};

/// Senders that send one message after the other until they are told to stop.
#[derive(Debug)]
pub(crate) struct Senders {
    tasks: JoinSet<Vec<String>>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
}

impl Senders {
    /// So many for each caller.
    pub(crate) fn start(callers: &[Caller], path: &str, each: usize) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for caller in callers.iter().flat_map(|caller| std::iter::repeat_n(caller, each)) {
            let (caller, path) = (caller.clone(), path.to_owned());
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            tasks.spawn(async move {
                let mut failures = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match caller.try_send(reqwest::Method::POST, &path, Body::Json(message())).await {
                        Ok(answer) if answer.is_success() => {
                            sent.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(answer) => failures.push(answer.to_string()),
                        Err(error) => failures.push(error.to_string()),
                    }
                }
                failures
            });
        }
        Self { tasks, stop, sent }
    }

    /// Waits until that many more were sent.
    pub(crate) async fn more(&self, many: usize) {
        let from = self.sent.load(Ordering::Relaxed);
        eventually("messages are being sent", || async {
            (self.sent.load(Ordering::Relaxed) >= from + many).then_some(())
        })
        .await;
    }

    /// Stops them. How many were sent; it fails if one was not.
    pub(crate) async fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        while let Some(one) = self.tasks.join_next().await {
            failures.append(&mut one.expect("a sender does not panic"));
        }
        let sent = self.sent.load(Ordering::Relaxed);
        assert!(
            failures.is_empty(),
            "{} of {} sends failed; the first: {}",
            failures.len(),
            sent + failures.len(),
            failures[0]
        );
        sent
    }
}
