//! `portico vault status` and `portico vault rotate`: as the service, beside replicas that serve.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use portico_core::vault::{MasterKeyStatus, Progress, RotateOptions, Rotated, Vault, VaultStatus};
use portico_domain::clock::Clock;
use portico_storage::{Db, DbOptions};

use super::Failure;
use crate::cli::{VaultCommand, VaultRotate, VaultStatus as StatusArguments};
use crate::settings::{Sources, VaultSettings, for_vault};
use crate::{console, telemetry};

/// Runs one of them.
pub(super) async fn run(command: VaultCommand) -> Result<ExitCode, Failure> {
    match command {
        VaultCommand::Status(arguments) => status(&arguments).await,
        VaultCommand::Rotate(arguments) => rotate(&arguments).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn open(config: &crate::cli::Config) -> Result<(Db, Vault), Failure> {
    let VaultSettings { database_url, master_keys, log } =
        for_vault(&Sources::of_this_process(config.config.as_deref())?)?;
    telemetry::start(log);
    let db = Db::connect(&DbOptions { url: database_url, listen_url: None, max_connections: 2 }).await?;
    Ok((db.clone(), Vault::new(db, Arc::new(master_keys), Clock::system())))
}

/// Says it, and fails when something could not be opened with the listed keys.
async fn status(arguments: &StatusArguments) -> Result<ExitCode, Failure> {
    let (db, vault) = open(&arguments.config).await?;
    let status = vault.status().await?;
    db.close().await;
    if arguments.json {
        console::say(serde_json::to_string_pretty(&status).expect("numbers and texts can be written as JSON"));
    } else {
        tell(&status);
    }
    Ok(if status.unlisted().next().is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn rotate(arguments: &VaultRotate) -> Result<(), Failure> {
    let (db, vault) = open(&arguments.config).await?;
    let options = RotateOptions {
        data_keys: arguments.data_keys,
        batch: arguments.batch,
        pause: Duration::from_millis(arguments.pause),
        force: arguments.force,
    };
    let sealing = vault.master_keys().sealing_id().clone();
    let mut report = |progress| match progress {
        Progress::Moved { done, of } => console::say(format_args!("moved {done} of {of} under {sealing}")),
        Progress::Rolled { done } => console::say(format_args!("made new data keys for {done} tenants")),
        Progress::Resealed { done, of } => console::say(format_args!("re-sealed the values of {done} of {of} tenants")),
    };
    let rotated = vault.rotate(options, &mut report).await?;
    let status = vault.status().await?;
    db.close().await;
    sum_up(arguments, &rotated, &status);
    Ok(())
}

fn sum_up(arguments: &VaultRotate, rotated: &Rotated, status: &VaultStatus) {
    let sealing = &status.sealing_key;
    match rotated.moved {
        0 => console::say(format_args!("Everything was under {sealing} already.")),
        moved => console::say(format_args!("Moved {moved} things under {sealing}.")),
    }
    if arguments.data_keys {
        let Rotated { rolled, resealed, deleted, .. } = rotated;
        console::say(format_args!(
            "Made {rolled} new data keys, re-sealed {resealed} values, and deleted {deleted} old data keys."
        ));
    }
    let lacking = status.lacking().count();
    let others: Vec<_> = status.master_keys.iter().filter(|key| !key.seals).collect();
    let needed: Vec<_> = others.iter().filter(|key| key.is_needed()).map(|key| key.id.as_str()).collect();
    if !needed.is_empty() {
        let needed = needed.join(", ");
        console::say(format_args!(
            "{needed} is needed again: a replica still seals with it. List {sealing} first everywhere, and run this again."
        ));
    } else if lacking > 0 {
        console::say(format_args!(
            "{lacking} of the replicas that run cannot use {sealing} and no longer serve: list it there and start them anew. `portico vault status` names them."
        ));
    } else if !others.is_empty() {
        let spare = others.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ");
        console::say(format_args!(
            "Nothing needs {spare} any more: take it out of PORTICO_MASTER_KEYS, but keep it as long as backups that need it."
        ));
    }
}

fn tell(status: &VaultStatus) {
    console::say("master key                        provider  data keys  other secrets");
    for key in &status.master_keys {
        let provider = key.provider.unwrap_or("-");
        let MasterKeyStatus { id, data_keys, operator_secrets, .. } = key;
        console::say(format_args!("{id:<32}  {provider:<8}  {data_keys:>9}  {operator_secrets:>13}  {}", verdict(key)));
    }
    let VaultStatus { under_sealing_key: done, total, sealing_key, .. } = status;
    console::say(format_args!(
        "\n{done} of {total} are under {sealing_key}{}",
        if done == total { "." } else { ": `portico vault rotate` moves the others." }
    ));
    tell_replicas(status);
    let keys = &status.data_keys;
    let row = |[a, b, c, d]: [u64; 4]| format!("{a:>9} {b:>9} {c:>9} {d:>9}");
    console::say(format_args!("\nnewest data key of {} tenants", keys.tenants));
    console::say("  days         under 30  under 60  under 90     older");
    console::say(format_args!("            {}", row(keys.by_age_under_30_60_90_days_and_older)));
    console::say("  seals      under 2^16     2^20      2^24      more");
    console::say(format_args!("            {}", row(keys.by_seals_under_2_16_2_20_2_24_and_more)));
    console::say(format_args!("  the most seals of one: {}", keys.most_seals));
    if keys.with_old_versions > 0 {
        let tenants = keys.with_old_versions;
        console::say(format_args!(
            "  {tenants} tenants have older ones besides: `portico vault rotate --data-keys` clears them"
        ));
    }
    match (keys.last_roll_started_at, keys.last_roll_finished_at) {
        (Some(began), None) => console::say(format_args!(
            "  a roll of all data keys began at {began} and is not done: run `portico vault rotate --data-keys` again"
        )),
        (Some(_), Some(done)) => console::say(format_args!("  all were rolled at {done}")),
        (None, _) => {}
    }
}

fn tell_replicas(status: &VaultStatus) {
    if status.replicas.is_empty() {
        return;
    }
    let VaultStatus { sealing_key, .. } = status;
    console::say(format_args!("\n{:<30}  seen  master keys", "replica"));
    for replica in &status.replicas {
        let lacks = if replica.has_sealing_key { String::new() } else { format!("  CANNOT USE {sealing_key}") };
        let keys = replica.master_keys.join(", ");
        console::say(format_args!("{:<30}  {:>2} s  {keys}{lacks}", replica.id.to_string(), replica.seen_seconds_ago));
    }
}

fn verdict(key: &MasterKeyStatus) -> &'static str {
    match (key.provider, key.seals, key.is_needed()) {
        (None, ..) => "NEEDED, but not listed: add it behind the first",
        (_, true, _) => "seals",
        (_, false, true) => "still needed",
        (_, false, false) => "not needed any more",
    }
}
