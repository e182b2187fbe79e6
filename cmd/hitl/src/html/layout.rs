//! What stands around every page, and the pages that say one thing.

use maud::{DOCTYPE, Markup, html};

use crate::pages::Chrome;

/// A page.
pub(super) fn layout(chrome: &Chrome, title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Approvals" }
                link rel="stylesheet" href=(chrome.style());
                link rel="icon" href=(chrome.icon()) type="image/svg+xml";
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    a.brand href="/" {
                        img src=(chrome.icon()) alt="" width="28" height="28";
                        span { "Approvals" }
                    }
                    @if let Some(who) = &chrome.who {
                        form.who method="post" action="/logout" {
                            span { span.quiet { "Signed in as " } strong { (who.name) } }
                            input type="hidden" name="token" value=(who.sign_out);
                            button.plain { "Sign out" }
                        }
                    }
                }
                main #main tabindex="-1" { (main) }
            }
        }
    }
}

/// That something was not done, and what to do now.
pub(crate) fn notice(chrome: &Chrome, title: &str, text: &str, next: (&str, &str)) -> Markup {
    let main = html! {
        section.card.narrow {
            h1 { (title) }
            p { (text) }
            p { a.button href=(next.0) { (next.1) } }
        }
    };
    layout(chrome, title, &main)
}

/// The form to sign in; `ticket`: where to go on to; `error`: why the key does not do.
pub(crate) fn login(chrome: &Chrome, ticket: &str, error: Option<&str>) -> Markup {
    let described = if error.is_some() { "key-error key-help" } else { "key-help" };
    let main = html! {
        section.card.narrow {
            h1 { "Sign in" }
            @if !ticket.is_empty() {
                p { "An approval waits for you. Sign in to see it." }
            }
            form method="post" action="/login" {
                input type="hidden" name="ticket" value=(ticket);
                div.field {
                    label for="key" { "API key" }
                    p.help #key-help {
                        "It begins with " code { "aob_" } ". " code { "aob dev" }
                        " keeps yours in the file " code { "key" } " of its data directory."
                    }
                    @if let Some(error) = error {
                        p.error #key-error role="alert" { (error) }
                    }
                    input #key name="key" type="password" required autofocus
                        autocomplete="current-password" autocapitalize="none" spellcheck="false"
                        aria-describedby=(described)
                        aria-invalid=[error.is_some().then_some("true")];
                }
                button.primary { "Sign in" }
            }
        }
    };
    layout(chrome, "Sign in", &main)
}
