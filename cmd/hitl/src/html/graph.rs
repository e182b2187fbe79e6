//! Pictures of graphs, as SVG.

use maud::{Markup, html};

use crate::picture::{Line, NodeBox, Picture};

/// A picture, with its description for who does not see it.
pub(super) fn picture(it: &Picture) -> Markup {
    let (title, description) = (format!("{}-title", it.id), format!("{}-desc", it.id));
    let size = format!("0 0 {} {}", it.width, it.height);
    html! {
        div.picture tabindex="0" role="region" aria-label={ (it.title) ", picture" } {
            svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox=(size)
                width=(it.width) height=(it.height)
                aria-labelledby=(title) aria-describedby=(description)
            {
                title id=(title) { (it.title) }
                desc id=(description) { (it.description) }
                @for one in &it.lines { (edge(one)) }
                @for one in &it.boxes { (node(one)) }
                // Above everything, so that nothing hides them.
                @for one in it.lines.iter().filter(|line| !line.label.is_empty()) {
                    text class={ "way-label " (one.mark.class()) } x=(one.label_x) y=(one.label_y) {
                        (one.label)
                    }
                }
            }
        }
    }
}

fn edge(line: &Line) -> Markup {
    html! {
        g class={ "edge " (line.mark.class()) } {
            title { (line.full) }
            path.way d=(line.path) {}
            path.head d=(line.head) {}
        }
    }
}

fn node(one: &NodeBox) -> Markup {
    html! {
        g class={ "node " (one.mark.class()) } transform={ "translate(" (one.x) " " (one.y) ")" } {
            title { (one.full) }
            rect width="168" height="48" rx="8" {}
            text.name x="12" y="21" { (one.label) }
            text.kind x="12" y="38" { (one.kind) }
            @if !one.mark.badge().is_empty() {
                text.badge x="158" y="38" { (one.mark.badge()) }
            }
        }
    }
}
