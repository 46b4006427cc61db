//! `portico audit verify`: walks along the chains of audit entries and says of each whether it is the
//! one that was written. It changes nothing.

use std::process::ExitCode;

use portico_core::vault::UnlockError;
use portico_domain::TenantId;
use portico_domain::audit::{AuditFaultKind, AuditVerdict};
use portico_identity::AuditVerifier;
use portico_storage::{Db, DbOptions};

use super::Failure;
use crate::cli::{AuditCommand, AuditVerify, Chain};
use crate::console;
use crate::settings::{Draft, Mistakes, Sources};

/// Verifies, a line for each chain. Fails when one of them has a fault.
pub(super) async fn run(command: &AuditCommand) -> Result<ExitCode, Failure> {
    let AuditCommand::Verify(arguments) = command;
    let sources = Sources::of_this_process(arguments.config.config.as_deref())?;
    let draft = Draft::of(&sources);
    let (Some(url), Some(master_keys)) = (draft.database_url, draft.master_keys) else {
        return Err(Mistakes(draft.mistakes).into());
    };
    let db = Db::connect(&DbOptions { url, listen_url: None, max_connections: 1 }).await?;
    let verified = if let Some(verifier) = AuditVerifier::open(db.clone(), &master_keys).await? {
        verify(&verifier, arguments).await?
    } else {
        console::say("no gateway was started on this database yet: there is no audit log");
        true
    };
    db.close().await;
    Ok(if verified { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn verify(verifier: &AuditVerifier, arguments: &AuditVerify) -> Result<bool, UnlockError> {
    if let Some(chain) = arguments.tenant {
        let Chain(id) = chain;
        return Ok(tell(id, &verifier.verify(id, arguments.expect).await?));
    }
    let own = verifier.verify(TenantId::OPERATOR, None).await?;
    let mut all_valid = tell(TenantId::OPERATOR, &own);
    let mut after = None;
    let mut begun = false;
    loop {
        let chains = verifier.chains(after).await?;
        let Some(last) = chains.last() else { break };
        after = Some(*last);
        for chain in chains {
            let verdict = verifier.verify(chain, None).await?;
            begun |= verdict.begins;
            all_valid &= tell(chain, &verdict);
        }
    }
    if begun && own.entries == 0 && own.valid {
        console::say("FAIL  operator  missing at 1: tenants were created, and the operator's chain is not there");
        all_valid = false;
    }
    Ok(all_valid)
}

/// Says what was found, and whether the chain is valid.
fn tell(chain: TenantId, verdict: &AuditVerdict) -> bool {
    let name = Chain(chain);
    match (&verdict.fault, &verdict.head) {
        (Some(fault), _) => {
            let kind = match fault.kind {
                AuditFaultKind::Changed => "changed",
                AuditFaultKind::Missing => "missing",
                AuditFaultKind::Swapped => "swapped",
                AuditFaultKind::Added => "added",
                AuditFaultKind::Head => "head",
            };
            console::say(format_args!("FAIL  {name}  {kind} at {}: {}", fault.seq, fault.detail));
        }
        (None, Some(head)) => console::say(format_args!("ok    {name}  {}:{}", head.seq, head.hash)),
        (None, None) => console::say(format_args!("ok    {name}  no entries")),
    }
    verdict.valid
}
