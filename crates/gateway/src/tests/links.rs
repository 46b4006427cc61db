use portico_chakra::{LinkTo, Method, router};

use super::Given;
use crate::links::{Links, Origin};

const TEMPLATES: &str = "/v1/ext/plugin/whatsapp/api/v24.0/100200300400500/message_templates";

/// The link to the next page of a list, for a caller with these headers.
fn next(public_url: Option<&str>, headers: Given<'_>, given: &str) -> String {
    let matched = router().find(Some(Method::Get), TEMPLATES).expect("is in the catalogue");
    let origin = Origin::of(public_url, &headers);
    Links::new(&origin, TEMPLATES, &matched).rewritten(LinkTo::SameCall, given)
}

#[test]
fn links_begin_with_the_public_url_whatever_host_the_caller_names() {
    let link = next(Some("https://portico.example.com"), Given(&[("host", "evil.example.com")]), "x?after=1");
    assert_eq!(link, format!("https://portico.example.com{TEMPLATES}?after=1"));
}

#[test]
fn without_a_public_url_links_begin_with_the_host_that_the_caller_named() {
    let link = next(None, Given(&[("host", "[::1]:8080")]), "x?after=1");
    assert_eq!(link, format!("http://[::1]:8080{TEMPLATES}?after=1"));
}

#[test]
fn a_host_that_is_none_makes_links_relative() {
    for host in ["", "evil.example.com/x?", "a b", "user@evil.example.com", "\"><script>"] {
        assert_eq!(next(None, Given(&[("host", host)]), "x?after=1"), format!("{TEMPLATES}?after=1"), "{host}");
    }
    assert_eq!(next(None, Given(&[]), "x?after=1"), format!("{TEMPLATES}?after=1"));
}

#[test]
fn a_link_that_an_operation_has_none_of_leads_nowhere() {
    let path = "/v1/ext/whatsapp-phone-number";
    let matched = router().find(Some(Method::Get), path).expect("is in the catalogue");
    let links = Links::new(&Origin::of(Some("https://portico.example.com"), &Given(&[])), path, &matched);
    assert_eq!(links.rewritten(LinkTo::Path("/v1/unknown"), "x"), "https://portico.example.com");
}

#[test]
fn a_redirect_is_followed_through_portico_only_where_portico_reads() {
    let links = Links::default();
    assert_eq!(links.redirected(TEMPLATES).as_deref(), Some(TEMPLATES));
    for elsewhere in ["/plugin", "/v1/../admin", "/", "/v1/ext/plugin/whatsapp/x/disconnect-waba"] {
        assert_eq!(links.redirected(elsewhere), None, "{elsewhere}");
    }
}
