//! Background work, all of it in one registry: name, period, last result, status.
//!
//! There are two kinds. A *periodic* task does a round of work at even times, and at once when it is woken
//! ([`Wake`]); a *service* runs until the program stops. Both are started by [`Tasks::start`] and neither is
//! aborted: a task hears of the stop through its [`CancellationToken`], and [`Tasks::stop`] waits until the
//! round in hand, and so its transaction, has ended.
//!
//! A task that panics is counted, told in the log and started again, after a second at first, and after up to
//! a minute when it goes on like that. A service that ends although nobody stopped it is treated alike. Every
//! task can be started again, because it is given as the function that makes its work.
//!
//! To add a task, give it to [`Tasks::periodic`] or [`Tasks::service`] where its service is made. Readiness
//! and metrics tell of it by its name, nothing else is to be done.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use portico_domain::clock::Clock;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::error::Causes;

/// The pause before a task that panicked is started again, at first.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The same at the most; it doubles with each panic in a row.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a stop waits for rounds in hand.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What a round of work failed with: the text is logged and shown as the task's last result.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

type Work = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Wakes a periodic task before its time. Waking twice before it runs is waking once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// The task runs a round as soon as it can.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// When a periodic task runs.
#[derive(Debug, Clone)]
pub struct Schedule {
    every: Duration,
    wake: Wake,
}

impl Schedule {
    /// A round at once and after each `every`, and nothing in between.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        Self { every, wake: Wake::default() }
    }

    /// The same, and whenever `wake` is called.
    #[must_use]
    pub fn woken_by(self, wake: &Wake) -> Self {
        Self { wake: wake.clone(), ..self }
    }
}

/// How a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// It waits for its next round; for a service: never, it runs.
    Waiting,
    /// It is at work.
    Running,
    /// It panicked, and waits to be started again.
    Restarting,
    /// It was stopped.
    Stopped,
}

impl TaskState {
    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopped => "stopped",
        }
    }
}

/// A task, as readiness and metrics tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its name.
    pub name: &'static str,
    /// The time between two rounds; none for a service, which always runs.
    pub period: Option<Duration>,
    /// What it is doing.
    pub state: TaskState,
    /// Rounds that ended well, or starts of a service.
    pub rounds: u64,
    /// Rounds that failed.
    pub failures: u64,
    /// How often it panicked and was started again.
    pub panics: u64,
    /// When the last round ended, or when a service was started.
    pub last_at: Option<OffsetDateTime>,
    /// What the last round failed with; none when it went well.
    pub last_failure: Option<String>,
}

impl TaskStatus {
    /// Whether it does its work: it was not stopped, does not wait to be started again, and did not fail in its
    /// last round.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        !matches!(self.state, TaskState::Stopped) && self.last_failure.is_none()
    }
}

/// The registry of all tasks of the process. Cheap to clone.
#[derive(Clone)]
pub struct Tasks {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    /// Given but not started yet.
    given: Mutex<Vec<Task>>,
    statuses: Mutex<BTreeMap<&'static str, TaskStatus>>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

struct Task {
    name: &'static str,
    schedule: Option<Schedule>,
    work: Box<dyn FnMut(CancellationToken) -> Work + Send>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.statuses()).finish()
    }
}

impl Tasks {
    /// None yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                given: Mutex::default(),
                statuses: Mutex::default(),
                tracker: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// A task that does a round of work at even times. What a round fails with is logged, counted and shown;
    /// the next one comes all the same.
    pub fn periodic<F, W, E>(&self, name: &'static str, schedule: Schedule, mut round: F)
    where
        F: FnMut() -> W + Send + 'static,
        W: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failure> + 'static,
    {
        let work = move |_| -> Work {
            let round = round();
            Box::pin(async move { round.await.map_err(Into::into) })
        };
        self.add(Task { name, schedule: Some(schedule), work: Box::new(work) });
    }

    /// A task that runs until its token is cancelled. It is made anew by `run` when it panicked or ended early.
    pub fn service<F, W>(&self, name: &'static str, mut run: F)
    where
        F: FnMut(CancellationToken) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let work = move |stop| -> Work {
            let run = run(stop);
            Box::pin(async move {
                run.await;
                Ok(())
            })
        };
        self.add(Task { name, schedule: None, work: Box::new(work) });
    }

    fn add(&self, task: Task) {
        let status = TaskStatus {
            name: task.name,
            period: task.schedule.as_ref().map(|schedule| schedule.every),
            state: TaskState::Waiting,
            rounds: 0,
            failures: 0,
            panics: 0,
            last_at: None,
            last_failure: None,
        };
        let before = lock(&self.inner.statuses).insert(task.name, status);
        debug_assert!(before.is_none(), "two tasks are named {}", task.name);
        lock(&self.inner.given).push(task);
    }

    /// Starts every task that was given and has not been started.
    pub fn start(&self) {
        for task in lock(&self.inner.given).drain(..) {
            self.inner.tracker.spawn(supervise(Arc::clone(&self.inner), task));
        }
    }

    /// Tells every task to stop and waits until all have ended, for ten seconds at the most.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tracker.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.inner.tracker.wait()).await.is_err() {
            let late: Vec<_> = self
                .statuses()
                .into_iter()
                .filter(|task| task.state != TaskState::Stopped)
                .map(|task| task.name)
                .collect();
            tracing::warn!(
                tasks = late.join(", "),
                "background tasks did not end in time; what they had begun is undone"
            );
        }
    }

    /// How every task is doing, by name.
    #[must_use]
    pub fn statuses(&self) -> Vec<TaskStatus> {
        lock(&self.inner.statuses).values().cloned().collect()
    }
}

impl Inner {
    fn update(&self, name: &'static str, change: impl FnOnce(&mut TaskStatus)) {
        if let Some(status) = lock(&self.statuses).get_mut(name) {
            change(status);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one task until the stop, and starts it again when it panics.
async fn supervise(inner: Arc<Inner>, mut task: Task) {
    let name = task.name;
    let mut restarts = 0;
    while !inner.stop.is_cancelled() {
        let (schedule, started) = (task.schedule.clone(), inner.clock.instant());
        let run = async {
            match schedule {
                Some(schedule) => rounds(&inner, &mut task, &schedule, restarts > 0).await,
                None => service(&inner, &mut task).await,
            }
        };
        let outcome = AssertUnwindSafe(run).catch_unwind().await;
        if inner.stop.is_cancelled() {
            break;
        }
        let panicked = outcome.is_err();
        inner.update(name, |status| {
            status.panics += u64::from(panicked);
            status.state = TaskState::Restarting;
            status.last_at = Some(inner.clock.now());
            status.last_failure = Some(if panicked { "it panicked" } else { "it ended by itself" }.to_owned());
        });
        restarts = if has_recovered(started, inner.clock.instant()) { 0 } else { restarts };
        let pause = pause(restarts);
        restarts += 1;
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::error!(
            task.name = name,
            panicked,
            restart_in_ms = pause_ms,
            "a background task ended; it is started again"
        );
        tokio::select! {
            () = inner.stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    inner.update(name, |status| status.state = TaskState::Stopped);
}

/// Whether a task ran for so long that its end is a new trouble and not the old one going on.
fn has_recovered(started: Instant, ended: Instant) -> bool {
    ended.saturating_duration_since(started) > LONGEST_PAUSE
}

/// The pause before a start after so many restarts in a row.
fn pause(restarts: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1_u32.checked_shl(restarts).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}

/// Rounds at even times until the stop. A round that was begun is ended.
async fn rounds(inner: &Inner, task: &mut Task, schedule: &Schedule, is_restart: bool) {
    let name = task.name;
    let mut ticks = tokio::time::interval(schedule.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    if is_restart {
        // The round that panicked has waited for its restart: no second one at once.
        ticks.reset();
    }
    loop {
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = schedule.wake.0.notified() => {}
            _ = ticks.tick() => {}
        }
        inner.update(name, |status| status.state = TaskState::Running);
        let span = tracing::info_span!("task", task.name = name);
        let outcome = (task.work)(inner.stop.clone()).instrument(span).await;
        let failure = outcome.err().map(|error| Causes(&*error).to_string());
        if let Some(reason) = &failure {
            tracing::warn!(task.name = name, reason, "a round of background work failed; the next one tries again");
        }
        inner.update(name, |status| {
            status.state = TaskState::Waiting;
            status.last_at = Some(inner.clock.now());
            status.rounds += u64::from(failure.is_none());
            status.failures += u64::from(failure.is_some());
            status.last_failure = failure;
        });
    }
}

async fn service(inner: &Inner, task: &mut Task) {
    inner.update(task.name, |status| {
        status.state = TaskState::Running;
        status.rounds += 1;
        status.last_at = Some(inner.clock.now());
        status.last_failure = None;
    });
    // It says of its own failures what is to be said.
    let _ = (task.work)(inner.stop.clone()).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use time::macros::datetime;
    use tokio::sync::{mpsc, oneshot};

    use super::*;

    fn tasks() -> Tasks {
        Tasks::new(Clock::system())
    }

    fn status(tasks: &Tasks) -> TaskStatus {
        tasks.statuses().pop().expect("there is one")
    }

    /// A task that tells of each round, and fails or panics in the rounds that it is told.
    fn telling(tasks: &Tasks, schedule: Schedule, act: fn(u32) -> Result<(), Failure>) -> mpsc::UnboundedReceiver<u32> {
        let (tell, told) = mpsc::unbounded_channel();
        let mut round = 0;
        tasks.periodic("test", schedule, move || {
            round += 1;
            let (tell, nth) = (tell.clone(), round);
            async move {
                let _ = tell.send(nth);
                act(nth)
            }
        });
        told
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_runs_at_once_at_even_times_and_when_woken() {
        let (tasks, wake) = (tasks(), Wake::default());
        let schedule = Schedule::every(Duration::from_mins(1)).woken_by(&wake);
        let mut told = telling(&tasks, schedule, |_| Ok(()));
        tasks.start();
        let began = tokio::time::Instant::now();
        assert_eq!(told.recv().await, Some(1));
        assert_eq!(began.elapsed(), Duration::ZERO);
        wake.wake();
        assert_eq!((told.recv().await, began.elapsed()), (Some(2), Duration::ZERO));
        assert_eq!(told.recv().await, Some(3));
        assert_eq!(began.elapsed(), Duration::from_mins(1));
        tasks.stop().await;
        assert_eq!(status(&tasks).state, TaskState::Stopped);
        assert_eq!((status(&tasks).rounds, status(&tasks).failures), (3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shown_until_a_round_goes_well() {
        let tasks = tasks();
        let mut told = telling(&tasks, Schedule::every(Duration::from_secs(1)), |nth| {
            if nth == 2 { Err("no database".into()) } else { Ok(()) }
        });
        tasks.start();
        let mut seen = Vec::new();
        for _ in 0..3 {
            told.recv().await;
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            seen.push(status(&tasks).last_failure);
        }
        assert_eq!(seen, [None, Some("no database".to_owned()), None]);
        tasks.stop().await;
        assert_eq!((status(&tasks).rounds, status(&tasks).failures, status(&tasks).panics), (2, 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_after_a_growing_pause() {
        let tasks = tasks();
        let mut told = telling(&tasks, Schedule::every(Duration::from_millis(10)), |nth| {
            assert!(nth > 3, "a fault of the test's own");
            Ok(())
        });
        tasks.start();
        let mut at = Vec::new();
        let began = tokio::time::Instant::now();
        for _ in 0..4 {
            told.recv().await;
            at.push(began.elapsed().as_millis());
        }
        // A second, two and four, and the period of 10 ms after each.
        assert_eq!(at, [0, 1_010, 3_020, 7_030]);
        assert_eq!(status(&tasks).panics, 3);
        tasks.stop().await;
    }

    #[test]
    fn a_task_that_ran_for_more_than_a_minute_begins_with_the_first_pause_again() {
        let clock = Clock::manual(datetime!(2026-12-01 12:00 UTC));
        let started = clock.instant();
        clock.advance(LONGEST_PAUSE);
        assert!(!has_recovered(started, clock.instant()));
        clock.advance(Duration::from_nanos(1));
        assert!(has_recovered(started, clock.instant()));
    }

    #[test]
    fn the_pause_is_bounded() {
        assert_eq!(pause(0), FIRST_PAUSE);
        assert_eq!(pause(5), Duration::from_secs(32));
        assert_eq!(pause(6), LONGEST_PAUSE);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }

    #[tokio::test]
    async fn a_stop_waits_for_the_round_in_hand() {
        let tasks = tasks();
        let (begun, has_begun) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let ended = Arc::new(AtomicU32::new(0));
        let (mut parts, count) = (Some((begun, may_go_on)), Arc::clone(&ended));
        tasks.periodic("test", Schedule::every(Duration::from_mins(1)), move || {
            let (parts, count) = (parts.take(), Arc::clone(&count));
            async move {
                let Some((begun, may_go_on)) = parts else { return Ok::<_, Failure>(()) };
                let _ = begun.send(());
                let _ = may_go_on.await;
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        });
        tasks.start();
        has_begun.await.expect("begins");
        let stopping = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.stop().await }
        });
        tokio::task::yield_now().await;
        assert!(!stopping.is_finished());
        go_on.send(()).expect("waits");
        stopping.await.expect("does not panic");
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_ends_by_itself_is_started_again() {
        let tasks = tasks();
        let (tell, mut told) = mpsc::unbounded_channel();
        tasks.service("early", move |_| {
            let tell = tell.clone();
            async move {
                let _ = tell.send(());
            }
        });
        tasks.start();
        told.recv().await;
        told.recv().await;
        assert_eq!(status(&tasks).rounds, 2);
        tasks.stop().await;
    }
}
