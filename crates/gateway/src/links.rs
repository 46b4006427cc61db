//! Links in answers, written anew so that whoever follows them stays inside.

use portico_chakra::{LinkTo, Matched, Method, Operation, router};
use portico_domain::host::is_host;

use crate::call::Headers;

/// Where the caller reaches Portico, as `https://portico.example.com`.
#[derive(Debug)]
pub(crate) struct Origin(String);

impl Origin {
    /// The public URL of the settings, else the host that the caller named.
    pub(crate) fn of(public_url: Option<&str>, headers: &dyn Headers) -> Self {
        if let Some(url) = public_url {
            return Self(url.to_owned());
        }
        let host = headers.get("host").and_then(|host| std::str::from_utf8(host).ok()).filter(|host| is_host(host));
        Self(host.map_or_else(String::new, |host| format!("http://{host}")))
    }
}

/// How the links of one call's answer are written.
#[derive(Debug, Default)]
pub(crate) struct Links {
    origin: String,
    same_call: String,
    paths: Vec<(&'static str, String)>,
    operation: Option<&'static Operation>,
}

impl Links {
    /// For the call on that path, as it came.
    pub(crate) fn new(origin: &Origin, path: &str, matched: &Matched<'_, '_>) -> Self {
        let operation = matched.route.default_operation();
        let target = |to: LinkTo| match to {
            LinkTo::Path(template) => Some((template, matched.target(template))),
            LinkTo::SameCall => None,
        };
        Self {
            origin: origin.0.clone(),
            same_call: if operation.links.is_empty() { String::new() } else { path.to_owned() },
            paths: operation.links.iter().filter_map(|link| target(link.to)).collect(),
            operation: Some(operation),
        }
    }

    /// The link to put in the place of Chakra's. Of its query only what the call itself takes remains:
    /// Meta writes its access token there.
    pub(crate) fn rewritten(&self, to: LinkTo, given: &str) -> String {
        match to {
            LinkTo::Path(template) => {
                let path = self.paths.iter().find(|(known, _)| *known == template).map_or("", |(_, path)| path);
                format!("{}{path}", self.origin)
            }
            LinkTo::SameCall => {
                let query = self.operation.map_or_else(String::new, |operation| known_query(operation, given));
                format!("{}{}{query}", self.origin, self.same_call)
            }
        }
    }

    /// Where a redirect to Chakra's own host leads: the same path at Portico, if it is a read that
    /// Portico forwards, with the parameters that it takes there.
    pub(crate) fn redirected(&self, own: &str) -> Option<String> {
        let path = own.split(['?', '#']).next().unwrap_or_default();
        let operation = router().find(Some(Method::Get), path).ok()?.route.default_operation();
        Some(format!("{}{path}{}", self.origin, known_query(operation, own)))
    }
}

/// What remains of a link's query, with its question mark: the parameters that the operation takes.
fn known_query(operation: &Operation, link: &str) -> String {
    let query = link.split('#').next().and_then(|link| link.split_once('?')).map_or("", |(_, query)| query);
    let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| operation.takes_parameter(name));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(path: &str) -> Links {
        let matched = router().find(Some(Method::Get), path).expect("is in the catalogue");
        Links::new(&Origin("https://portico.example.com".into()), path, &matched)
    }

    #[test]
    fn a_next_page_on_a_foreign_host_comes_back_without_its_token() {
        let path = "/v1/ext/plugin/whatsapp/api/v24.0/100200300400500/message_templates";
        let given =
            "https://graph.facebook.com/v24.0/100/message_templates?access_token=EAAG&limit=2&after=QVFJ%3D&x=1#f";
        let expected = format!("https://portico.example.com{path}?limit=2&after=QVFJ%3D");
        assert_eq!(links(path).rewritten(LinkTo::SameCall, given), expected);
        assert_eq!(links(path).rewritten(LinkTo::SameCall, "nonsense"), format!("https://portico.example.com{path}"));
    }

    #[test]
    fn the_url_of_a_medium_leads_through_portico() {
        let links = links("/v1/whatsapp/v23.0/media/300400500600700");
        let operation = portico_chakra::operation("fetch_media");
        let url = links.rewritten(operation.links[0].to, "https://lookaside.fbsbx.com/x?mid=1");
        assert_eq!(url, "https://portico.example.com/v2/whatsapp/v23.0/media/300400500600700/show");
    }

    #[test]
    fn a_redirect_to_chakra_itself_leads_through_portico_or_nowhere() {
        let links = links("/v2/whatsapp/v24.0/media/7/show");
        let own = "/v1/whatsapp/v24.0/media/7/show?x=1#f";
        assert_eq!(
            links.redirected(own).as_deref(),
            Some("https://portico.example.com/v1/whatsapp/v24.0/media/7/show")
        );
        let own = "/v2/whatsapp/v24.0/media/whatsapp_business/attachments?x=1&mid=7";
        let expected = "https://portico.example.com/v2/whatsapp/v24.0/media/whatsapp_business/attachments?mid=7";
        assert_eq!(links.redirected(own).as_deref(), Some(expected));
        assert_eq!(links.redirected("/admin"), None);
    }
}
