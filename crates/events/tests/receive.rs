//! Receiving on a real Postgres: what waits for its owner, and what is told when nothing can be stored.

use std::time::Duration;

use portico_auth::Reach;
use portico_core::Core;
use portico_domain::{EventFilter, EventState, HookId, PhoneNumberId, QuarantineReason, WabaId};
use portico_events::{Events, Receipt, Receiver, address_hash};
use portico_storage::{NewHook, ObservedPhoneNumber, ObservedWaba, Page};
use portico_testkit::test_core::{TestCore, TestTenant};
use serde_json::json;

/// What could be the last part of a hook's address.
const ADDRESS: &str = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0vU1wX2yZ3aB4";

/// A hook of the tenant's plugin at that address, which takes what is not signed.
async fn make_hook(core: &Core, tenant: &TestTenant) {
    let mut tx = core.db.begin_system(tenant.id).await.expect("begins");
    let hook = NewHook {
        id: HookId::generate(),
        plugin: tenant.connection.plugin,
        address_hash: address_hash(ADDRESS).expect("is an address"),
        address: vec![0],
    };
    tx.insert_hook(&hook).await.expect("the plugin is there");
    tx.set_hooks_log_only_until(Some(core.clock.now() + time::Duration::HOUR)).await.expect("is set");
    tx.commit().await.expect("commits");
}

fn message(waba: &WabaId, number: &PhoneNumberId) -> Vec<u8> {
    let value =
        json!({"metadata": {"phone_number_id": number}, "messages": [{"id": "wamid.1", "from": "1", "type": "text"}]});
    json!({"entry": [{"id": waba, "changes": [{"field": "messages", "value": value}]}]}).to_string().into_bytes()
}

/// State and reason of the only event.
async fn standing(core: &Core, tenant: &TestTenant) -> (EventState, Option<QuarantineReason>) {
    let mut tx = core.db.begin_system(tenant.id).await.expect("begins");
    let page = Page { limit: 10, after: None };
    let events = tx.events(&Reach::ALL, &EventFilter::default(), page).await.expect("reads").data;
    let [event] = &events[..] else { panic!("{events:?}") };
    (event.state, event.quarantine)
}

#[tokio::test]
async fn an_event_is_routed_by_itself_once_its_account_and_number_are_known_to_be_the_plugins() {
    let test = TestCore::on_postgres().await;
    let (core, tenant) = (&test.core, test.add_tenant().await);
    make_hook(core, &tenant).await;
    let (waba, number) =
        ("777".parse::<WabaId>().expect("is digits"), "888".parse::<PhoneNumberId>().expect("is digits"));
    let (receiver, body) = (Receiver::new(core), message(&waba, &number));
    let receipt = receiver.receive(ADDRESS, None, &body).await.expect("is taken");
    assert_eq!(receipt, Receipt { routed: 0, quarantined: 1, copies: 0 });
    assert_eq!(standing(core, &tenant).await, (EventState::Quarantined, Some(QuarantineReason::UnknownOwner)));

    let mut tx = core.db.begin_system(tenant.id).await.expect("begins");
    let observed = ObservedPhoneNumber {
        id: number,
        waba: waba.clone(),
        display_phone_number: None,
        verified_name: None,
        status: None,
        quality_rating: None,
        messaging_limit_tier: None,
        name_status: None,
    };
    let account = ObservedWaba { id: waba, name: None, status: None };
    tx.observe_whatsapp(tenant.connection.plugin, &[account], &[observed]).await.expect("both are new");
    tx.commit().await.expect("commits");
    let _events = Events::new(core);
    core.tasks.start();
    let routed = async {
        while standing(core, &tenant).await != (EventState::Routed, None) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), routed).await.expect("a task routes it");
    core.tasks.stop().await;

    let mut tx = core.db.begin_system(tenant.id).await.expect("begins");
    let learned = tx.learned("message", &["wamid.1".to_owned()]).await.expect("reads");
    let owner = learned.first().and_then(|(_, learned)| learned.owner).expect("the event taught whose the message is");
    assert_eq!(owner.plugin, tenant.connection.plugin);
    drop(tx);
    assert_eq!(receiver.receive(ADDRESS, None, &body).await.expect("is taken").copies, 1, "it is known as before");
}

#[tokio::test]
async fn while_the_database_cannot_be_reached_nothing_is_acknowledged() {
    let test = TestCore::on_postgres().await;
    let (core, tenant) = (&test.core, test.add_tenant().await);
    make_hook(core, &tenant).await;
    let receiver = Receiver::new(core);
    let body = message(&tenant.connection.waba, &tenant.connection.phone_number);
    assert_eq!(receiver.receive(ADDRESS, None, &body).await.expect("is taken").routed, 1);
    core.db.close().await;
    for address in [ADDRESS, "1aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0vU1wX2yZ3aB4"] {
        let refused = receiver.receive(address, None, &body).await.expect_err("cannot be stored");
        assert_eq!((refused.code().code, refused.code().status), ("database_unavailable", 503), "{address}");
    }
}
