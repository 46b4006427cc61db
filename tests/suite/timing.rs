//! Time tells a limited key nothing: another customer's id takes as long to refuse as one that nobody has.
//!
//! This is a statistical test, for a quiet machine, so `make soak` runs it and `make test` does not.

use std::time::{Duration, Instant};

use portico_chakra::LearnedKind;

use crate::harness::things::nobodys;
use crate::harness::{Caller, Findings, Portico, Tenant, random_digits, random_uuid};

/// Pairs of calls for each kind of id.
const PAIRS: usize = 3000;
/// How far from a half the chance may be that one of the two takes longer. The standard error of [`PAIRS`] pairs is
/// 0.0075, so equal times are farther away once in 20,000 runs.
const BOUND: f64 = 0.03;

/// The chance that a call of the first kind takes longer than one of the second, ties counted half (the area under the
/// ROC curve of whoever guesses by time).
fn chance_of_longer(first: &mut [Duration], second: &mut [Duration]) -> f64 {
    first.sort_unstable();
    second.sort_unstable();
    let mut wins = 0.0;
    for time in first.iter() {
        let shorter = second.partition_point(|other| other < time);
        let ties = second.partition_point(|other| other <= time) - shorter;
        wins += f64::from(u32::try_from(shorter).expect("are few"));
        wins += f64::from(u32::try_from(ties).expect("are few")) / 2.0;
    }
    wins / f64::from(u32::try_from(first.len() * second.len()).expect("are few"))
}

/// What it is, the path with another's id, and one with nobody's.
type Kind<'t> = (&'static str, String, Box<dyn Fn() -> String + 't>);

async fn timed(caller: &Caller, path: &str) -> Duration {
    let began = Instant::now();
    caller.get(path).await.expect(404);
    began.elapsed()
}

#[tokio::test]
#[ignore = "statistical: `make soak` runs it"]
async fn anothers_id_takes_as_long_to_refuse_as_nobodys() {
    let portico = Portico::start().await;
    let tenant = Tenant::new(&portico, "Acme").await;
    let (own, other) = (tenant.connect("own").await, tenant.connect("other").await);
    let limited = tenant.limited_key("developer", &[&own.customer]).await;
    let medium = tenant.thing(&other, LearnedKind::Media).await;
    let template = tenant.thing(&other, LearnedKind::Template).await;
    let media = |id: &str| format!("/v2/whatsapp/v24.0/media/{id}/show");
    let templates = |id: &str| format!("/v1/ext/plugin/whatsapp/{}/api/v24.0/{id}", own.plugin);
    let kinds: [Kind<'_>; 6] = [
        ("plugin", format!("/plugin/{}", other.plugin), Box::new(|| format!("/plugin/{}", random_uuid()))),
        ("medium", media(&medium), Box::new(|| media(&nobodys(LearnedKind::Media)))),
        ("template", templates(&template), Box::new(|| templates(&nobodys(LearnedKind::Template)))),
        (
            "managed plugin",
            format!("/api/v1/plugins/{}", other.plugin),
            Box::new(|| format!("/api/v1/plugins/{}", random_uuid())),
        ),
        (
            "managed number",
            format!("/api/v1/phone-numbers/{}", other.phone),
            Box::new(|| format!("/api/v1/phone-numbers/{}", random_digits())),
        ),
        (
            "managed WABA",
            format!("/api/v1/wabas/{}", other.waba),
            Box::new(|| format!("/api/v1/wabas/{}", random_digits())),
        ),
    ];
    let mut findings = Findings::new();
    for (name, anothers, nobodys) in &kinds {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for pair in 0..PAIRS {
            let unknown = nobodys();
            // In turns, so that what comes first makes no difference.
            if pair % 2 == 0 {
                first.push(timed(&limited, anothers).await);
                second.push(timed(&limited, &unknown).await);
            } else {
                second.push(timed(&limited, &unknown).await);
                first.push(timed(&limited, anothers).await);
            }
        }
        let chance = chance_of_longer(&mut first, &mut second);
        findings.check((chance - 0.5).abs() < BOUND, || {
            format!("{name}: another's id takes longer than nobody's with a chance of {chance:.3}")
        });
    }
    findings.finish();
    portico.stop().await;
}
