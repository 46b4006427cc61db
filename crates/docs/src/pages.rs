//! The pages, in reading order.

use maud::{Markup, html};

use crate::assets::Assets;
use crate::file::Policy;
use crate::markdown::{self, Part};
use crate::page::{Body, Page, START};
use crate::reference::Reference;
use crate::sources::Sources;
use crate::{inferred, operations, problems, roles};

/// The page on which Swagger UI shows the OpenAPI document.
const REFERENCE: &str = "/docs/reference";

const BEGIN: &str = "Begin";
const KNOW: &str = "Know";
const RUN: &str = "Run";
const LOOK_UP: &str = "Look up";

/// The table of settings, as the server's own test holds it against the code.
const SETTINGS: &str = include_str!("../../server/settings.md");

/// Every page.
pub(crate) fn all(sources: &Sources<'_>, reference: &Reference, assets: &Assets) -> Vec<Page> {
    let (mut pages, texts): (Vec<_>, Vec<_>) = [begin(), know(), run(), look_up()].into_iter().flatten().unzip();
    let parts = Parts { sources, reference, cards: cards(&pages) };
    for (page, text) in pages.iter_mut().zip(texts) {
        if page.path == REFERENCE {
            (page.policy, page.body.text) = (Policy::Reference, swagger_ui(assets));
        } else {
            page.body = markdown::body(text, |name| parts.part(name));
        }
    }
    pages
}

/// A page without its body, and the Markdown of which that is made.
type Text = (Page, &'static str);

/// Pages for whoever begins.
fn begin() -> Vec<Text> {
    vec![
        page(
            START,
            BEGIN,
            "Overview",
            "Portico",
            "A gateway between your product and ChakraHQ's WhatsApp API.",
            include_str!("pages/start.md"),
        ),
        page(
            "/docs/quick-start",
            BEGIN,
            "Quick start",
            "Quick start",
            "From nothing to a sent message, then to a connected customer, with commands to paste.",
            include_str!("pages/quick-start.md"),
        ),
        page(
            "/docs/moving-over",
            BEGIN,
            "Moving over",
            "Moving over from direct Chakra",
            "What to change in curl, the TypeScript SDK, a fetch client and n8n, and what answers differently.",
            include_str!("pages/moving-over.md"),
        ),
    ]
}

/// Pages about one subject each.
fn know() -> Vec<Text> {
    vec![
        page(
            "/docs/roles",
            KNOW,
            "Roles",
            "Roles and permissions",
            "Each permission, what it allows, and which of the built-in roles has it.",
            include_str!("pages/roles.md"),
        ),
        page(
            "/docs/keys",
            KNOW,
            "API keys",
            "API keys",
            "Format, limits, rotation, expiry, leaks, and the last owner.",
            include_str!("pages/keys.md"),
        ),
        page(
            "/docs/tokens",
            KNOW,
            "Tokens",
            "Tokens",
            "Short-lived credentials for browsers and dashboards: minting, limits, verifying them yourself.",
            include_str!("pages/tokens.md"),
        ),
        page(
            "/docs/members",
            KNOW,
            "Members",
            "Members and signing in",
            "How people come, prove who they are, and act with a browser's session.",
            include_str!("pages/members.md"),
        ),
        page(
            "/docs/tenants",
            KNOW,
            "Tenants",
            "A tenant's life",
            "Suspend, resume, export and delete a tenant, and what is left of it then.",
            include_str!("pages/tenants.md"),
        ),
        page(
            "/docs/audit-log",
            KNOW,
            "Audit log",
            "The audit log",
            "What was changed and refused, by whom, and how to prove that nothing was tampered with.",
            include_str!("pages/audit-log.md"),
        ),
        page(
            "/docs/vault",
            KNOW,
            "Keys and the vault",
            "Keys and the vault",
            "What seals what, and how to change a master key, a data key or a Chakra key while calls go on.",
            include_str!("pages/vault.md"),
        ),
        page(
            "/docs/problems",
            KNOW,
            "Errors",
            "Errors",
            "The two shapes of an error, how to handle each, and every code.",
            include_str!("pages/problems.md"),
        ),
        page(
            "/docs/limits",
            KNOW,
            "Limits",
            "Limits",
            "Sizes, times, what Portico limits, and what is missing or limited today.",
            include_str!("pages/limits.md"),
        ),
    ]
}

/// Pages for whoever runs Portico or works on it.
fn run() -> Vec<Text> {
    vec![
        page(
            "/docs/running",
            RUN,
            "Running Portico",
            "Running Portico",
            "Database roles, proxies, replicas, master keys, backups, health, metrics, logs.",
            include_str!("pages/running.md"),
        ),
        page(
            "/docs/backups",
            RUN,
            "Backups",
            "Backups",
            "Taking a backup that is complete, and putting it back.",
            include_str!("pages/backups.md"),
        ),
        page(
            "/docs/deploying",
            RUN,
            "Deploying",
            "Deploying",
            "The packed program under systemd, the image with Docker Compose, the proxy in front.",
            include_str!("pages/deploying.md"),
        ),
        page(
            "/docs/upgrading",
            RUN,
            "Upgrading",
            "Upgrading",
            "The order of an upgrade, versions beside each other, and the way back.",
            include_str!("pages/upgrading.md"),
        ),
        page(
            "/docs/monitoring",
            RUN,
            "Monitoring",
            "Monitoring",
            "Probes, alerts with their expressions, and where to look.",
            include_str!("pages/monitoring.md"),
        ),
        page(
            "/docs/events",
            RUN,
            "Events",
            "Events",
            "Hooks, signatures, copies and quarantine.",
            include_str!("pages/events.md"),
        ),
        page(
            "/docs/http",
            RUN,
            "HTTP",
            "HTTP",
            "What Portico does where RFC 9110 and RFC 9112 leave a choice.",
            include_str!("pages/http.md"),
        ),
        page(
            "/docs/settings",
            RUN,
            "Settings",
            "Settings",
            "Every setting, its default, and how to write it in the environment or in a file.",
            settings(),
        ),
        page(
            "/docs/architecture",
            RUN,
            "Architecture",
            "Architecture",
            "Layers of crates, caches, tasks, and the way of three calls through the code.",
            include_str!("pages/architecture.md"),
        ),
        page(
            "/docs/figures",
            RUN,
            "Figures",
            "Figures",
            "What was measured, under which conditions, and how to measure it again.",
            include_str!("pages/figures.md"),
        ),
    ]
}

/// Pages to look things up in.
fn look_up() -> Vec<Text> {
    vec![
        page(
            REFERENCE,
            LOOK_UP,
            "API reference",
            "API reference",
            "Every call with its fields, answers and examples, to try out.",
            "",
        ),
        page(
            "/docs/operations",
            LOOK_UP,
            "Operations",
            "Operations",
            "Each operation: call, permission, checked ids, whether a repeat is safe.",
            include_str!("pages/operations.md"),
        ),
        page(
            "/docs/inferred",
            LOOK_UP,
            "Inferred",
            "What is inferred about Chakra",
            "Where Chakra's contract is a guess, which paths are possible, and how to choose.",
            include_str!("pages/inferred.md"),
        ),
    ]
}

/// What stands at an address that no page has.
pub(crate) fn not_found(pages: &[Page]) -> Page {
    let body = Body {
        lead: html! { p.lead { "No page is at this address. These are:" } },
        text: cards(pages),
        sections: Vec::new(),
    };
    let about = "No page is at this address.";
    Page { path: "", part: "", name: "", title: "Not found", about, body, policy: Policy::Strict }
}

/// What follows the heading of the table of settings: a page has its own.
fn settings() -> &'static str {
    SETTINGS.split_once("\n# Settings\n").map_or(SETTINGS, |(_, text)| text)
}

fn page(
    path: &'static str,
    part: &'static str,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    text: &'static str,
) -> Text {
    (Page { path, part, name, title, about, body: Body::default(), policy: Policy::Strict }, text)
}

/// Where Swagger UI appears.
fn swagger_ui(assets: &Assets) -> Markup {
    html! {
        div id="docs" {
            noscript {
                p {
                    "The reference needs JavaScript. " a href="/docs/operations" { "Operations" }
                    " lists every call without it, and " a href="/openapi.yaml" { "openapi.yaml" }
                    " says all that the reference says."
                }
            }
        }
        script src=(assets.path("swagger-ui-bundle.js")) defer {}
        script src=(assets.path("reference.js")) defer {}
    }
}

/// What pages are filled with.
struct Parts<'s> {
    sources: &'s Sources<'s>,
    reference: &'s Reference,
    cards: Markup,
}

impl Parts<'_> {
    /// The part with that name.
    fn part(&self, name: &str) -> Part {
        match name {
            "pages" => Part::Html(self.cards.clone()),
            "key pattern" => Part::Text(portico_vault::API_KEY_PATTERN.to_owned()),
            "roles" => Part::Html(roles::built_in()),
            "permissions" => Part::Html(roles::matrix()),
            "codes" => Part::Html(problems::codes(self.sources.codes)),
            "operations count" => Part::Text(operations::count().to_string()),
            "operations" => Part::Sections(operations::of_chakra(self.reference)),
            "management" => Part::Html(operations::of_portico(self.sources.routes)),
            "confidence" => Part::Html(inferred::counts()),
            "chosen path" => Part::Text(inferred::example()),
            "inferred" => Part::Html(inferred::cards()),
            other => unreachable!("no page names {other}, as a test proves"),
        }
    }
}

/// All pages but the first, for the first.
fn cards(pages: &[Page]) -> Markup {
    html! {
        ul.tiles {
            @for page in pages.iter().skip(1) {
                li {
                    a href=(page.path) {
                        strong { (page.title) } " " span { (page.about) }
                    }
                }
            }
        }
    }
}
