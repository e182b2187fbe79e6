//! What the client makes of answers: good, slow, large, broken and dishonest ones.

use std::io::Write;

use aob_egress::{Allow, Cap, Client, EgressError, Policy, Request};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, Method, StatusCode};

use crate::net::{Net, OURS, get};
use crate::server::{Reply, Server};

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A client that reaches these servers, as a configuration for a demo would allow it.
fn client_of(net: &Net, servers: &[&Server]) -> Client {
    let allow = servers.iter().map(|server| {
        let allow: Allow = server.url("").parse().unwrap();
        net.route(&server.address().to_string(), server.address());
        allow.private()
    });
    net.client(Policy { allow: allow.collect(), ..Policy::default() })
}

async fn serve(replies: Vec<Reply>) -> (Server, Client) {
    let server = Server::start(replies).await;
    let client = client_of(&Net::default(), &[&server]);
    (server, client)
}

async fn get_error(reply: Reply) -> EgressError {
    let (server, client) = serve(vec![reply]).await;
    let mut request = Request::new(Method::GET, server.url("/"));
    request.max_bytes = 1_000_000;
    client.send(OURS, request).await.unwrap_err()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_meant() {
    let answer = reply("201 Created", "X-A: 1\r\nX-A: 2\r\nConnection: close\r\n", "made");
    let (server, client) = serve(vec![Reply::close(answer)]).await;
    let mut request = Request::new(Method::POST, server.url("/a%20b?q=%C3%A4#fragment"));
    request.headers.insert("content-type", HeaderValue::from_static("text/plain"));
    request.headers.insert("connection", HeaderValue::from_static("x-hop"));
    request.headers.insert("x-hop", HeaderValue::from_static("stays here"));
    request.body = "body".into();
    let response = client.send(OURS, request).await.unwrap();
    assert_eq!(response.status, StatusCode::CREATED);
    assert_eq!(response.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert!(!response.headers.contains_key("connection"));
    assert_eq!(response.body, "made");
    assert_eq!(response.url, server.url("/a%20b?q=%C3%A4"));
    let seen = &server.requests()[0];
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /a%20b?q=%C3%A4 HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {}", server.address());
    assert_eq!(
        lines,
        [
            "accept-encoding: gzip",
            "accept: */*",
            "content-length: 4",
            "content-type: text/plain",
            &host,
            "user-agent: aob"
        ]
    );
    assert_eq!(body, "body");
}

#[tokio::test]
async fn every_status_is_an_answer() {
    for status in ["204 No Content", "304 Not Modified", "404 Not Found", "429 Slow", "503 Busy"] {
        let head = format!("HTTP/1.1 {status}\r\nRetry-After: 7\r\n\r\n");
        let (server, client) = serve(vec![Reply::close(head)]).await;
        let response = get(&client, &server.url("/")).await.unwrap();
        assert_eq!(response.status.as_str(), &status[..3]);
        assert_eq!(response.headers["retry-after"], "7");
        assert_eq!(response.body, "");
    }
    let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".to_owned();
    let (server, client) = serve(vec![Reply::close(early + &reply("200 OK", "", "late"))]).await;
    assert_eq!(get(&client, &server.url("/")).await.unwrap().body, "late");
}

#[tokio::test]
async fn redirects_are_followed_only_if_asked_for() {
    let found = reply("302 Found", "Location: /next\r\n", "moved");
    let (server, client) = serve(vec![Reply::close(found)]).await;
    let response = get(&client, &server.url("/")).await.unwrap();
    assert_eq!((response.status, response.body), (StatusCode::FOUND, "moved".into()));
}

#[tokio::test]
async fn redirects_end_after_three() {
    let hop = |n: u8| Reply::close(reply("302 Found", &format!("Location: /{n}\r\n"), ""));
    for (asked, hops, ends) in
        [(3, 3, true), (2, 2, true), (9, 3, true), (1, 2, false), (9, 4, false)]
    {
        let mut replies: Vec<_> = (1..=hops).map(hop).collect();
        replies.push(Reply::close(reply("200 OK", "", "end")));
        let (server, client) = serve(replies).await;
        let mut request = Request::new(Method::GET, server.url("/0"));
        request.redirects = asked;
        match client.send(OURS, request).await {
            Ok(response) => {
                assert!(ends);
                assert_eq!(response.url, server.url(&format!("/{hops}")));
                assert_eq!(response.body, "end");
            }
            Err(error) => {
                assert!(!ends, "{error:?}");
                assert_eq!(error.refusal().unwrap().code(), "too_many_redirects");
                assert!(error.sent());
                assert_eq!(server.requests().len(), usize::from(asked.min(3)) + 1);
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_takes_no_credentials_along() {
    let there = Server::start(vec![Reply::close(reply("200 OK", "", "there"))]).await;
    let location = format!("Location: {}\r\n", there.url("/in"));
    let here = Server::start(vec![Reply::close(reply("307 Go", &location, ""))]).await;
    let client = client_of(&Net::default(), &[&here, &there]);
    let mut request = Request::new(Method::PUT, here.url("/"));
    for name in ["authorization", "cookie", "x-api-key", "content-type"] {
        request.headers.insert(name, HeaderValue::from_static("value"));
    }
    request.body = "payload".into();
    request.redirects = 1;
    assert_eq!(client.send(OURS, request).await.unwrap().body, "there");
    let first = &here.requests()[0];
    let second = &there.requests()[0];
    for name in ["authorization", "cookie", "x-api-key"] {
        assert!(first.contains(&format!("{name}: value")), "{first}");
        assert!(!second.contains(name), "{second}");
    }
    assert!(second.contains("content-type: value") && second.ends_with("payload"), "{second}");
}

#[tokio::test]
async fn the_policy_judges_the_method_of_each_hop() {
    let there = Server::start(vec![Reply::close(reply("200 OK", "", "there"))]).await;
    let location = format!("Location: {}\r\n", there.url("/"));
    let here = Server::start(vec![Reply::close(reply("308 Go", &location, ""))]).await;
    let net = Net::default();
    net.route(&here.address().to_string(), here.address());
    let origin = |server: &Server| server.url("").parse::<Allow>().unwrap().private();
    let allow = vec![origin(&here), origin(&there).with_methods(vec![Method::GET])];
    let client = net.client(Policy { allow, ..Policy::default() });
    let mut request = Request::new(Method::POST, here.url("/"));
    request.redirects = 1;
    let error = client.send(OURS, request).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().code(), "method");
    assert!(error.sent());
    assert_eq!(there.connections(), 0);
}

#[tokio::test]
async fn gzip_is_undone_and_not_mentioned() {
    let text = "compressible ".repeat(500);
    let zipped = gzip(text.as_bytes());
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        zipped.len()
    );
    let (server, client) = serve(vec![Reply::close([head.into_bytes(), zipped].concat())]).await;
    let response = get(&client, &server.url("/")).await.unwrap();
    assert!(response.body == text.as_bytes());
    assert!(!response.headers.contains_key("content-encoding"));
    assert!(!response.headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_gzip_bomb_stops_at_the_cap() {
    let bomb = gzip(&vec![0; 64 << 20]);
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".as_bytes();
    let bytes = [head, &bomb].concat();
    let error = get_error(Reply::close(bytes.clone())).await;
    // Which of the two caps is hit depends on how much arrives at a time.
    let hit = matches!(error, EgressError::TooLarge { cap: Cap::Body | Cap::Ratio, .. });
    assert!(hit, "{error:?}");
    let (server, client) = serve(vec![Reply::close(bytes)]).await;
    let mut request = Request::new(Method::GET, server.url("/"));
    request.max_bytes = u64::MAX;
    let error = client.send(OURS, request).await.unwrap_err();
    assert!(matches!(error, EgressError::TooLarge { cap: Cap::Ratio, .. }), "{error:?}");
}

#[tokio::test]
async fn long_bodies_stop_at_the_cap_whatever_they_claim() {
    // The server sends no body at all: the claim alone must be enough.
    let claimed = Reply::hang("HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n");
    let chunk = format!("{:x}\r\n{}\r\n", 300_000, "x".repeat(300_000));
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(4));
    let unframed = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_000_001));
    for reply in [claimed, Reply::hang(chunked), Reply::close(unframed)] {
        let error = get_error(reply).await;
        let hit = matches!(error, EgressError::TooLarge { cap: Cap::Body, limit: 1_000_000 });
        assert!(hit, "{error:?}");
        assert!(error.sent());
    }
    let exact = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_000));
    let (server, client) = serve(vec![Reply::close(exact)]).await;
    let mut request = Request::new(Method::GET, server.url("/"));
    request.max_bytes = 1_000;
    assert_eq!(client.send(OURS, request).await.unwrap().body.len(), 1_000);
}

#[tokio::test]
async fn a_head_request_has_no_body_to_cap() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
    let (server, client) = serve(vec![Reply::close(head)]).await;
    let mut request = Request::new(Method::HEAD, server.url("/"));
    request.max_bytes = 10;
    let response = client.send(OURS, request).await.unwrap();
    assert_eq!(response.headers["content-length"], "99999999");
}

#[tokio::test]
async fn a_lying_content_length_is_found_out() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!";
    let error = get_error(Reply::close(short)).await;
    assert!(matches!(error, EgressError::Lost { .. }), "{error:?}");

    // What follows a complete body belongs to nobody, least of all to the next request.
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nsmuggled";
    let (server, client) =
        serve(vec![Reply::keep(long), Reply::close(reply("200 OK", "", "true"))]).await;
    assert_eq!(get(&client, &server.url("/")).await.unwrap().body, "ok");
    assert_eq!(get(&client, &server.url("/")).await.unwrap().body, "true");

    for twofold in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
    ] {
        let error = get_error(Reply::close(twofold)).await;
        assert!(matches!(error, EgressError::BadResponse { .. }), "{twofold}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_is_lost() {
    for broken in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    ] {
        let error = get_error(Reply::close(broken)).await;
        assert!(matches!(error, EgressError::Lost { .. }), "{broken:?}: {error:?}");
        assert!(error.sent());
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_response() {
    let header = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(101));
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(17_000));
    for (answer, too_large) in [
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned(), false),
        ("HTTP/1.1 banana\r\n\r\n".to_owned(), false),
        ("HTTP/1.1 200 OK\r\nNo colon here\r\n\r\n".to_owned(), false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(), false),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nxx".to_owned(), false),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip".to_owned(), false),
        (header, true),
        (long, true),
    ] {
        let error = get_error(Reply::close(answer.clone())).await;
        let expected = if too_large {
            matches!(error, EgressError::TooLarge { cap: Cap::Headers, .. })
        } else {
            matches!(error, EgressError::BadResponse { .. })
        };
        assert!(expected, "{:?}: {error:?}", &answer[..30.min(answer.len())]);
        assert!(error.sent());
    }
}
