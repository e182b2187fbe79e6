//! Messages for Slack's incoming webhooks: texts from elsewhere are `plain_text`, in which neither
//! markup nor mentions mean anything.

use serde_json::{Value, json};

use crate::message::Message;
use crate::text::{cut, line};

/// Characters of a question; Slack takes 3,000 in a section.
const QUESTION_CHARS: usize = 1_000;
/// Characters of a field; Slack takes 2,000.
const FIELD_CHARS: usize = 300;
/// Fields of a section, by Slack's rule.
const FIELDS_MAX: usize = 10;

/// The body of the request.
pub(crate) fn body(message: &Message) -> Value {
    let title = message.title();
    let mut blocks = vec![section(&title)];
    if let Some(brief) = &message.brief {
        let question = cut(&brief.question, QUESTION_CHARS);
        if !title.ends_with(&question) {
            blocks.push(section(&question));
        }
        let fields: Vec<Value> = message
            .lines()
            .into_iter()
            .take(FIELDS_MAX)
            .map(|(name, value)| plain_text(&format!("{name}: {}", line(&value, FIELD_CHARS))))
            .collect();
        blocks.push(json!({"type": "section", "fields": fields}));
        let link = format!("<{}|Look at it and decide>", escape(&brief.link));
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": link}}));
    }
    // What clients show where there is no room for blocks.
    json!({"text": escape(&title), "blocks": blocks})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain_text(text)})
}

fn plain_text(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// The three characters that Slack wants written out.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::message;

    #[test]
    fn a_question_mentions_nobody_and_links_nowhere() {
        let hostile = "<!channel> *now* <https://evil.example|approve> @here & `x`";
        let body = body(&message(hostile));
        let shown = body["text"].as_str().unwrap();
        assert!(!shown.contains(['<', '>']), "{shown}");
        assert!(shown.starts_with("Approval wanted: &lt;!channel&gt;"), "{shown}");
        let blocks = body["blocks"].as_array().unwrap();
        let marked: Vec<_> =
            blocks.iter().filter(|block| block["text"]["type"] == "mrkdwn").collect();
        let [link] = &marked[..] else { panic!("{blocks:?}") };
        assert_eq!(
            link["text"]["text"],
            "<https://approvals.example.com/l/x|Look at it and decide>"
        );
        assert_eq!(blocks[0]["text"]["type"], "plain_text");
        let fields = blocks.iter().find_map(|block| block["fields"].as_array()).unwrap();
        assert!(fields.iter().all(|field| field["type"] == "plain_text"));
        assert!(fields.len() <= FIELDS_MAX);
    }

    #[test]
    fn a_long_question_is_cut_and_stands_below_its_title() {
        let body = body(&message(&"why ".repeat(2_000)));
        let text = |n: usize| body["blocks"][n]["text"]["text"].as_str().unwrap().chars().count();
        assert!(text(0) < 200 && text(1) == QUESTION_CHARS + 1, "{} {}", text(0), text(1));
    }

    #[test]
    fn a_test_is_one_line() {
        let test = Message { brief: None, ..message("") };
        assert_eq!(body(&test)["blocks"].as_array().unwrap().len(), 1);
    }
}
