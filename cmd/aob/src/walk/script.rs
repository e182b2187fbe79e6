//! What the demo's agent says and does: the script that plays a model for the same example in Python.

use serde::Deserialize;
use serde_json::Value;

/// A conversation with a model.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Conversation {
    pub(super) turns: Vec<Turn>,
}

/// What the model answers to what it was told so far.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Turn {
    pub(super) text: String,
    #[serde(default)]
    pub(super) tool_calls: Vec<ToolCall>,
}

/// A tool that the model wants to use.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ToolCall {
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// The first conversation of a script.
pub(super) fn conversation(script: &str) -> serde_json::Result<Conversation> {
    let script: Vec<Conversation> = serde_json::from_str(script)?;
    Ok(script.into_iter().next().unwrap_or(Conversation { turns: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_is_refused_once_and_ends_with_an_answer() {
        let Conversation { turns } = conversation(super::super::SCRIPT).unwrap();
        let calls = turns.iter().flat_map(|turn| &turn.tool_calls);
        assert_eq!(calls.filter(|call| call.name == "propose_patch").count(), 2);
        let last = turns.last().unwrap();
        assert!(last.tool_calls.is_empty());
        assert!(serde_json::from_str::<Value>(&last.text).unwrap()["risk"].is_string());
    }
}
