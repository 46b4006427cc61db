//! `portico migrate`: applies the missing migrations, as the owner of the database.

use super::Failure;
use crate::cli::Migrate;
use crate::settings::{self, Sources};
use crate::{console, telemetry};

/// Migrates, and lets a role in where one is named.
pub(super) async fn run(arguments: &Migrate) -> Result<(), Failure> {
    let sources = Sources::of_this_process(arguments.config.config.as_deref())?;
    let (owner_url, log) = settings::for_migrate(&sources)?;
    telemetry::start(log);
    let applied = portico_storage::migrate(&owner_url).await?;
    console::say(match applied {
        0 => "the database has every migration".to_owned(),
        1 => "applied 1 migration".to_owned(),
        many => format!("applied {many} migrations"),
    });
    if let Some(role) = &arguments.grant_to {
        portico_storage::grant_service(&owner_url, role).await?;
        console::say(format_args!("\"{role}\" may act as the gateway: use it in the DATABASE_URL of `portico serve`"));
    }
    if let Some(role) = &arguments.grant_backup_to {
        portico_storage::grant_backup(&owner_url, role).await?;
        console::say(format_args!("\"{role}\" may read backups: use it in the DATABASE_URL of `portico backup`"));
    }
    Ok(())
}
