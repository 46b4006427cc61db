//! The wall, at every place where a call can name a thing.
//!
//! The places are not written down here: those of the management API come from the served OpenAPI
//! document (which the route table makes), those of the compatible surface from the catalogue. At each
//! place the neighbour's id and an id that nobody has must be answered alike; so must a sibling's, for
//! a key that is limited to one customer. A new route with an id of a new kind fails here until
//! [`belongings`] knows such an id.

mod belongings;
mod places;

use portico_chakra::{At, Condition, Effect, Kind, operations};
use portico_domain::Permission;
use serde_json::Value;

use self::belongings::{Belongings, nobodys};
use self::places::{Place, Route, blanked, routes};
use crate::harness::tenant::message;
use crate::harness::things;
use crate::harness::{Body, Call, Caller, Findings, Portico, Tenant, random_digits, random_uuid};

/// What a caller of ours may be told of an id that is not theirs: nothing that tells it from none.
struct Wall {
    owner: Caller,
    limited: Caller,
    ours: Belongings,
    sibling: Belongings,
    theirs: Belongings,
    findings: Findings,
    tried: usize,
}

#[tokio::test]
async fn at_every_place_of_the_management_api_a_foreign_id_is_as_good_as_none() {
    let portico = Portico::start().await;
    let (ours, theirs) = (Tenant::new(&portico, "Ours").await, Tenant::new(&portico, "Theirs").await);
    let (us, sibling, them) =
        (ours.connect("shop-us").await, ours.connect("shop-sibling").await, theirs.connect("shop-them").await);
    let mut wall = Wall {
        owner: ours.owner.clone(),
        limited: ours.limited_key("owner", &[&us.customer]).await,
        ours: Belongings::of(&ours, &us, "shop-us").await,
        sibling: Belongings::of_customer(&sibling, "shop-sibling"),
        theirs: Belongings::of(&theirs, &them, "shop-them").await,
        findings: Findings::new(),
        tried: 0,
    };
    let document = portico.anonymous().get("/openapi.json").await.expect(200);
    let routes = routes(&document);
    let before = everything(&theirs, &document).await;
    for route in &routes {
        wall.route(route).await;
    }
    let after = everything(&theirs, &document).await;
    wall.findings.check(before == after, || format!("the neighbour changed something:\n{before}\nbecame\n{after}"));
    let tried = wall.tried;
    wall.findings.check(tried > 100, || format!("only {tried} places were tried: the document was not understood"));
    wall.findings.finish();
    portico.stop().await;
}

impl Wall {
    async fn route(&mut self, route: &Route) {
        for unknown in &route.unknown {
            self.findings.check(false, || {
                format!(
                    "{} has {unknown}, which looks like an id: tell tests/suite/wall/places.rs its kind",
                    route.what()
                )
            });
        }
        for place in &route.places {
            let (owner, limited) = (self.owner.clone(), self.limited.clone());
            let (Some(foreign), Some(_)) = (self.theirs.take(place.kind), self.ours.get(place.kind)) else {
                self.findings.check(false, || {
                    format!("{} names a {} at {place}: tell tests/suite/wall/belongings.rs", route.what(), place.kind)
                });
                continue;
            };
            self.alike(route, place, (&owner, "the owner"), ("the neighbour's", &foreign)).await;
            self.alike(route, place, (&limited, "a limited key"), ("the neighbour's", &foreign)).await;
            // The owner may well use what belongs to another customer of the same tenant.
            if let Some(siblings) = self.sibling.get(place.kind) {
                self.alike(route, place, (&limited, "a limited key"), ("a sibling's", &siblings)).await;
            }
            self.matters(route, place).await;
        }
    }

    /// That the place decides anything at all: our own id is answered otherwise than nobody's.
    async fn matters(&mut self, route: &Route, place: &Place) {
        if route.operator || route.spares(place) {
            return;
        }
        let (own, nobodys) = (self.ours.get(place.kind).expect("was asked"), nobodys(place.kind));
        let seen = self.send(route, place, &self.owner.clone(), &own).await;
        let unknown = self.send(route, place, &self.owner.clone(), &nobodys).await;
        self.findings.check(seen != unknown, || {
            format!("{} answers our own {} at {place} as nobody's: {} {}", route.what(), place.kind, seen.0, seen.1)
        });
    }

    async fn alike(&mut self, route: &Route, place: &Place, caller: (&Caller, &str), id: (&str, &str)) {
        self.tried += 1;
        let ((caller, who), (whose, id)) = (caller, id);
        let seen = self.send(route, place, caller, id).await;
        let expected = self.send(route, place, caller, &nobodys(place.kind)).await;
        self.findings.check(seen == expected, || {
            let (what, kind) = (route.what(), place.kind);
            let ((seen, told), (expected, none)) = (&seen, &expected);
            format!("{what} as {who} tells {whose} {kind} at {place} from nobody's:\n      {seen} {told}\n      {expected} {none}")
        });
    }

    /// The call with that id at that place and our own ids at all others: status and blanked answer.
    async fn send(&self, route: &Route, place: &Place, caller: &Caller, id: &str) -> (u16, String) {
        let request = route.request(place, id, &self.ours);
        let caller = request.headers.iter().fold(caller.clone(), |caller, (name, value)| caller.with(name, value));
        let body = request.body.map_or(Body::None, Body::Json);
        let answer = caller.send(route.method.clone(), &request.path, body).await;
        (answer.status, blanked(&answer, id))
    }
}

/// Everything that a tenant's owner can list by a GET without parameters in the path.
async fn everything(tenant: &Tenant, document: &Value) -> Value {
    let mut all = serde_json::Map::new();
    for route in routes(document) {
        let lists = route.method == reqwest::Method::GET && !route.path.contains('{') && !route.operator;
        // What every call writes, and what tells the time.
        let moves =
            ["/requests", "/audit-log", "/export", "/uses", "/session"].iter().any(|part| route.path.contains(part));
        if lists && !moves && route.path != "/api/v1/lookup" {
            let mut answer = tenant.owner.get(&route.path).await.json;
            for row in answer["data"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
                row.retain(|name, _| !name.starts_with("last_used"));
            }
            all.insert(route.path, answer);
        }
    }
    Value::Object(all)
}

#[tokio::test]
async fn at_every_place_of_the_compatible_surface_a_foreign_id_is_as_good_as_none() {
    let portico = Portico::start().await;
    let (ours, theirs) = (Tenant::new(&portico, "Ours").await, Tenant::new(&portico, "Theirs").await);
    let (us, them) = (ours.connect("shop-us").await, theirs.connect("shop-them").await);
    let limited = ours.limited_key("owner", &[&us.customer]).await;
    let mut findings = Findings::new();
    for operation in operations() {
        let things = ours.things(&us, operation).await;
        for template in operation.paths {
            let call = Call::of(operation, template, &us.ids_with(things.clone()));
            for owned in operation.owned.iter().filter(|owned| owned.when == Condition::Always) {
                let (foreign, nobodys) = match owned.kind {
                    Kind::Learned(kind) => (theirs.thing(&them, kind).await, things::nobodys(kind)),
                    Kind::Plugin => (them.plugin.clone(), random_uuid()),
                    Kind::Waba => (them.waba.clone(), random_digits()),
                    Kind::PhoneNumber => (them.phone.clone(), random_digits()),
                };
                let (Some(with_theirs), Some(with_nobodys)) =
                    (call.with(owned.at, &foreign), call.with(owned.at, &nobodys))
                else {
                    continue;
                };
                let team_wide = operation.permission.is_some_and(Permission::is_team_wide);
                for (who, caller) in [("the owner", &ours.owner), ("a limited key", &limited)] {
                    let (seen, expected) = (with_theirs.send(caller).await, with_nobodys.send(caller).await);
                    let about = format!("{} {} as {who} with a foreign {:?}", operation.id, call.what(), owned.at);
                    let (seen, expected) = (
                        format!("{} {}", seen.status, blanked(&seen, &foreign)),
                        format!("{} {}", expected.status, blanked(&expected, &nobodys)),
                    );
                    findings.check(seen == expected, || format!("{about}:\n      {seen}\n      {expected}"));
                    let refused = seen.starts_with(if team_wide && who == "a limited key" { "403" } else { "404" });
                    // A key of the whole tenant may use what is not learned, if the team is not shared; a list
                    // about something that does not exist may be empty.
                    let learned = matches!(owned.kind, Kind::Learned(_)) && who == "the owner";
                    findings.check(refused || learned, || format!("{about}: is let through: {seen}"));
                }
            }
        }
    }
    findings.finish();
    portico.stop().await;
}

#[tokio::test]
async fn a_foreign_customer_or_tenant_in_a_header_is_as_good_as_none() {
    let portico = Portico::start().await;
    let (ours, theirs) = (Tenant::new(&portico, "Ours").await, Tenant::new(&portico, "Theirs").await);
    let (us, them) = (ours.connect("shop-us").await, theirs.connect("shop-them").await);
    let limited = ours.limited_key("owner", &[&us.customer]).await;
    let mut findings = Findings::new();
    let taken = operations()
        .into_iter()
        .filter(|operation| matches!(operation.effect, Effect::CreatesPlugin | Effect::BeginsConnect));
    for operation in taken {
        let call = Call::of(operation, operation.paths[0], &us.ids());
        let unnamed = call.with(At::Body("/pluginId"), "").unwrap_or(call);
        for (who, caller) in [("the owner", &ours.owner), ("a limited key", &limited)] {
            let nobodys = nobodys("CustomerId");
            let seen = unnamed.send(&caller.with("Portico-Customer", &them.customer)).await;
            let expected = unnamed.send(&caller.with("Portico-Customer", &nobodys)).await;
            let (seen, expected) =
                ((seen.status, blanked(&seen, &them.customer)), (expected.status, blanked(&expected, &nobodys)));
            findings.check(seen == expected && seen.0 >= 400, || {
                format!("{} as {who} with a foreign customer: {seen:?}, with nobody's {expected:?}", operation.id)
            });
        }
    }
    // Only the operator's token chooses a tenant: a key is refused, whether there is such a tenant or not.
    let mut told = Vec::new();
    for id in [&theirs.id, &nobodys("TenantId")] {
        let caller = ours.owner.with("Portico-Tenant", id);
        let (read, sent) = (caller.get("/api/v1/tenant").await, caller.post(&us.messages(), message()).await);
        findings.note("a foreign tenant", read.not_a_problem(&[403]));
        findings.note("a foreign tenant", sent.not_an_envelope(&[403]));
        let foreign = caller.post(&them.messages(), message()).await;
        findings.note("a foreign tenant and its number", foreign.not_an_envelope(&[403]));
        told.push([read, sent, foreign].map(|answer| answer.shape(&[id.as_str()])));
    }
    findings.check(told[0] == told[1], || format!("tells that a tenant is there: {told:?}"));
    findings.finish();
    portico.stop().await;
}
