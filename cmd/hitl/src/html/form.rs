//! Forms and their fields.

use maud::{Markup, html};

use crate::form::{Choice, Edits, Field, Form, Kind};

/// What a ticket asks to be filled in.
pub(super) fn answers(form: &Form) -> Markup {
    html! {
        fieldset.answers {
            legend { (form.title().unwrap_or("Your answers")) }
            p.help {
                "They are sent with an approval. What is marked with * has to be filled in."
            }
            @for error in &form.errors { p.error { (error) } }
            @for one in &form.fields { (field(one)) }
        }
    }
}

/// What may be changed before it is approved.
pub(super) fn edits(edits: &Edits) -> Markup {
    let wrong = edits.fields.iter().any(|field| field.error.is_some());
    html! {
        @if !edits.fields.is_empty() {
            details open[wrong] {
                summary { "Change something before you approve" }
                fieldset.answers {
                    legend { "What may be changed" }
                    p.help {
                        "If you change something here and approve, what you made of it is checked anew and \
                         approved instead. Both versions stay in the log, with your name."
                    }
                    @for one in &edits.fields { (field(one)) }
                }
            }
        }
        @if edits.more {
            p.quiet { "More may be edited than is shown here: " code { "aob approve --edit" } "." }
        }
    }
}

/// What is wrong, with ways to where it is.
pub(super) fn errors<'f>(fields: impl Iterator<Item = &'f Field>) -> Markup {
    html! {
        ul {
            @for field in fields.filter(|field| field.error.is_some()) {
                li { a href={ "#" (id(field)) } { (field.label) } ": " (field.error_text()) }
            }
        }
    }
}

fn id(field: &Field) -> String {
    format!("field-{}", field.number)
}

fn field(field: &Field) -> Markup {
    match &field.kind {
        Kind::Truth => truth(field),
        Kind::Line { kind, max_chars } => labelled(field, &line(field, kind, *max_chars)),
        Kind::Lines { max_chars } => labelled(field, &lines(field, *max_chars)),
        Kind::Number { whole, min, max } => {
            labelled(field, &number(field, *whole, (min.as_deref(), max.as_deref())))
        }
        Kind::Choice(choices) => labelled(field, &choice(field, choices)),
        Kind::Json => labelled(field, &json(field)),
    }
}

fn labelled(field: &Field, control: &Markup) -> Markup {
    html! {
        div.field {
            label for=(id(field)) {
                (field.label) @if field.required { " " span.star aria-hidden="true" { "*" } }
            }
            (around(field))
            (control)
        }
    }
}

/// What stands between a field's label and the field.
fn around(field: &Field) -> Markup {
    html! {
        @if let Some(help) = &field.help { p.help id={ "help-" (field.number) } { (help) } }
        @if let Some(error) = &field.error { p.error id={ "error-" (field.number) } { (error) } }
    }
}

fn described(field: &Field) -> Option<String> {
    Some(field.described_by()).filter(|named| !named.is_empty())
}

fn invalid(field: &Field) -> Option<&'static str> {
    field.error.is_some().then_some("true")
}

fn line(field: &Field, kind: &str, max_chars: Option<u64>) -> Markup {
    html! {
        input id=(id(field)) name=(field.name()) type=(kind) value=(field.text)
            maxlength=[max_chars] required[field.required]
            aria-describedby=[described(field)] aria-invalid=[invalid(field)];
    }
}

/// A line break behind the tag is not part of the text: without it the text's own would be lost.
fn lines(field: &Field, max_chars: Option<u64>) -> Markup {
    html! {
        textarea id=(id(field)) name=(field.name()) rows="3"
            maxlength=[max_chars] required[field.required]
            aria-describedby=[described(field)] aria-invalid=[invalid(field)]
        { "\n" (field.text) }
    }
}

fn json(field: &Field) -> Markup {
    html! {
        textarea.code id=(id(field)) name=(field.name()) rows="6" spellcheck="false"
            required[field.required]
            aria-describedby=[described(field)] aria-invalid=[invalid(field)]
        { "\n" (field.text) }
        p.help { "Give JSON." }
    }
}

/// Not `type=number`: there, what is no number never reaches the server, and a wheel changes it.
fn number(field: &Field, whole: bool, (min, max): (Option<&str>, Option<&str>)) -> Markup {
    html! {
        @if min.is_some() || max.is_some() {
            p.help {
                @if let Some(min) = min { "At least " (min) ". " }
                @if let Some(max) = max { "At most " (max) "." }
            }
        }
        input id=(id(field)) name=(field.name()) type="text" value=(field.text)
            inputmode=(if whole { "numeric" } else { "decimal" }) required[field.required]
            aria-describedby=[described(field)] aria-invalid=[invalid(field)];
    }
}

fn choice(field: &Field, choices: &[Choice]) -> Markup {
    html! {
        select id=(id(field)) name=(field.name()) required[field.required]
            aria-describedby=[described(field)] aria-invalid=[invalid(field)]
        {
            option value="" { (if field.required { "Choose one" } else { "Not given" }) }
            @for one in choices {
                option value=(one.json) selected[field.is(&one.json)] { (one.label) }
            }
        }
    }
}

fn truth(field: &Field) -> Markup {
    let option = |id: Option<String>, value: &str, text: &str| {
        html! {
            label.option {
                input type="radio" id=[id] name=(field.name()) value=(value)
                    checked[field.is(value)] required[field.required];
                " " (text)
            }
        }
    };
    html! {
        fieldset.field.choice aria-describedby=[described(field)] {
            legend {
                (field.label)
                @if field.required {
                    " " span.star aria-hidden="true" { "*" } span.unseen { " (required)" }
                }
            }
            (around(field))
            (option(Some(id(field)), "true", "Yes"))
            (option(None, "false", "No"))
            @if !field.required { (option(None, "", "Not given")) }
        }
    }
}
