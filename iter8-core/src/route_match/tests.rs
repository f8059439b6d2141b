use std::prelude::v1::*;

use super::*;

fn read(text: &str) -> RouteMatch {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_match_is_written_and_read_back_in_its_own_protocol() {
    let method = GrpcMethodMatch { service: Some("shop.Cart".to_owned()), ..GrpcMethodMatch::default() };
    for entry in [
        RouteMatch::header("a", "b"),
        RouteMatch::header_of(Protocol::Grpc, "a", "b"),
        RouteMatch::every(Protocol::Http),
        RouteMatch::every(Protocol::Grpc),
        RouteMatch::Grpc(GrpcMatch { method: Some(method), headers: Vec::new() }),
        read(r#"{"method": "GET", "path": {"type": "Exact", "value": "/a"}}"#),
    ] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(read(&text), entry, "{text}");
    }
    let http = r#"{"headers":[{"name":"a","value":"b"}]}"#;
    assert_eq!(read(http), RouteMatch::header("a", "b"), "the form of before gRPC");
}

#[test]
fn a_grpc_match_is_put_into_words() {
    let entry = |text: &str| read(&format!(r#"{{"grpc": {text}}}"#)).to_string();
    assert_eq!(entry(r#"{"method": {"service": "shop.Cart", "method": "Add"}}"#), "gRPC shop.Cart/Add");
    assert_eq!(
        entry(r#"{"method": {"method": "Add"}, "headers": [{"name": "a", "value": "b"}]}"#),
        "gRPC */Add, header a=b"
    );
    assert_eq!(entry(r#"{"method": {"type": "RegularExpression", "service": "shop.*"}}"#), "gRPC ~ shop.*/*");
    assert_eq!(entry("{}"), "every request");
}

#[test]
fn an_empty_name_is_no_condition() {
    let entry = read(r#"{"grpc": {"method": {"service": "", "method": ""}}}"#);
    assert!(entry.canonical().takes_everything());
    let path = read(r#"{"path": {"value": "/"}}"#);
    assert!(path.canonical().takes_everything());
}
