//! Every operation of the catalogue on every path: works, and is refused where it must be.

use portico_chakra::{At, BodyKind, Condition, Effect, Envelope, Kind, LearnedKind, Operation, operations};
use portico_domain::{BuiltInRole, Permission};

use crate::harness::sandbox::leaks;
use crate::harness::things;
use crate::harness::{Call, Caller, Connected, Findings, Portico, Sandbox, Tenant, random_digits, random_uuid};

struct Sweep {
    sandbox: Sandbox,
    ours: Tenant,
    roles: Vec<(BuiltInRole, Caller)>,
    us: Connected,
    sibling: Connected,
    stranger: Connected,
    limited: Caller,
    made: usize,
    findings: Findings,
}

#[tokio::test]
async fn every_operation_of_the_catalogue_works_and_is_fenced() {
    let portico = Portico::start().await;
    let mut sweep = Sweep::on(&portico).await;
    for operation in operations() {
        for template in operation.paths {
            sweep.operation(operation, template).await;
        }
    }
    sweep.findings.finish();
    portico.stop().await;
}

impl Sweep {
    async fn on(portico: &Portico) -> Self {
        let ours = Tenant::new(portico, "Sweeping").await;
        let theirs = Tenant::new(portico, "Neighbour").await;
        let us = ours.connect("shop-us").await;
        let mut roles = Vec::new();
        for role in BuiltInRole::ALL.iter().rev().copied() {
            roles.push((role, ours.key(role.as_str()).await));
        }
        Self {
            sandbox: portico.sandbox(),
            roles,
            sibling: ours.connect("shop-sibling").await,
            stranger: theirs.connect("shop-stranger").await,
            limited: ours.limited_key("owner", &[&us.customer]).await,
            us,
            ours,
            made: 0,
            findings: Findings::new(),
        }
    }

    async fn operation(&mut self, operation: &Operation, template: &'static str) {
        let us = self.us.clone();
        let call = Call::of(operation, template, &us.ids_with(self.ours.things(&us, operation).await));
        self.sandbox.clear().await;
        self.refuses_credentials(&call).await;
        self.refuses_roles(operation, &call).await;
        self.refuses_ids(operation, &call).await;
        self.refuses_a_mismatch(operation, &call).await;
        self.refuses_malformed_bodies(operation, &call).await;
        let record = self.sandbox.forwarded().await;
        self.findings.check(record.is_empty(), || {
            let arrived: Vec<_> =
                record.iter().map(|request| format!("{} {}", request["method"], request["path"])).collect();
            format!("{} {}: refused calls arrived at the sandbox: {arrived:?}", operation.id, call.what())
        });
        self.refuses_learned_ids(operation, &call).await;
        self.works(operation, template).await;
        self.works_within_limits(operation, template).await;
    }

    /// A customer's key may use only what was learned as theirs: a sibling's thing answers as nobody's.
    async fn refuses_learned_ids(&mut self, operation: &Operation, call: &Call) {
        if operation.permission.is_some_and(Permission::is_team_wide) {
            return;
        }
        for owned in operation.owned {
            let Kind::Learned(kind) = owned.kind else { continue };
            if owned.when != Condition::Always {
                continue;
            }
            let siblings = self.ours.thing(&self.sibling, kind).await;
            let nobodys = things::nobodys(kind);
            let (Some(foreign), Some(unknown)) = (call.with(owned.at, &siblings), call.with(owned.at, &nobodys)) else {
                continue;
            };
            self.sandbox.clear().await;
            let about = format!("{} {} with a sibling's {:?}", operation.id, call.what(), owned.at);
            let (foreign, unknown) = (foreign.send(&self.limited).await, unknown.send(&self.limited).await);
            self.findings.note(&about, foreign.not_an_envelope(&[404]));
            let arrived = self.sandbox.record().await.len();
            self.findings.check(arrived == 0, || format!("{about}: arrived at the sandbox"));
            let (seen, expected) = (foreign.shape(&[&siblings]), unknown.shape(&[&nobodys]));
            self.findings.check(seen == expected, || {
                format!("{about}: differs from an unknown one:\n      {seen}\n      {expected}")
            });
        }
    }

    async fn refuses_malformed_bodies(&mut self, operation: &Operation, call: &Call) {
        if matches!(operation.body, BodyKind::None | BodyKind::Multipart) {
            return;
        }
        // Where nothing is required, nothing is as good as an empty object.
        let may_be_empty = operation.body == BodyKind::Json && operation.request.iter().all(|field| !field.required);
        let empty = (!may_be_empty).then_some(("", 400));
        for (body, status) in empty.into_iter().chain([("{\"a\":", 400), ("7", 400), ("\u{feff}{}", 400)]) {
            let call = call.with_bytes("application/json", body.as_bytes());
            let about = format!("{} {} with the body {body:?}", operation.id, call.what());
            self.findings.note(&about, call.send(&self.ours.owner).await.not_an_envelope(&[status]));
        }
        let call = call.with_bytes("text/plain", b"{}");
        let about = format!("{} {} as text/plain", operation.id, call.what());
        self.findings.note(&about, call.send(&self.ours.owner).await.not_an_envelope(&[415]));
    }

    async fn refuses_credentials(&mut self, call: &Call) {
        let anonymous = Caller::anonymous(self.ours.owner.base());
        let about = format!("{} without a credential", call.what());
        self.findings.note(&about, call.send(&anonymous).await.not_an_envelope(&[401]));
        let about = format!("{} with a junk credential", call.what());
        self.findings.note(&about, call.send(&anonymous.bearing("ptc_dev_junk")).await.not_an_envelope(&[401]));
    }

    async fn refuses_roles(&mut self, operation: &Operation, call: &Call) {
        let needs = operation.permission.map(|needed| (call.clone(), needed));
        let needs_for_query =
            operation.query_permission.and_then(|(name, needed)| Some((call.with(At::Query(name), "true")?, needed)));
        for (call, needed) in needs.into_iter().chain(needs_for_query) {
            let Some((role, caller)) = self.role_without(needed, operation.permission) else {
                self.findings.check(false, || format!("{}: every built-in role may {needed}", operation.id));
                continue;
            };
            let answer = call.send(&caller).await;
            let about = format!("{} as {}", call.what(), role.as_str());
            self.findings.note(&about, answer.not_an_envelope(&[403]));
            self.findings
                .check(answer.text.contains(needed.as_str()), || format!("{about}: does not name {needed}: {answer}"));
        }
    }

    /// The narrowest role that lacks the permission but has the operation's own, unless that is the same.
    fn role_without(&self, lacks: Permission, has: Option<Permission>) -> Option<(BuiltInRole, Caller)> {
        let fits = |role: &BuiltInRole| {
            let set = role.permissions();
            !set.contains(lacks) && has.is_none_or(|has| has == lacks || set.contains(has))
        };
        self.roles.iter().find(|(role, _)| fits(role)).cloned()
    }

    /// Puts a stranger's id, then nobody's, in the place of each of ours: the answers are the same.
    async fn refuses_ids(&mut self, operation: &Operation, call: &Call) {
        for owned in operation.owned {
            let Some(theirs) = self.stranger.ids().of(owned.kind).map(str::to_owned) else { continue };
            let nobodys = if owned.kind == Kind::Plugin { random_uuid() } else { random_digits() };
            let (Some(foreign), Some(unknown)) = (call.with(owned.at, &theirs), call.with(owned.at, &nobodys)) else {
                continue;
            };
            for (who, caller) in [("the owner", self.ours.owner.clone()), ("a limited key", self.limited.clone())] {
                let about = format!("{} {} with a foreign {:?} as {who}", operation.id, call.what(), owned.at);
                let foreign = foreign.send(&caller).await;
                let unknown = unknown.send(&caller).await;
                if who == "a limited key" && operation.permission.is_some_and(Permission::is_team_wide) {
                    self.findings.note(&about, foreign.not_an_envelope(&[403]));
                    continue;
                }
                self.findings.note(&about, foreign.not_an_envelope(&[404]));
                let (seen, expected) = (foreign.shape(&[&theirs]), unknown.shape(&[&nobodys]));
                self.findings.check(seen == expected, || {
                    format!("{about}: differs from an unknown one:\n      {seen}\n      {expected}")
                });
            }
            let siblings = self.sibling.ids().of(owned.kind).map(str::to_owned).unwrap_or_default();
            let Some(sibling) = call.with(owned.at, &siblings) else { continue };
            if !operation.permission.is_some_and(Permission::is_team_wide) {
                let about = format!("{} {} with another customer's {:?}", operation.id, call.what(), owned.at);
                self.findings.note(&about, sibling.send(&self.limited).await.not_an_envelope(&[404]));
            }
        }
    }

    /// Ids that are all ours but do not belong together.
    async fn refuses_a_mismatch(&mut self, operation: &Operation, call: &Call) {
        let named: Vec<_> = operation.owned.iter().filter(|owned| self.us.ids().of(owned.kind).is_some()).collect();
        let names_plugin = named.iter().any(|owned| owned.kind == Kind::Plugin && call.names(owned.at));
        for owned in named.iter().filter(|owned| !matches!(owned.at, At::Query(_))) {
            let alone = named.iter().filter(|other| call.names(other.at)).count() < 2;
            if !names_plugin || (alone && call.names(owned.at)) {
                continue;
            }
            let siblings = self.sibling.ids().of(owned.kind).map(str::to_owned).unwrap_or_default();
            let Some(call) = call.with(owned.at, &siblings) else { continue };
            let about = format!("{} {} with a sibling's {:?} among ours", operation.id, call.what(), owned.at);
            let answer = call.send(&self.ours.owner).await;
            self.findings.note(&about, answer.not_an_envelope(&[400, 404, 422]));
        }
    }

    /// A customer for one call: a new one where the call changes it for good.
    async fn target(&mut self, operation: &Operation) -> Connected {
        match operation.effect {
            Effect::DeletesPlugin | Effect::DisconnectsWaba => {
                self.made += 1;
                self.ours.connect(&format!("shop-{}", self.made)).await
            }
            _ => self.us.clone(),
        }
    }

    async fn works(&mut self, operation: &Operation, template: &'static str) {
        let target = self.target(operation).await;
        let things = self.ours.things(&target, operation).await;
        let call = Call::of(operation, template, &target.ids_with(things));
        let caller = self.creating(operation, self.ours.owner.clone()).await;
        self.succeeds(operation, &call, &caller).await;
    }

    async fn works_within_limits(&mut self, operation: &Operation, template: &'static str) {
        let target = self.target(operation).await;
        let things = self.ours.things(&target, operation).await;
        let call = Call::of(operation, template, &target.ids_with(things));
        // What Portico learns from events alone, or what belongs to the whole tenant.
        let whole = |kind| matches!(kind, LearnedKind::Media | LearnedKind::Process);
        let learned = operation.owned.iter().any(|owned| {
            matches!(owned.kind, Kind::Learned(kind) if whole(kind))
                && owned.when == Condition::Always
                && call.names(owned.at)
        });
        let limited = self.ours.limited_key("owner", &[&target.customer]).await;
        let about = format!("{} {} with a limited key", operation.id, call.what());
        if operation.permission.is_some_and(Permission::is_team_wide) {
            self.findings.note(&about, call.send(&limited).await.not_an_envelope(&[403]));
        } else if learned {
            self.findings.note(&about, call.send(&limited).await.not_an_envelope(&[404]));
        } else if operation.effect == Effect::CreatesPlugin {
            let customer = self.new_customer().await;
            let limited = self.ours.limited_key("owner", &[&customer]).await.with("Portico-Customer", &customer);
            self.succeeds(operation, &call, &limited).await;
        } else {
            self.succeeds(operation, &call, &limited).await;
        }
    }

    async fn new_customer(&mut self) -> String {
        self.made += 1;
        self.ours.customer(&format!("shop-{}", self.made)).await
    }

    /// A call that makes a plugin names the customer that it is for.
    async fn creating(&mut self, operation: &Operation, caller: Caller) -> Caller {
        if operation.effect != Effect::CreatesPlugin {
            return caller;
        }
        let customer = self.new_customer().await;
        caller.with("Portico-Customer", &customer)
    }

    async fn succeeds(&mut self, operation: &Operation, call: &Call, caller: &Caller) {
        let about = format!("{} {}", operation.id, call.what());
        self.sandbox.clear().await;
        let answer = call.send(caller).await;
        if !answer.is_success() {
            self.findings.check(false, || format!("{about}: expected success: {answer}"));
            return;
        }
        let named = answer.header("portico-operation") == operation.id;
        self.findings
            .check(named, || format!("{about}: Portico-Operation is {:?}", answer.header("portico-operation")));
        self.findings.check(!answer.header("x-request-id").is_empty(), || format!("{about}: has no X-Request-Id"));
        if operation.envelope == Envelope::Chakra {
            let failed = answer.at("/_errors").as_array().is_some_and(|errors| !errors.is_empty());
            let whole = answer.json.get("_data").is_some() && !failed;
            self.findings.check(whole, || format!("{about}: not a success in Chakra's envelope: {answer}"));
        }
        let secret = answer.text.contains(&self.ours.chakra_key) || answer.text.contains(caller.token());
        self.findings.check(!secret, || format!("{about}: the answer holds a key: {answer}"));
        let record = self.sandbox.record().await;
        self.findings.note(&about, leaks(&record, &self.ours.chakra_key, caller.token()));
    }
}
