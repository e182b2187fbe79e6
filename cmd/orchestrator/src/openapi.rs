//! The OpenAPI document, from the code.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::endpoints::{
    approvals, artifacts, keys, meta, notifications, optimizer, patches, runners, runs, tags,
    webhooks, workflows,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "aob",
        description = "Runs workflows: an append-only log per run, and everything derived from it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("api_key" = [])),
    paths(
        approvals::decide::handle,
        approvals::get::handle,
        approvals::list::handle,
        artifacts::get::handle,
        artifacts::put::handle,
        keys::create::handle,
        keys::list::handle,
        keys::revoke::handle,
        meta::healthz::handle,
        meta::openapi::handle,
        meta::readyz::handle,
        notifications::add::handle,
        notifications::deliveries::handle,
        notifications::enable::handle,
        notifications::list::handle,
        notifications::remove::handle,
        notifications::test::handle,
        optimizer::add::handle,
        optimizer::enable::disable,
        optimizer::enable::handle,
        optimizer::list::handle,
        patches::diff::handle,
        patches::get::handle,
        patches::list::handle,
        patches::propose::alias,
        patches::propose::handle,
        patches::revert::handle,
        patches::withdraw::handle,
        runners::budget::reserve,
        runners::budget::settle,
        runners::claim::handle,
        runners::heartbeat::handle,
        runners::lease::handle,
        runners::result::handle,
        runs::batch::handle,
        runs::cancel::handle,
        runs::events::handle,
        runs::explain::handle,
        runs::fail::handle,
        runs::get::handle,
        runs::graph::handle,
        runs::list::handle,
        runs::pause::handle,
        runs::resume::handle,
        runs::budget::handle,
        runs::retry::handle,
        runs::signal::handle,
        webhooks::show::handle,
        webhooks::deliver::handle,
        runs::skip::handle,
        runs::start::handle,
        runs::succeed::handle,
        runs::timeline::handle,
        runs::verify::handle,
        tags::canary::handle,
        tags::get::handle,
        tags::history::handle,
        tags::list::handle,
        tags::moves::handle,
        tags::undo::redo,
        tags::undo::handle,
        workflows::create::handle,
        workflows::diff::handle,
        workflows::get::handle,
        workflows::list::handle,
        workflows::patches::get::handle,
        workflows::patches::list::handle,
        workflows::patches::propose::handle,
        workflows::validate::handle,
        workflows::versions::handle,
    ),
    components(schemas(aob_api::Problem))
)]
struct Document;

/// The document that `GET /openapi.json` answers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("aob_...").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    document
}
