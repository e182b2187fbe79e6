//! Mail through a scripted server: over TLS or not at all, signed in, tried again, contained.

use std::sync::Arc;
use std::time::Duration;

use aob_egress::{Client, ClientConfig, Policy, Trust};
use aob_notify::Mailer;
use aob_store::DeliveryRow;

use crate::receiver::Names;
use crate::smtp::{MailServer, Manner};
use crate::world::{HOME, World};

/// What became of one mail, sent through `server` as `url` says.
async fn sent(server: &MailServer, url: &str, wait: Duration) -> DeliveryRow {
    let world = World::new().await;
    world.endpoint(HOME, "ep_a", "email", "ada@example.com,bob@example.com").await;
    let url = url.parse().expect("a server");
    let root = server.root_pem.clone().into_bytes();
    let from = "Approvals <aob@ok.example>";
    let mailer = Mailer::new(url, "s3cret".to_owned(), from).expect("a mailer");
    let http = Client::new(ClientConfig {
        resolver: Arc::new(Names),
        connector: Arc::new(server.clone()),
        trust: Trust { system: false, extra_roots_pem: root },
        policy: Policy::default(),
    });
    let _notifier = world.notifier_with(http, Some(mailer));
    world.ask(HOME, "msg_1", "ep_a").await;
    tokio::time::sleep(wait).await;
    world.one(HOME, "msg_1").await
}

const SOON: Duration = Duration::from_secs(4);

#[tokio::test(start_paused = true)]
async fn a_mail_goes_over_tls_and_says_what_the_ticket_asks() {
    let cases =
        [(Manner::StartTls, "smtp://aob@mail.example"), (Manner::Tls, "smtps://aob@mail.example")];
    for (manner, url) in cases {
        let server = MailServer::new(manner);
        let row = sent(&server, url, SOON).await;
        assert_eq!((&*row.status, row.error), ("delivered", None), "{url}");
        let lines = server.lines();
        let place = |what: &str| lines.iter().position(|line| line.starts_with(what));
        if manner == Manner::StartTls {
            assert!(
                place("(TLS)") < place("AUTH") && place("STARTTLS") < place("(TLS)"),
                "{lines:?}"
            );
        }
        let wanted = [
            "AUTH PLAIN",
            "MAIL FROM:<aob@ok.example>",
            "RCPT TO:<ada@example.com>",
            "RCPT TO:<bob@example.com>",
            "DATA",
            "QUIT",
        ];
        assert!(wanted.iter().all(|what| place(what).is_some()), "{lines:?}");
        let mail = lines.iter().find(|line| line.contains("Subject: ")).expect("a mail");
        assert!(mail.contains("Subject: Approval wanted: Pay? <!channel>\r\n"), "{mail}");
        assert!(mail.contains("Message-ID: <msg_1@ok.example>\r\n"), "{mail}");
        assert!(mail.contains("https://ok.example/l/x"), "{mail}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_nothing_is_said_unless_that_was_asked_for() {
    let server = MailServer::new(Manner::Plain);
    let row = sent(&server, "smtp://aob@mail.example", SOON).await;
    assert_eq!(row.status, "pending");
    assert_eq!(row.error.as_deref(), Some("the mail server offers no TLS"));
    assert!(
        !server.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL"))
    );
    let server = MailServer::new(Manner::Plain);
    let row = sent(&server, "smtp+plain://mail.example:2525", SOON).await;
    assert_eq!(row.status, "delivered");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_with_a_certificate_of_its_own_gets_nothing() {
    let (server, stranger) = (MailServer::new(Manner::StartTls), MailServer::new(Manner::StartTls));
    let stranger = stranger.claiming_to_be(&server);
    let row = sent(&stranger, "smtp://aob@mail.example", SOON).await;
    assert_eq!(row.status, "pending");
    assert!(
        !stranger.lines().iter().any(|line| line.starts_with("AUTH")),
        "{:?}",
        stranger.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn a_mail_that_is_not_taken_is_sent_again() {
    let server = MailServer::new(Manner::Tls);
    server.refuse(["451 later", "550 nobody"]);
    let row = sent(&server, "smtps://mail.example", SOON).await;
    assert_eq!((&*row.status, row.attempts), ("pending", 1));
    let why = row.error.unwrap();
    assert!(why.starts_with("mail: ") && why.contains("451"), "{why}");
    let server = MailServer::new(Manner::Tls);
    server.refuse(["451 later", "550 nobody"]);
    let row = sent(&server, "smtps://mail.example", Duration::from_secs(60)).await;
    assert_eq!((&*row.status, row.attempts), ("delivered", 3));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_left() {
    let row = sent(&MailServer::new(Manner::Silent), "smtps://mail.example", SOON * 10).await;
    assert_eq!(row.status, "pending");
    assert!(row.error.is_some());
}
