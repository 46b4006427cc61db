//! The pages, in reading order.

use maud::{Markup, html};

use crate::file::Policy;
use crate::page::{Page, START};
use crate::reference::Reference;
use crate::{Sources, inferred, limits, operations, problems, roles};

const BEGIN: &str = "Begin";
const KNOW: &str = "Know";
const LOOK_UP: &str = "Look up";

/// Every page.
pub(crate) fn all(sources: &Sources<'_>, reference: &Reference) -> Vec<Page> {
    let mut pages: Vec<_> = begin().into_iter().chain(know()).chain(look_up()).collect();
    let parts = Parts { sources, reference, cards: cards(&pages) };
    for page in &mut pages {
        page.body = parts.fill(&page.body);
        if page.path == "/docs/reference" {
            page.policy = Policy::Reference;
        }
    }
    pages
}

/// Pages for whoever begins.
fn begin() -> Vec<Page> {
    vec![
        page(
            START,
            BEGIN,
            "Overview",
            "Portico",
            "A gateway between your product and ChakraHQ's WhatsApp API.",
            include_str!("pages/start.html"),
        ),
        page(
            "/docs/quick-start",
            BEGIN,
            "Quick start",
            "Quick start",
            "From nothing to a sent message, then to a connected customer, with commands to paste.",
            include_str!("pages/quick-start.html"),
        ),
        page(
            "/docs/moving-over",
            BEGIN,
            "Moving over",
            "Moving over from direct Chakra",
            "What to change in curl, the TypeScript SDK, a fetch client and n8n, and what answers differently.",
            include_str!("pages/moving-over.html"),
        ),
    ]
}

/// Pages about one subject each.
fn know() -> Vec<Page> {
    vec![
        page(
            "/docs/roles",
            KNOW,
            "Roles",
            "Roles and permissions",
            "Each permission, what it allows, and which of the built-in roles has it.",
            include_str!("pages/roles.html"),
        ),
        page(
            "/docs/keys",
            KNOW,
            "API keys",
            "API keys",
            "Format, limits, rotation, expiry, leaks, and the last owner.",
            include_str!("pages/keys.html"),
        ),
        page(
            "/docs/tokens",
            KNOW,
            "Tokens",
            "Tokens",
            "Short-lived credentials for browsers and dashboards: minting, limits, verifying them yourself.",
            include_str!("pages/tokens.html"),
        ),
        page(
            "/docs/members",
            KNOW,
            "Members",
            "Members and signing in",
            "How people come, prove who they are, and act with a browser's session.",
            include_str!("pages/members.html"),
        ),
        page(
            "/docs/tenants",
            KNOW,
            "Tenants",
            "A tenant's life",
            "Suspend, resume, export and delete a tenant, and what is left of it then.",
            include_str!("pages/tenants.html"),
        ),
        page(
            "/docs/audit-log",
            KNOW,
            "Audit log",
            "The audit log",
            "What was changed and refused, by whom, and how to prove that nothing was tampered with.",
            include_str!("pages/audit-log.html"),
        ),
        page(
            "/docs/vault",
            KNOW,
            "Keys and the vault",
            "Keys and the vault",
            "What seals what, and how to change a master key, a data key or a Chakra key while calls go on.",
            include_str!("pages/vault.html"),
        ),
        page(
            "/docs/problems",
            KNOW,
            "Errors",
            "Errors",
            "The two shapes of an error, how to handle each, and every code.",
            include_str!("pages/problems.html"),
        ),
        page(
            "/docs/limits",
            KNOW,
            "Limits",
            "Limits",
            "Sizes, times, what Portico limits, and what does not exist yet.",
            include_str!("pages/limits.html"),
        ),
    ]
}

/// Pages to look things up in.
fn look_up() -> Vec<Page> {
    vec![
        page(
            "/docs/reference",
            LOOK_UP,
            "API reference",
            "API reference",
            "Every call with its fields, answers and examples, to try out.",
            include_str!("pages/reference.html"),
        ),
        page(
            "/docs/operations",
            LOOK_UP,
            "Operations",
            "Operations",
            "Each operation: call, permission, checked ids, whether a repeat is safe.",
            include_str!("pages/operations.html"),
        ),
        page(
            "/docs/inferred",
            LOOK_UP,
            "Inferred",
            "What is inferred about Chakra",
            "Where Chakra's contract is a guess, which paths are possible, and how to choose.",
            include_str!("pages/inferred.html"),
        ),
    ]
}

fn page(
    path: &'static str,
    part: &'static str,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    text: &str,
) -> Page {
    Page { path, part, name, title, about, body: text.to_owned(), policy: Policy::Strict }
}

/// What pages are filled with.
struct Parts<'s> {
    sources: &'s Sources<'s>,
    reference: &'s Reference,
    cards: Markup,
}

impl Parts<'_> {
    /// The text with its generated parts in place of `<!--name-->`.
    fn fill(&self, text: &str) -> String {
        let mut parts = text.split("<!--");
        let mut html = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, after) = part.split_once("-->").unwrap_or((part, ""));
            html.push_str(&self.generated(name).into_string());
            html.push_str(after);
        }
        html
    }

    fn generated(&self, name: &str) -> Markup {
        match name {
            "pages" => self.cards.clone(),
            "key pattern" => html! { (portico_vault::API_KEY_PATTERN) },
            "roles" => roles::built_in(),
            "role names" => roles::names(),
            "permissions" => roles::matrix(),
            "codes" => problems::rows(self.sources.codes),
            "not yet" => limits::not_yet(),
            "operations count" => html! { (operations::count()) },
            "operations" => operations::of_chakra(self.reference),
            "management" => operations::of_portico(self.sources.routes),
            "confidence" => inferred::counts(),
            "chosen path" => html! { (inferred::example()) },
            "inferred" => inferred::cards(),
            other => unreachable!("no page names {other}, as a test proves"),
        }
    }
}

/// All pages but the first, for the first.
fn cards(pages: &[Page]) -> Markup {
    html! {
        @for page in pages.iter().skip(1) {
            li {
                a href=(page.path) {
                    strong { (page.title) } " " span { (page.about) }
                }
            }
        }
    }
}
