//! The corpus: what must be refused before any connection, and what must not.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use aob_egress::{ConnectStage, EgressError, Refusal};
use http::Method;

use crate::net::{Net, PUBLIC, get, open_policy};
use crate::server::{Reply, Server};

const REFUSED: &str = include_str!("../vectors/refused.txt");
const ALLOWED: &str = include_str!("../vectors/allowed.txt");

/// One line of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Vector {
    url: String,
    answers: Vec<String>,
    /// The refusal's code, or the address.
    expected: String,
}

fn vectors(text: &str) -> Vec<Vector> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let vectors: Vec<_> = lines.map(vector).collect();
    let distinct: BTreeSet<_> = vectors.iter().map(|v| (&v.url, &v.answers)).collect();
    assert_eq!(distinct.len(), vectors.len(), "each vector differs from the others");
    vectors
}

fn vector(line: &str) -> Vector {
    let fields: Vec<_> = line.split('|').map(str::trim).collect();
    let [url, answers, expected] = fields[..] else { panic!("three fields: {line}") };
    let answers = if answers == "-" { PUBLIC } else { answers };
    let answers = answers.split(' ').map(str::to_owned).collect();
    Vector { url: unescape(url), answers, expected: expected.to_owned() }
}

/// `\u{..}` is a character, `{n times a}` many of them.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\u{") {
        let end = at + rest[at..].find('}').unwrap();
        out.push_str(&rest[..at]);
        let code = u32::from_str_radix(&rest[at + 3..end], 16).unwrap();
        out.push(char::from_u32(code).unwrap());
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    if let Some((before, after)) = out.split_once(" times a}") {
        let (before, count) = before.rsplit_once('{').unwrap();
        return format!("{before}{}{after}", "a".repeat(count.parse().unwrap()));
    }
    out
}

/// A network on which every name that is asked for has these answers.
fn net_with(answers: &[String], url: &str) -> Net {
    let net = Net::default();
    if let Some(host) = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned))
    {
        let answers: Vec<_> = answers.iter().map(String::as_str).collect();
        net.answer(&host, &[&answers]);
    }
    net
}

#[tokio::test]
async fn refused_vectors_make_no_connection() {
    let vectors = vectors(REFUSED);
    assert!(vectors.len() >= 250, "{}", vectors.len());
    let mut wrong = Vec::new();
    for Vector { url, answers, expected } in vectors {
        let net = net_with(&answers, &url);
        let outcome = get(&net.client(open_policy()), &url).await;
        let code = outcome.as_ref().err().and_then(EgressError::refusal).map(Refusal::code);
        let asked = expected != "address" && !net.asked().is_empty();
        if code != Some(&expected) || asked || !net.connected().is_empty() {
            wrong.push((url, expected, outcome, net));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn allowed_vectors_connect_to_their_address() {
    let vectors = vectors(ALLOWED);
    assert!(vectors.len() >= 60, "{}", vectors.len());
    for Vector { url, answers, expected } in vectors {
        let net = net_with(&answers, &url);
        let error = get(&net.client(open_policy()), &url).await.unwrap_err();
        let refused = matches!(error, EgressError::Connect { stage: ConnectStage::Tcp, .. });
        assert!(refused, "{url}: {error:?}");
        let expected: SocketAddr = expected.parse().unwrap();
        assert_eq!(net.connected().first(), Some(&expected), "{url}");
    }
}

/// The second wall alone: each address of the corpus, reached past all checks of the URL by a name
/// that looks harmless.
#[tokio::test]
async fn refused_addresses_are_refused_as_answers() {
    let mut addresses = BTreeSet::new();
    for Vector { url, answers, expected } in vectors(REFUSED) {
        if expected == "address" {
            addresses.extend(answers.iter().filter_map(|answer| answer.parse::<IpAddr>().ok()));
            match url::Url::parse(&url).unwrap().host() {
                Some(url::Host::Ipv4(address)) => drop(addresses.insert(address.into())),
                Some(url::Host::Ipv6(address)) => drop(addresses.insert(address.into())),
                Some(url::Host::Domain(_)) | None => {}
            }
        }
    }
    let is_good = |ip: &IpAddr| ip.to_string().starts_with("8.8.") || ip.to_string() == PUBLIC;
    addresses.retain(|address| !is_good(address) && !address.to_string().starts_with("2606:"));
    assert!(addresses.len() > 100, "{}", addresses.len());
    for address in addresses {
        let net = Net::default();
        net.answer("harmless.example", &[&[PUBLIC, &address.to_string()]]);
        let error = get(&net.client(open_policy()), "https://harmless.example/").await.unwrap_err();
        assert_eq!(error.refusal().map(Refusal::code), Some("address"), "{address}");
        assert_eq!(net.connected(), [], "{address}");
    }
}

/// Every vector that a `Location` header can hold, as the second hop.
#[tokio::test]
async fn refused_vectors_are_refused_as_redirects() {
    let mut tried = 0;
    for Vector { url, answers, expected } in vectors(REFUSED) {
        let is_scheme = |text: &str| {
            text.starts_with(|char: char| char.is_ascii_alphabetic()) && !text.contains('/')
        };
        let absolute = url.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme));
        let in_a_header = url.is_ascii() && !url.contains(|char: char| char.is_control());
        if !absolute || !in_a_header || url.len() > 8_000 || url.trim() != url {
            continue;
        }
        tried += 1;
        let net = net_with(&answers, &url);
        let head = format!("HTTP/1.1 307 Go\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(vec![Reply::close(head)]).await;
        net.answer("origin.example", &[&["198.100.0.1"]]);
        net.route("198.100.0.1:80", server.address());
        let mut request = aob_egress::Request::new(Method::POST, "http://origin.example/");
        request.redirects = 3;
        request.body = "secret".into();
        let error = net.client(open_policy()).send(crate::net::OURS, request).await.unwrap_err();
        assert_eq!(net.connected().len(), 1, "{url:?}");
        let code = error.refusal().map(Refusal::code);
        // A reference without a host is resolved against the first URL, so it is another one.
        let relative = expected == "malformed_url";
        assert!(relative || code == Some(expected.as_str()), "{url:?}: {error:?}");
        assert!(relative || error.sent(), "the first host has seen the request");
    }
    assert!(tried > 250, "{tried}");
}
