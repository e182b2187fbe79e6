//! Which hosts a policy reaches, and through which answers.

use aob_egress::{Allow, EgressError, Policy, PublicHosts, Request};
use http::{HeaderName, HeaderValue, Method};

use crate::net::{Net, OURS, PUBLIC, get, open_policy};
use crate::server::{Reply, Server};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn listing(origins: &[Allow]) -> Policy {
    Policy { public: PublicHosts::Listed, allow: origins.to_vec(), ..Policy::default() }
}

fn origin(text: &str) -> Allow {
    text.parse().unwrap()
}

async fn code(net: &Net, policy: Policy, url: &str) -> &'static str {
    let error = get(&net.client(policy), url).await.unwrap_err();
    error.refusal().map_or("admitted", |refusal| refusal.code())
}

#[tokio::test]
async fn without_a_list_only_public_https_is_reached() {
    for (url, expected) in [
        ("https://example.com/", "admitted"),
        ("http://example.com/", "plain_http"),
        ("http://93.184.216.34/", "plain_http"),
        ("https://example.com:8443/", "port"),
        ("http://127.0.0.1:8400/", "port"),
        ("https://127.0.0.1/", "address"),
    ] {
        assert_eq!(code(&Net::default(), Policy::default(), url).await, expected, "{url}");
    }
}

#[tokio::test]
async fn a_list_is_exact() {
    let list = [origin("https://api.example.com"), origin("http://api.example.com:8080")];
    for (url, expected) in [
        ("https://api.example.com/v1", "admitted"),
        ("https://API.example.com:443/v1", "admitted"),
        ("http://api.example.com:8080/", "admitted"),
        ("https://api.example.com:8080/", "not_listed"),
        ("http://api.example.com/", "not_listed"),
        ("https://example.com/", "not_listed"),
        ("https://x.api.example.com/", "not_listed"),
        ("https://93.184.216.34/", "not_listed"),
    ] {
        assert_eq!(code(&Net::default(), listing(&list), url).await, expected, "{url}");
    }
}

#[tokio::test]
async fn a_listed_origin_is_private_only_if_it_says_so() {
    let (plain, private) =
        (origin("http://10.1.2.3:8400"), origin("http://10.1.2.4:8400").private());
    let policy = || Policy { allow: vec![plain.clone(), private.clone()], ..Policy::default() };
    for (url, expected) in [
        ("http://10.1.2.3:8400/", "address"),
        ("http://10.1.2.4:8400/", "admitted"),
        ("http://10.1.2.4:8401/", "port"),
        ("https://10.1.2.4/", "address"),
        ("https://example.com/", "admitted"),
    ] {
        assert_eq!(code(&Net::default(), policy(), url).await, expected, "{url}");
    }
}

#[tokio::test]
async fn a_private_name_reaches_private_networks_but_no_special_ones() {
    let net = Net::default();
    let policy = || listing(&[origin("http://vault.internal:8200").private()]);
    for (answer, expected) in [
        ("10.0.0.1", "admitted"),
        ("192.168.3.4", "admitted"),
        ("100.64.0.1", "admitted"),
        ("127.0.0.1", "admitted"),
        ("::1", "admitted"),
        ("fd12::1", "admitted"),
        ("8.8.8.8", "admitted"),
        ("169.254.169.254", "address"),
        ("169.254.1.1", "address"),
        ("100.100.100.200", "address"),
        ("168.63.129.16", "address"),
        ("fd00:ec2::254", "address"),
        ("fe80::1", "address"),
        ("0.0.0.0", "address"),
        ("::", "address"),
        ("224.0.0.1", "address"),
        ("255.255.255.255", "address"),
        ("::ffff:10.0.0.1", "address"),
        ("64:ff9b::a00:1", "address"),
        ("192.0.2.1", "address"),
    ] {
        net.answer("vault.internal", &[&[answer]]);
        let url = "http://vault.internal:8200/";
        assert_eq!(code(&net, policy(), url).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn even_a_listed_metadata_service_stays_closed() {
    for literal in ["http://169.254.169.254", "http://[fd00:ec2::254]", "http://168.63.129.16"] {
        let policy = Policy::only(origin(literal));
        assert_eq!(code(&Net::default(), policy, literal).await, "address", "{literal}");
    }
}

#[tokio::test]
async fn denied_networks_are_closed_to_all() {
    let deny = vec!["93.184.216.0/24".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    let allow = vec![origin("http://10.1.2.4:8400").private()];
    let policy = || Policy { deny: deny.clone(), allow: allow.clone(), ..open_policy() };
    let net = Net::default();
    assert_eq!(code(&net, policy(), "https://example.com/").await, "address");
    assert_eq!(code(&net, policy(), "http://10.1.2.4:8400/").await, "address");
    assert_eq!(code(&net, policy(), "https://8.8.8.8/").await, "admitted");
}

#[tokio::test]
async fn origins_to_list_are_checked() {
    for good in ["https://example.com", "http://127.0.0.1:8400/", "https://[::1]:8443"] {
        assert!(good.parse::<Allow>().is_ok(), "{good}");
    }
    for bad in [
        "example.com",
        "ftp://example.com",
        "https://example.com/path",
        "https://example.com?q",
        "https://example.com#f",
        "https://user@example.com",
        "https://*.example.com",
        "https://example.com:22",
        "https://example.com:0",
        "https://example.com.",
        "https://",
    ] {
        assert!(bad.parse::<Allow>().is_err(), "{bad}");
    }
}

#[tokio::test]
async fn methods_are_the_policys_or_the_origins() {
    let net = Net::default();
    let mut policy = open_policy();
    policy.allow = vec![origin("https://read.example").with_methods(vec![Method::GET])];
    let client = net.client(policy);
    let odd = Method::from_bytes(b"PROPFIND").unwrap();
    for (method, url, admitted) in [
        (Method::POST, "https://example.com/", true),
        (Method::POST, "https://read.example/", false),
        (Method::GET, "https://read.example/", true),
        (Method::CONNECT, "https://example.com/", false),
        (Method::TRACE, "https://example.com/", false),
        (odd, "https://example.com/", false),
    ] {
        let error = client.send(OURS, Request::new(method.clone(), url)).await.unwrap_err();
        assert_eq!(error.refusal().is_none(), admitted, "{method} {url}: {error:?}");
    }
    let mut all = open_policy();
    all.methods = vec![Method::TRACE, Method::CONNECT];
    for method in [Method::TRACE, Method::CONNECT] {
        let request = Request::new(method, "https://example.com/");
        let error = net.client(all.clone()).send(OURS, request).await.unwrap_err();
        assert_eq!(error.refusal().unwrap().code(), "method");
    }
}

#[tokio::test]
async fn forbidden_headers_make_no_connection() {
    let net = Net::default();
    for name in ["host", "transfer-encoding", "metadata-flavor", "x-aws-ec2-metadata-token"] {
        let mut request = Request::new(Method::GET, "https://example.com/");
        request.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        let error = net.client(open_policy()).send(OURS, request).await.unwrap_err();
        assert_eq!(error.refusal().unwrap().code(), "header", "{name}");
    }
    assert_eq!(net.connected(), []);
}

/// A name that is public when it is judged can't be private when it is connected to: there is one
/// question per request, and the connection goes to the answer.
#[tokio::test]
async fn rebinding_finds_no_gap() {
    let net = Net::default();
    net.answer("rebind.example", &[&[PUBLIC], &["127.0.0.1"]]);
    let client = net.client(open_policy());
    let first = get(&client, "https://rebind.example/").await.unwrap_err();
    assert!(matches!(first, EgressError::Connect { .. }), "{first:?}");
    assert_eq!(net.asked(), ["rebind.example"]);
    let second = get(&client, "https://rebind.example/").await.unwrap_err();
    assert_eq!(second.refusal().unwrap().code(), "address");
    assert_eq!(net.connected(), [format!("{PUBLIC}:443").parse().unwrap()]);
}

/// A kept connection is used only where the name still leads.
#[tokio::test]
async fn a_kept_connection_does_not_outlive_its_answer() {
    let net = Net::default();
    let server = Server::start(vec![Reply::keep(OK), Reply::keep(OK), Reply::keep(OK)]).await;
    net.answer("moving.example", &[&["198.100.0.1"], &["198.100.0.2"], &["10.0.0.1"]]);
    net.route("198.100.0.1:80", server.address());
    net.route("198.100.0.2:80", server.address());
    let client = net.client(open_policy());
    for _ in 0..2 {
        assert_eq!(get(&client, "http://moving.example/").await.unwrap().body, "ok");
    }
    let error = get(&client, "http://moving.example/").await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code(), "address");
    assert_eq!(net.connected().len(), 2);
}

#[tokio::test]
async fn the_next_answer_is_tried_where_one_does_not_connect() {
    let net = Net::default();
    let server = Server::start(vec![Reply::close(OK)]).await;
    net.answer("two.example", &[&["198.100.0.1", "2a00:1450::1", "198.100.0.3"]]);
    net.route("198.100.0.3:80", server.address());
    let response = get(&net.client(open_policy()), "http://two.example/").await.unwrap();
    assert_eq!(response.body, "ok");
    assert_eq!(net.connected().len(), 3);
}

#[tokio::test]
async fn names_without_addresses_are_not_connected_to() {
    let net = Net::default();
    let far_too_many: Vec<_> = (0..65).map(|n| format!("8.8.8.{n}")).collect();
    let far_too_many: Vec<_> = far_too_many.iter().map(String::as_str).collect();
    for answers in [&[][..], &far_too_many] {
        net.answer("odd.example", &[answers]);
        let error = get(&net.client(open_policy()), "https://odd.example/").await.unwrap_err();
        assert!(!error.sent());
        assert_eq!(error.code(), "connect_failed");
    }
    assert_eq!(net.connected(), []);
}
