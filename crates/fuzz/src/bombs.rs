//! Patches that are meant to cost more than they should: copies of copies, levels without end, numbers
//! that no number type holds, keys that stand twice.

use serde_json::{Value, json};

use crate::dice::Dice;

/// Adds operations that grow what they are applied to.
pub(crate) fn bomb(dice: &mut Dice<'_>, base: &Value, operations: &mut Vec<Value>) {
    let ids: Vec<&str> = base["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let node = format!("/nodes/{}", dice.pick(&ids).copied().unwrap_or("0"));
    // Mostly what fits; now and then what would fill any machine.
    let turns = if dice.below(40) == 0 { 60 } else { 1 + dice.below(11) };
    match dice.below(5) {
        0 => {
            // Each copy holds the ones before it.
            let into = |turn: usize| format!("{node}/config/b{turn}");
            operations.extend(
                (0..turns).map(|turn| json!({"op": "copy", "from": "/nodes", "path": into(turn)})),
            );
        }
        1 => {
            let list = format!("{node}/config/args");
            operations.push(json!({"op": "add", "path": list, "value": [["x".repeat(100)]]}));
            let copy = json!({"op": "copy", "from": list, "path": format!("{list}/-")});
            operations.extend(vec![copy; turns]);
        }
        2 => {
            let levels = dice.below(if turns == 60 { 300 } else { 60 });
            let deep = (0..levels).fold(json!(1), |inner, _| json!([inner]));
            operations
                .push(json!({"op": "add", "path": format!("{node}/config/d"), "value": deep}));
        }
        3 => {
            // Deeper with each operation.
            let mut path = format!("{node}/config/e");
            for _ in 0..turns {
                operations.push(json!({"op": "add", "path": path, "value": {}}));
                path.push_str("/e");
            }
        }
        _ => {
            let more = (0..turns * turns * turns).map(|turn| {
                let id = format!("n{turn}");
                json!({"op": "add", "path": "/nodes/-", "value": {"id": id, "type": "join"}})
            });
            operations.extend(more);
        }
    }
}

/// Puts something into the text of a patch that a parser may stumble over.
pub(crate) fn text_bomb(dice: &mut Dice<'_>, text: &mut Vec<u8>) {
    const NUMBERS: [&[u8]; 7] = [
        b"1e400",
        b"-0",
        b"-0.0",
        b"9007199254740993",
        b"18446744073709551616",
        b"1e-400",
        b"0.1000000000000000055511151231257827021181583404541015625",
    ];
    let after = |wanted: u8| text.iter().enumerate().filter(move |(_, byte)| **byte == wanted);
    let places = |wanted: u8| after(wanted).map(|(at, _)| at + 1).collect::<Vec<_>>();
    let (objects, values) = (places(b'{'), places(b':'));
    match dice.below(5) {
        0 | 1 => {
            let Some(at) = dice.pick(&values).copied() else { return };
            let number = NUMBERS[dice.below(NUMBERS.len())];
            let rest = text[at..].iter().position(|byte| b",}]".contains(byte)).unwrap_or(0);
            text.splice(at..at + rest, number.iter().copied());
        }
        2 => {
            let Some(at) = dice.pick(&objects).copied() else { return };
            let keys: [&[u8]; 4] =
                [b"\"op\":\"test\",", b"\"path\":\"/nodes/-\",", b"\"id\":\"a\",", b"\"url\":1,"];
            text.splice(at..at, keys[dice.below(keys.len())].iter().copied());
        }
        3 => {
            let Some(at) = dice.pick(&values).copied() else { return };
            let levels = [120, 130, 10_000][dice.below(3)];
            text.splice(at..at, vec![b'['; levels]);
        }
        _ => {
            let Some(at) = dice.pick(&values).copied() else { return };
            text.splice(at..at, *b"\"\\ud800\",\"x\":");
        }
    }
}
