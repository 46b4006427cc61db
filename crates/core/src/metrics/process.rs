//! What the operating system knows of this process, as Prometheus' client libraries name it. Only on Linux, where
//! `/proc` tells; elsewhere there is nothing.

use std::fmt::Error;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks of the CPU clock in a second, which Linux fixes for programs.
const TICKS: f64 = 100.0;
/// Bytes of a page, on the machines that Portico is built for.
const PAGE: f64 = 4096.0;

/// Reads `/proc/self` at each scrape.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let Some(stat) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| Stat::parse(&text)) else {
            return Ok(());
        };
        let cpu = ConstCounter::new(stat.cpu_seconds);
        let help = "Processor time of the process";
        cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, cpu.metric_type())?)?;
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text)).unwrap_or(0.0);
        let open_files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        for (name, help, value) in [
            ("process_start_time_seconds", "When the process was started, in seconds since 1970", boot + stat.started),
            ("process_resident_memory_bytes", "Memory of the process", stat.resident_pages * PAGE),
            ("process_threads", "Threads of the process", stat.threads),
            #[expect(clippy::cast_precision_loss, reason = "a process has few files open")]
            ("process_open_fds", "Files and sockets that the process has open", open_files as f64),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// The fields of `/proc/self/stat` that are told (proc(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: f64,
    /// In seconds after the boot.
    started: f64,
    resident_pages: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The program's name may hold spaces and parentheses; the third field comes behind the last one.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS,
            threads: field(20)?,
            started: field(22)? / TICKS,
            resident_pages: field(24)?,
        })
    }
}

fn boot_time(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_manual_whatever_the_name_of_the_program() {
        let text =
            "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 12345 1000000 300 18446744073709551615 1";
        let expected = Stat { cpu_seconds: 3.0, threads: 9.0, started: 123.45, resident_pages: 300.0 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
        assert_eq!(boot_time("cpu 1\nbtime 1700000000\nprocesses 3\n"), Some(1_700_000_000.0));
    }
}
