//! Which connections are used again, and which never.

use aob_egress::{Allow, Client, EgressError, Policy, Request};
use http::Method;

use crate::net::{Net, OURS, get};
use crate::server::{Reply, Server};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn serve(replies: Vec<Reply>) -> (Server, Client) {
    let server = Server::start(replies).await;
    let net = Net::default();
    net.route(&server.address().to_string(), server.address());
    let allow: Allow = server.url("").parse().unwrap();
    (server, net.client(Policy::only(allow)))
}

#[tokio::test]
async fn requests_of_one_workspace_share_a_connection() {
    let (server, client) = serve(vec![Reply::keep(OK); 5]).await;
    for _ in 0..5 {
        assert_eq!(get(&client, &server.url("/")).await.unwrap().body, "ok");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn workspaces_share_nothing() {
    let (server, client) = serve(vec![Reply::keep(OK); 6]).await;
    for workspace in [[1; 16], [2; 16], [3; 16], [1; 16], [2; 16], [3; 16]] {
        let request = Request::new(Method::GET, server.url("/"));
        client.send(workspace, request).await.unwrap();
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn what_must_not_be_repeated_gets_a_connection_of_its_own() {
    let (server, client) = serve(vec![Reply::keep(OK); 3]).await;
    get(&client, &server.url("/")).await.unwrap();
    client.send(OURS, Request::new(Method::POST, server.url("/"))).await.unwrap();
    let mut request = Request::new(Method::GET, server.url("/"));
    request.repeatable = false;
    client.send(OURS, request).await.unwrap();
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_connection_that_the_server_closes_is_not_kept() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    for first in [Reply::close(OK), Reply::keep(closing), Reply::close("HTTP/1.1 200 OK\r\n\r\nok")]
    {
        let (server, client) = serve(vec![first, Reply::keep(OK)]).await;
        for _ in 0..2 {
            assert_eq!(get(&client, &server.url("/")).await.unwrap().body, "ok");
        }
        assert_eq!(server.connections(), 2);
    }
}

/// The server takes the second request on the kept connection and dies without an answer.
#[tokio::test]
async fn a_kept_connection_that_dies_is_replaced_once() {
    let (server, client) = serve(vec![Reply::keep(OK), Reply::close(""), Reply::keep(OK)]).await;
    for _ in 0..2 {
        assert_eq!(get(&client, &server.url("/")).await.unwrap().body, "ok");
    }
    assert_eq!((server.connections(), server.requests().len()), (2, 3));

    let replies = vec![Reply::keep(OK), Reply::close(""), Reply::close(""), Reply::keep(OK)];
    let (server, client) = serve(replies).await;
    get(&client, &server.url("/")).await.unwrap();
    let error = get(&client, &server.url("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Lost { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_body_that_was_not_read_closes_its_connection() {
    let (server, client) = serve(vec![Reply::keep(OK); 2]).await;
    let request = Request::new(Method::GET, server.url("/"));
    drop(client.send_streaming(OURS, request, 1_000).await.unwrap());
    get(&client, &server.url("/")).await.unwrap();
    assert_eq!(server.connections(), 2);
    let encodings = ["accept-encoding: identity", "accept-encoding: gzip"];
    for (request, encoding) in server.requests().iter().zip(encodings) {
        assert!(request.contains(encoding), "a stream is not held up by a decoder: {request}");
    }
}
