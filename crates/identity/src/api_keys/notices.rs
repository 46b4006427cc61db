//! Notices about API keys before they end: events `api_key.expiring` 30, 20, 10 and 1 days ahead,
//! `api_key.expired` at the end, and `api_key.old_secret_used` while a secret that a rotation replaced
//! still opens and is still used.
//!
//! Every replica looks once a minute, and at once after a change of its own; a row is taken by one of
//! them (see `portico_storage`), so each event is written once. What was missed while nothing ran is not
//! made up for: of several notices that are due only the nearest is written.

use std::time::Duration as StdDuration;

use portico_domain::{Event, TenantId};
use portico_storage::{OldSecretNotice, StorageError};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::each_tenant::each_tenant;
use crate::moments::rfc3339;
use portico_core::Core;
use portico_core::tasks::{Schedule, Wake};

/// How long before its end a key is told of, longest first.
const AHEAD: [Duration; 4] = [Duration::days(30), Duration::days(20), Duration::days(10), Duration::days(1)];
/// How long before its end a used old secret is told of a second time.
const LAST_CALL: Duration = Duration::HOUR;
/// For how long an old secret is reported after its end.
const REMEMBERED: Duration = Duration::days(30);
/// How often a replica looks.
const EVERY: StdDuration = StdDuration::from_mins(1);

/// Registers the task that writes what is due, and gives what wakes it.
pub(super) fn register(core: &Core) -> Wake {
    let (wake, core) = (Wake::default(), core.clone());
    core.tasks.clone().periodic("api_key_notices", Schedule::every(EVERY).woken_by(&wake), move || {
        let core = core.clone();
        async move { write_due(&core, core.clock.now()).await }
    });
    wake
}

/// Writes everything that is due at that moment and that no other replica is writing.
async fn write_due(core: &Core, now: OffsetDateTime) -> Result<(), StorageError> {
    let tenants = core.db.tenants_with_key_notices(now).await?;
    each_tenant("notices about API keys", tenants, |tenant| write_due_of(core, tenant, now)).await;
    Ok(())
}

async fn write_due_of(core: &Core, tenant: TenantId, now: OffsetDateTime) -> Result<(), StorageError> {
    while expiry(core, tenant, now).await? {}
    while old_secret(core, tenant, now).await? {}
    Ok(())
}

/// Handles one key of the tenant whose end is to be told of; false when there is none.
async fn expiry(core: &Core, tenant: TenantId, now: OffsetDateTime) -> Result<bool, StorageError> {
    let mut tx = core.db.begin_system(tenant).await?;
    let Some(due) = tx.claim_expiry_notice(now).await? else { return Ok(false) };
    let (notice, next) = notice(due.expires_at, now);
    let mut data = json!({"api_key_id": due.id, "name": due.name, "expires_at": rfc3339(due.expires_at)});
    let event_type = match notice {
        Some(ahead) => {
            data["days"] = ahead.whole_days().into();
            data["days_left"] = days_left(due.expires_at - now).into();
            "api_key.expiring"
        }
        None => "api_key.expired",
    };
    tx.insert_event(&Event::new(tenant, event_type, now, data)).await?;
    tx.schedule_expiry_notice(due.id, next).await?;
    tx.commit().await?;
    Ok(true)
}

/// Which notice of a key with that end is due, none for the end itself; and when the next one is.
fn notice(expires_at: OffsetDateTime, now: OffsetDateTime) -> (Option<Duration>, Option<OffsetDateTime>) {
    let left = expires_at - now;
    if left <= Duration::ZERO {
        return (None, None);
    }
    let nearest = AHEAD.iter().rposition(|ahead| left <= *ahead).unwrap_or_default();
    let next = AHEAD.get(nearest + 1).map_or(expires_at, |ahead| expires_at - *ahead);
    (Some(AHEAD[nearest]), Some(next))
}

/// Days that have begun.
fn days_left(left: Duration) -> i64 {
    left.whole_days() + i64::from(left > Duration::days(left.whole_days()))
}

/// Looks at one old secret of the tenant; false when there is none to look at.
async fn old_secret(core: &Core, tenant: TenantId, now: OffsetDateTime) -> Result<bool, StorageError> {
    let mut tx = core.db.begin_system(tenant).await?;
    let Some(due) = tx.claim_old_secret_notice(now).await? else { return Ok(false) };
    let opens = due.expires_at > now && !due.is_revoked;
    if opens && due.uses > 0 {
        tx.insert_event(&Event::new(tenant, "api_key.old_secret_used", now, used(&due))).await?;
    }
    tx.schedule_old_secret_notice(due.id, next_look(due.expires_at, now)).await?;
    tx.commit().await?;
    Ok(true)
}

fn used(due: &OldSecretNotice) -> serde_json::Value {
    json!({
        "api_key_id": due.api_key,
        "name": due.name,
        "old_secret_id": due.id,
        "prefix": due.prefix,
        "rotated_at": rfc3339(due.rotated_at),
        "expires_at": rfc3339(due.expires_at),
        "last_used_at": due.last_used_at.and_then(rfc3339),
        "uses": due.uses,
    })
}

/// When to look first whether an old secret is still used: when half of its overlap is over.
pub(super) fn first_look(rotated_at: OffsetDateTime, expires_at: OffsetDateTime) -> OffsetDateTime {
    rotated_at + (expires_at - rotated_at) / 2
}

/// When to look next: an hour before the end, then when to forget the secret; then never.
fn next_look(expires_at: OffsetDateTime, now: OffsetDateTime) -> Option<OffsetDateTime> {
    [expires_at - LAST_CALL, expires_at + REMEMBERED].into_iter().find(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const END: OffsetDateTime = datetime!(2030-06-01 12:00 UTC);

    /// The notices that are written when somebody looks at these moments before the end and a notice is
    /// due, the first at 30 days; `None` is the end itself.
    fn written(looks: impl IntoIterator<Item = Duration>) -> Vec<Option<i64>> {
        let mut due = Some(END - Duration::days(30));
        let mut all = Vec::new();
        for left in looks {
            let now = END - left;
            if due.is_some_and(|due| due <= now) {
                let (ahead, next) = notice(END, now);
                all.push(ahead.map(Duration::whole_days));
                due = next;
            }
        }
        all
    }

    #[test]
    fn each_notice_is_written_once_on_its_day() {
        let every_hour = (-48..=40 * 24).rev().map(Duration::hours);
        assert_eq!(written(every_hour), [Some(30), Some(20), Some(10), Some(1), None]);
    }

    #[test]
    fn of_what_was_missed_only_the_nearest_notice_is_written() {
        let hours = |hours: &[i64]| written(hours.iter().map(|hours| Duration::hours(*hours)));
        assert_eq!(hours(&[15 * 24, 15 * 24 - 1, 10 * 24]), [Some(20), Some(10)]);
        assert_eq!(hours(&[12, 11, 0]), [Some(1), None]);
        assert_eq!(hours(&[-5, -6]), [None]);
        assert_eq!(hours(&[31 * 24]), []);
    }

    #[test]
    fn days_left_are_rounded_up() {
        let left = [Duration::days(10), Duration::hours(25), Duration::hours(24), Duration::SECOND].map(days_left);
        assert_eq!(left, [10, 2, 1, 1]);
    }

    #[test]
    fn an_old_secret_is_looked_at_halfway_and_an_hour_before_its_end_and_then_forgotten() {
        let rotated = END - Duration::DAY;
        let half = first_look(rotated, END);
        assert_eq!(half, END - Duration::hours(12));
        assert_eq!(next_look(END, half), Some(END - Duration::HOUR));
        assert_eq!(next_look(END, END - Duration::HOUR), Some(END + Duration::days(30)));
        assert_eq!(next_look(END, END + Duration::days(30)), None);
        // An overlap of an hour has only one look.
        assert_eq!(next_look(END, first_look(END - Duration::HOUR, END)), Some(END + Duration::days(30)));
    }
}
