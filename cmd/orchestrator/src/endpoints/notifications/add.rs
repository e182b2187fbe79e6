//! `POST /v1/notifications/endpoints`.

use aob_api::{
    AddEndpoint, AddedEndpoint, EndpointKind, ErrorCode, NotificationEvent, Problem, ProblemItem,
};
use aob_coordinator::ENDPOINTS_MAX;
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use aob_notify::{Secret, TargetError, check_url, line};
use aob_store::EndpointRow;
use axum::Json;
use axum::extract::State;
use http::{StatusCode, Uri};

use super::endpoint_view;
use crate::api::{Api, Parts, tenant};

/// Addresses of one endpoint.
const ADDRESSES_MAX: usize = 20;
/// Roles and people of one endpoint.
const APPROVERS_MAX: usize = 20;
/// Characters of a name, of an endpoint or of an approver.
const NAME_CHARS_MAX: usize = 64;

/// Adds somebody who is told of tickets: a webhook, a channel of Slack, or addresses of mail. Where a
/// URL leads is judged now, and again whenever something is sent. The secret that messages of a
/// webhook are signed with is shown once, so this cannot be repeated.
#[utoipa::path(
    post, path = "/v1/notifications/endpoints", tag = "notifications",
    operation_id = "notifications_endpoints_add",
    request_body = AddEndpoint,
    responses(
        (status = 201, body = AddedEndpoint),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    uri: Uri,
    body: JsonBody<AddEndpoint>,
) -> Answer<(StatusCode, Json<AddedEndpoint>)> {
    Query::of(&uri, &[])?;
    let asked = body.value;
    let target = api.judge(&asked)?;
    let workspace = tenant(&caller);
    let there = api.store.endpoints(workspace, None, ENDPOINTS_MAX).await?;
    if there.len() >= ENDPOINTS_MAX as usize {
        let detail = format!("a workspace has at most {ENDPOINTS_MAX} endpoints");
        let hint = "remove one first: `DELETE /v1/notifications/endpoints/{endpoint}`";
        return Err(Problem::new(ErrorCode::LimitExceeded, detail).with_hint(hint).into());
    }
    let row = EndpointRow {
        id: format!("ep_{}", api.random_hex()),
        name: asked.name.unwrap_or_else(|| name_of(asked.kind, &target)),
        kind: asked.kind.as_str().to_owned(),
        target,
        events: asked.events.iter().map(|event| event.as_str().to_owned()).collect(),
        approvers: asked.approvers,
        disabled: None,
        actor: caller.actor().to_string(),
        created_ms: api.now_ms(),
    };
    let key = api.notifications.key(caller.workspace()).await?;
    api.store.endpoint_put(workspace, &row).await?;
    let secret = match asked.kind {
        EndpointKind::Webhook => Some(Secret::of_endpoint(&key, &row.id).reveal()),
        EndpointKind::Slack | EndpointKind::Email => None,
    };
    Ok((StatusCode::CREATED, Json(AddedEndpoint { endpoint: endpoint_view(row)?, secret })))
}

/// What an endpoint is called where nobody says it: its host, or its first address.
fn name_of(kind: EndpointKind, target: &str) -> String {
    let name = match kind {
        EndpointKind::Webhook | EndpointKind::Slack => {
            let host = url::Url::parse(target).ok();
            host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
        }
        EndpointKind::Email => target.split(',').next().unwrap_or_default().to_owned(),
    };
    line(&name, NAME_CHARS_MAX)
}

impl Parts {
    /// Where messages are to go, if all that is asked for is possible.
    fn judge(&self, asked: &AddEndpoint) -> Result<String, Refusal> {
        let mut wrong = Vec::new();
        let target = match (asked.kind, &asked.url) {
            (EndpointKind::Webhook | EndpointKind::Slack, Some(url)) => {
                wrong.extend(check_url(&self.egress, url).err().map(|error| refused(&error)));
                url.clone()
            }
            (EndpointKind::Webhook | EndpointKind::Slack, None) => {
                let message = format!("a `{}` needs a `url`", asked.kind.as_str());
                let example = serde_json::json!("https://hooks.example.com/approvals");
                wrong.push(ProblemItem::at("/url", "required", message).with_example(&example));
                String::new()
            }
            (EndpointKind::Email, _) => {
                wrong.extend(self.judge_mail(asked));
                asked.to.join(",")
            }
        };
        match asked.kind {
            EndpointKind::Webhook | EndpointKind::Slack if !asked.to.is_empty() => {
                wrong.push(invalid("/to", "only an `email` has addresses"));
            }
            EndpointKind::Email if asked.url.is_some() => {
                wrong.push(invalid("/url", "an `email` has addresses in `to`, and no URL"));
            }
            EndpointKind::Webhook | EndpointKind::Slack | EndpointKind::Email => {}
        }
        wrong.extend(judge_words(asked));
        match wrong.first() {
            None => Ok(target),
            Some(first) => Err(Problem::new(ErrorCode::InvalidRequest, first.message.clone())
                .with_errors(wrong)
                .into()),
        }
    }

    fn judge_mail(&self, asked: &AddEndpoint) -> Vec<ProblemItem> {
        if !self.sends_mail {
            let hint = "its operator has to name an SMTP server; a webhook or Slack need none";
            return vec![invalid("/kind", "this server sends no mail").with_hint(hint)];
        }
        let count = asked.to.len();
        if count == 0 || count > ADDRESSES_MAX {
            return vec![invalid("/to", format!("give 1 to {ADDRESSES_MAX} addresses"))];
        }
        let bad = asked.to.iter().enumerate().filter(|(_, address)| !is_address(address));
        let item = |(at, _)| invalid(&format!("/to/{at}"), "this is no address: write NAME@HOST");
        bad.map(item).collect()
    }
}

/// A plain address: no display name, no quoting, nothing that could be two.
fn is_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"\"(),:;<>@[\\]".contains(c);
    let Some((name, host)) = text.split_once('@') else { return false };
    let name_fits = (1..=64).contains(&name.len()) && name.chars().all(plain);
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && !label.starts_with('-') && label.chars().all(inner)
    };
    name_fits && host.len() <= 253 && host.split('.').all(label)
}

/// What is wrong with names, roles and events.
fn judge_words(asked: &AddEndpoint) -> Vec<ProblemItem> {
    let mut wrong = Vec::new();
    let fits = |text: &str| {
        !text.is_empty()
            && text.chars().count() <= NAME_CHARS_MAX
            && line(text, NAME_CHARS_MAX) == text
    };
    if asked.name.as_deref().is_some_and(|name| !fits(name)) {
        let message = format!("a name is one line of 1 to {NAME_CHARS_MAX} characters");
        wrong.push(invalid("/name", message));
    }
    if asked.approvers.len() > APPROVERS_MAX {
        wrong.push(invalid("/approvers", format!("name at most {APPROVERS_MAX}")));
    }
    for (at, _) in asked.approvers.iter().enumerate().filter(|(_, word)| !fits(word)) {
        let message = format!("a role, group or name has 1 to {NAME_CHARS_MAX} characters");
        wrong.push(invalid(&format!("/approvers/{at}"), message));
    }
    if let Some(at) = asked.events.iter().position(|event| *event == NotificationEvent::Test) {
        let message = "a test is sent to who is tested, and to nobody else";
        wrong.push(invalid(&format!("/events/{at}"), message));
    }
    wrong
}

fn invalid(pointer: &str, message: impl Into<String>) -> ProblemItem {
    ProblemItem::at(pointer, "invalid_value", message)
}

fn refused(error: &TargetError) -> ProblemItem {
    let hint = match error {
        TargetError::Fragment => "leave the fragment out",
        TargetError::Refused(_) => {
            "give a public https URL; what is private has to be listed by the server's operator \
             (`notify.allow`, or `aob dev --allow-host`)"
        }
    };
    invalid("/url", error.to_string()).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_is_one_address() {
        let cases = [
            ("ada@example.com", true),
            ("ops+approvals@mail.example.co.uk", true),
            ("root@localhost", true),
            ("ada@example.com,eve@example.com", false),
            ("ada@example.com\r\nBcc: eve@example.com", false),
            ("Ada <ada@example.com>", false),
            ("\"a b\"@example.com", false),
            ("@example.com", false),
            ("ada@", false),
            ("ada@@example.com", false),
            ("ada@-x.com", false),
            ("ada@a..b", false),
            ("ada", false),
            ("", false),
        ];
        for (text, is) in cases {
            assert_eq!(is_address(text), is, "{text}");
        }
    }
}
