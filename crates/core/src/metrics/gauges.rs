//! How things stand at the moment of a scrape: connections, caches, tasks, the vault, the queue of the request log.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::Core;
use crate::tasks::TaskStatus;

/// Asks the core at each scrape.
#[derive(Debug)]
pub(super) struct Gauges(pub(super) Core);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let core = &self.0;
        let pool = core.db.pool_state();
        gauges(
            &mut encoder,
            "portico_database_connections",
            "Connections of the pool to Postgres, by what they do",
            "state",
            [("idle", pool.idle), ("used", pool.used)],
        )?;
        gauge(
            &mut encoder,
            "portico_changes_listening",
            "1 while notifications of changes on other replicas are known to arrive; 0: caches hold for less than a second",
            u64::from(core.validity.is_listening()),
        )?;
        gauge(
            &mut encoder,
            "portico_request_log_queue",
            "Entries of the request log that wait to be written",
            core.write_behind.waiting(),
        )?;
        gauges(
            &mut encoder,
            "portico_vault_reachable",
            "1 while every master key that is needed can be used",
            "vault",
            [("master_keys", u64::from(core.vault_availability.is_usable()))],
        )?;
        let sizes = core.caches.sizes().into_iter().chain([("data_keys", core.vault.open_keys())]);
        gauges(&mut encoder, "portico_cache_entries", "Entries of a cache", "cache", sizes)?;
        tasks(&mut encoder, &core.tasks.statuses())
    }
}

fn tasks(encoder: &mut DescriptorEncoder<'_>, tasks: &[TaskStatus]) -> Result<(), Error> {
    counters(encoder, "portico_task_rounds", "Rounds of background tasks that went well", tasks, |task| task.rounds)?;
    counters(encoder, "portico_task_failures", "Rounds of background tasks that failed", tasks, |task| task.failures)?;
    counters(encoder, "portico_task_panics", "Panics of background tasks", tasks, |task| task.panics)?;
    let healthy = tasks.iter().map(|task| (task.name, u64::from(task.is_healthy())));
    gauges(encoder, "portico_task_healthy", "1 while a background task does its work", "task", healthy)?;
    let last = tasks.iter().filter_map(|task| Some((task.name, task.last_at?.unix_timestamp().cast_unsigned())));
    gauges(
        encoder,
        "portico_task_last_round_timestamp_seconds",
        "When a background task's last round ended, in seconds since 1970",
        "task",
        last,
    )
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Result<(), Error> {
    let gauge = ConstGauge::new(float(value));
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn gauges<'l>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    values: impl IntoIterator<Item = (&'l str, u64)>,
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (of, value) in values {
        ConstGauge::new(float(value)).encode(metric.encode_family(&[(label, of)])?)?;
    }
    Ok(())
}

fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    tasks: &[TaskStatus],
    value: fn(&TaskStatus) -> u64,
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for task in tasks {
        ConstCounter::new(value(task)).encode(metric.encode_family(&[("task", task.name)])?)?;
    }
    Ok(())
}

/// What is counted here stays far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "the values are small")]
const fn float(value: u64) -> f64 {
    value as f64
}
