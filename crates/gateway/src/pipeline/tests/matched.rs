use super::Matched;
use crate::tests::{head, refusal};

#[test]
fn a_path_of_the_catalogue_leads_to_its_operation_and_parameters() {
    let path = "/v1/ext/plugin/whatsapp/p%2D1/api/v24.0/200/messages";
    let matched = Matched::of(head("POST", path)).expect("is in the catalogue");
    assert_eq!(matched.default_operation().id, "whatsapp_messages");
    assert_eq!(matched.route().parameter("pluginId"), Some("p-1"));
    assert_eq!(matched.head().path, path);
}

#[test]
fn an_unknown_path_is_not_there() {
    for path in ["/", "/nowhere", "/v1/health/x", "/V1/health", "v1/health"] {
        assert_eq!(refusal(Matched::of(head("GET", path))).0, if path == "/" { 400 } else { 404 }, "{path}");
    }
    assert_eq!(refusal(Matched::of(head("GET", "/nowhere"))), (404, "not_found"));
}

#[test]
fn a_known_path_with_another_method_is_told_from_an_unknown_one() {
    for method in ["POST", "DELETE", "HEAD", "get", "TRACE"] {
        assert_eq!(refusal(Matched::of(head(method, "/v1/health"))), (405, "method_not_allowed"), "{method}");
    }
}

#[test]
fn a_segment_that_another_parser_could_read_otherwise_is_refused() {
    for segment in ["", ".", "..", "%2e%2e", "a%2Fb", "a%5Cb", "a%00", "a%0D%0A", "%FF"] {
        let path = format!("/plugin/{segment}");
        assert_eq!(refusal(Matched::of(head("GET", &path))), (400, "path_not_allowed"), "{segment:?}");
    }
}

#[test]
fn only_a_graph_version_stands_where_one_is_meant() {
    let path = "/v1/whatsapp/latest/200300400500600/settings";
    assert_eq!(refusal(Matched::of(head("GET", path))), (400, "path_not_allowed"));
}

#[test]
fn what_chakra_does_not_offer_is_told_from_what_nobody_knows() {
    assert_eq!(refusal(Matched::of(head("POST", "/v1/whatsapp/v24.0/200/media"))), (404, "not_offered"));
}
