//! What every page has to be: well formed, usable without sight and without a script, and free of
//! whatever the content security policy would refuse.

use std::collections::BTreeSet;

/// Elements without an end.
const VOID: [&str; 6] = ["meta", "link", "img", "input", "br", "hr"];

/// A tag with its attributes.
#[derive(Debug, Clone)]
struct Tag<'h> {
    name: &'h str,
    attributes: Vec<(&'h str, &'h str)>,
    closes: bool,
    closed: bool,
}

impl Tag<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

fn tags(html: &str) -> Vec<Tag<'_>> {
    let mut rest = html;
    let mut found = Vec::new();
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a tag ends");
        let inside = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if inside.starts_with('!') {
            continue;
        }
        let closes = inside.starts_with('/');
        let closed = inside.ends_with('/');
        let inside = inside.trim_matches('/');
        let (name, attributes) = inside.split_once([' ', '\n']).unwrap_or((inside, ""));
        found.push(Tag { name, attributes: attributes_of(attributes), closes, closed });
    }
    found
}

fn attributes_of(text: &str) -> Vec<(&str, &str)> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ', '\n']).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let mut value = "";
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inside, after) = quoted.split_once('"').expect("an attribute is quoted");
            (value, rest) = (inside, after);
        }
        found.push((name, value));
        rest = rest.trim_start();
    }
    found
}

/// Panics where a page is not what every page has to be.
pub(crate) fn check(path: &str, html: &str) {
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{path}: {html}");
    let tags = tags(html);
    let mut open = Vec::new();
    for tag in &tags {
        if tag.closes {
            assert_eq!(open.pop(), Some(tag.name), "{path}: tags are nested");
        } else if !tag.closed && !VOID.contains(&tag.name) {
            open.push(tag.name);
        }
    }
    assert!(open.is_empty(), "{path}: {open:?} are not closed");
    check_names(path, &tags);
    check_policy(path, &tags);
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name && !tag.closes).count();
    assert_eq!((count("h1"), count("main"), count("title") > 0), (1, 1, true), "{path}");
    assert!(tags.iter().any(|tag| tag.get("name") == Some("viewport")), "{path}: for phones");
}

/// Ids are unique, what refers to one finds it, and everything that is filled in has a name.
fn check_names(path: &str, tags: &[Tag<'_>]) {
    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| tag.get("id")) {
        assert!(ids.insert(id), "{path}: two have the id {id}");
    }
    for tag in tags.iter().filter(|tag| !tag.closes) {
        for name in ["for", "aria-describedby", "aria-labelledby"] {
            let named = tag.get(name).unwrap_or_default().split_whitespace();
            for id in named {
                assert!(ids.contains(id), "{path}: nothing has the id {id}");
            }
        }
        let href = tag.get("href").and_then(|href| href.strip_prefix('#'));
        assert!(href.is_none_or(|id| ids.contains(id)), "{path}: {href:?} leads nowhere");
    }
    let labelled: BTreeSet<&str> = tags.iter().filter_map(|tag| tag.get("for")).collect();
    let mut in_label = false;
    for tag in tags {
        in_label = if tag.name == "label" { !tag.closes } else { in_label };
        let hidden = tag.get("type") == Some("hidden");
        if matches!(tag.name, "input" | "select" | "textarea") && !tag.closes && !hidden {
            let named = tag.get("id").is_some_and(|id| labelled.contains(id));
            assert!(named || in_label, "{path}: {tag:?} has no label");
        }
        if tag.name == "img" {
            assert!(tag.get("alt").is_some(), "{path}: {tag:?} says nothing");
        }
        if tag.name == "svg" && !tag.closes {
            assert_eq!(tag.get("role"), Some("img"), "{path}");
            assert!(tag.get("aria-labelledby").is_some(), "{path}");
        }
    }
}

/// Nothing that needs a script, an inline style, or another site.
fn check_policy(path: &str, tags: &[Tag<'_>]) {
    for tag in tags {
        let refused = ["script", "style", "iframe", "object", "embed", "base", "foreignObject"];
        assert!(!refused.contains(&tag.name), "{path}: {tag:?}");
        for (name, value) in &tag.attributes {
            assert!(!name.starts_with("on") && *name != "style", "{path}: {tag:?}");
            if matches!(*name, "href" | "src" | "action") {
                let ours = value.starts_with('/') && !value.starts_with("//");
                assert!(ours || value.starts_with('#'), "{path}: {tag:?}");
            }
        }
        if tag.name == "form" && !tag.closes {
            assert_eq!(tag.get("method"), Some("post"), "{path}");
        }
    }
}
