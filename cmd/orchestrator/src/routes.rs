//! The one table of routes: method, path, permission, size of body, endpoint.

use aob_api::{ErrorCode, Problem};
use aob_edge::{BODY_BYTES_MAX, Gate, Permission, Refusal, Shell};
use aob_materializer::Budget;
use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use crate::api::Api;
use crate::endpoints::{
    approvals, artifacts, keys, meta, notifications, optimizer, patches, runners, runs, tags,
    webhooks, workflows,
};

/// Bytes of a body that may hold a document, or a long value.
const LARGE_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of a body with a module of the optimizer, in base64.
const MODULE_BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Bytes of an agent's body: its largest patch, and what stands around it.
const AGENT_BODY_BYTES_MAX: usize = Budget::AGENT.patch_bytes + 8 * 1024;

/// Declares [`Operation`] and the router from one table.
macro_rules! operations {
    ($($name:ident: $method:ident $path:literal, $permission:expr, $body:expr, $handler:path;)+) => {
        /// Everything that the API can be asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($method), " /v1", $path, "`.")] $name,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its method.
            pub fn method(self) -> &'static str {
                match self { $(Self::$name => stringify!($method),)+ }
            }

            /// Its path behind the version prefix, with parameters in braces.
            pub fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// What a caller needs; `None`: everybody may.
            pub fn permission(self) -> Option<Permission> {
                match self { $(Self::$name => $permission,)+ }
            }

            /// Bytes of its body at most.
            pub fn body_bytes_max(self) -> usize {
                match self { $(Self::$name => $body,)+ }
            }
        }

        /// The routes of the API, each with and without the version prefix.
        pub fn router(api: Api) -> Router {
            let mut router = Router::new();
            for prefix in ["/v1", ""] {
                $(router = mount(router, &api, prefix, Operation::$name, $handler);)+
            }
            router
                .fallback(nothing_here)
                .method_not_allowed_fallback(not_allowed)
                .layer(from_fn_with_state(api.shell.clone(), Shell::wrap))
                .with_state(api)
        }
    };
}

fn mount<T: 'static>(
    router: Router<Api>,
    api: &Api,
    prefix: &str,
    operation: Operation,
    handler: impl Handler<T, Api>,
) -> Router<Api> {
    let gate = Gate {
        authenticator: std::sync::Arc::clone(&api.authenticator),
        permission: operation.permission(),
        body_bytes_max: operation.body_bytes_max(),
        agent_body_bytes_max: AGENT_BODY_BYTES_MAX,
    };
    let method = match operation.method() {
        "GET" => MethodFilter::GET,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::POST,
    };
    let endpoint = on(method, handler).layer(from_fn_with_state(gate, Gate::pass));
    router.route(&format!("{prefix}{}", operation.path()), endpoint)
}

use Permission as May;

operations! {
    ApprovalsDecide: POST "/approvals/{ticket}/decision", Some(May::ApprovalsDecide), BODY_BYTES_MAX, approvals::decide::handle;
    ApprovalsGet: GET "/approvals/{ticket}", Some(May::ApprovalsRead), 0, approvals::get::handle;
    ApprovalsList: GET "/approvals", Some(May::ApprovalsRead), 0, approvals::list::handle;
    ArtifactsGet: GET "/artifacts/{digest}", Some(May::ArtifactsRead), 0, artifacts::get::handle;
    ArtifactsPut: PUT "/artifacts/{digest}", Some(May::ArtifactsWrite), LARGE_BODY_BYTES_MAX, artifacts::put::handle;
    KeysCreate: POST "/keys", Some(May::KeysManage), BODY_BYTES_MAX, keys::create::handle;
    KeysList: GET "/keys", Some(May::KeysManage), 0, keys::list::handle;
    KeysRevoke: DELETE "/keys/{key}", Some(May::KeysManage), 0, keys::revoke::handle;
    MetaHealth: GET "/healthz", None, 0, meta::healthz::handle;
    MetaOpenapi: GET "/openapi.json", None, 0, meta::openapi::handle;
    MetaReady: GET "/readyz", None, 0, meta::readyz::handle;
    NotificationsDeliveriesList: GET "/notifications/deliveries", Some(May::NotificationsRead), 0, notifications::deliveries::handle;
    NotificationsEndpointsAdd: POST "/notifications/endpoints", Some(May::NotificationsManage), BODY_BYTES_MAX, notifications::add::handle;
    NotificationsEndpointsEnable: POST "/notifications/endpoints/{endpoint}/enable", Some(May::NotificationsManage), BODY_BYTES_MAX, notifications::enable::handle;
    NotificationsEndpointsList: GET "/notifications/endpoints", Some(May::NotificationsRead), 0, notifications::list::handle;
    NotificationsEndpointsRemove: DELETE "/notifications/endpoints/{endpoint}", Some(May::NotificationsManage), 0, notifications::remove::handle;
    NotificationsEndpointsTest: POST "/notifications/endpoints/{endpoint}/test", Some(May::NotificationsManage), BODY_BYTES_MAX, notifications::test::handle;
    OptimizerModulesAdd: POST "/optimizer/modules", Some(May::ModulesManage), MODULE_BODY_BYTES_MAX, optimizer::add::handle;
    OptimizerModulesDisable: POST "/optimizer/modules/{digest}/disable", Some(May::ModulesManage), BODY_BYTES_MAX, optimizer::enable::disable;
    OptimizerModulesEnable: POST "/optimizer/modules/{digest}/enable", Some(May::ModulesManage), BODY_BYTES_MAX, optimizer::enable::handle;
    OptimizerModulesList: GET "/optimizer/modules", Some(May::WorkflowsRead), 0, optimizer::list::handle;
    RunnersClaim: POST "/runners/claim", Some(May::JobsExecute), BODY_BYTES_MAX, runners::claim::handle;
    RunnersHeartbeat: POST "/runners/heartbeat", Some(May::JobsExecute), BODY_BYTES_MAX, runners::heartbeat::handle;
    RunnersLease: POST "/runners/lease", Some(May::JobsExecute), BODY_BYTES_MAX, runners::lease::handle;
    RunnersReserve: POST "/runners/reserve", Some(May::JobsExecute), BODY_BYTES_MAX, runners::budget::reserve;
    RunnersResult: POST "/runners/result", Some(May::JobsExecute), BODY_BYTES_MAX, runners::result::handle;
    RunnersSettle: POST "/runners/settle", Some(May::JobsExecute), BODY_BYTES_MAX, runners::budget::settle;
    RunsBatch: POST "/runs:batch", Some(May::RunsStart), LARGE_BODY_BYTES_MAX, runs::batch::handle;
    RunsBudgetRaise: POST "/runs/{run}/budget", Some(May::RunsRepair), BODY_BYTES_MAX, runs::budget::handle;
    RunsCancel: POST "/runs/{run}/cancel", Some(May::RunsControl), BODY_BYTES_MAX, runs::cancel::handle;
    RunsEvents: GET "/runs/{run}/events", Some(May::RunsRead), 0, runs::events::handle;
    RunsExplain: GET "/runs/{run}/explain", Some(May::RunsRead), 0, runs::explain::handle;
    RunsFail: POST "/runs/{run}/fail", Some(May::RunsRepair), BODY_BYTES_MAX, runs::fail::handle;
    RunsGet: GET "/runs/{run}", Some(May::RunsRead), 0, runs::get::handle;
    RunsGraph: GET "/runs/{run}/graph", Some(May::RunsRead), 0, runs::graph::handle;
    RunsList: GET "/runs", Some(May::RunsRead), 0, runs::list::handle;
    RunsPatch: POST "/runs/{run}/patch", Some(May::RunsPatch), LARGE_BODY_BYTES_MAX, patches::propose::alias;
    RunsPatchesDiff: GET "/runs/{run}/patches/{patch}/diff", Some(May::RunsRead), 0, patches::diff::handle;
    RunsPatchesGet: GET "/runs/{run}/patches/{patch}", Some(May::RunsRead), 0, patches::get::handle;
    RunsPatchesList: GET "/runs/{run}/patches", Some(May::RunsRead), 0, patches::list::handle;
    RunsPatchesPropose: POST "/runs/{run}/patches", Some(May::RunsPatch), LARGE_BODY_BYTES_MAX, patches::propose::handle;
    RunsPatchesRevert: POST "/runs/{run}/patches/{patch}/revert", Some(May::RunsPatch), BODY_BYTES_MAX, patches::revert::handle;
    RunsPatchesWithdraw: POST "/runs/{run}/patches/{patch}/withdraw", Some(May::RunsPatch), BODY_BYTES_MAX, patches::withdraw::handle;
    RunsPause: POST "/runs/{run}/pause", Some(May::RunsControl), BODY_BYTES_MAX, runs::pause::handle;
    RunsResume: POST "/runs/{run}/resume", Some(May::RunsControl), BODY_BYTES_MAX, runs::resume::handle;
    RunsRetry: POST "/runs/{run}/retry", Some(May::RunsRepair), BODY_BYTES_MAX, runs::retry::handle;
    RunsSignal: POST "/runs/{run}/signals/{name}", Some(May::RunsControl), BODY_BYTES_MAX, runs::signal::handle;
    RunsSkip: POST "/runs/{run}/skip", Some(May::RunsRepair), BODY_BYTES_MAX, runs::skip::handle;
    RunsStart: POST "/runs", Some(May::RunsStart), LARGE_BODY_BYTES_MAX, runs::start::handle;
    RunsSucceed: POST "/runs/{run}/succeed", Some(May::RunsRepair), BODY_BYTES_MAX, runs::succeed::handle;
    RunsTimeline: GET "/runs/{run}/timeline", Some(May::RunsRead), 0, runs::timeline::handle;
    RunsVerify: GET "/runs/{run}/verify", Some(May::RunsRead), 0, runs::verify::handle;
    RunsWebhook: GET "/runs/{run}/signals/{name}/webhook", Some(May::RunsControl), 0, webhooks::show::handle;
    TagsCanary: POST "/tags/{tag}/canary", Some(May::WorkflowsWrite), BODY_BYTES_MAX, tags::canary::handle;
    TagsGet: GET "/tags/{tag}", Some(May::WorkflowsRead), 0, tags::get::handle;
    TagsHistory: GET "/tags/{tag}/history", Some(May::WorkflowsRead), 0, tags::history::handle;
    TagsList: GET "/tags", Some(May::WorkflowsRead), 0, tags::list::handle;
    TagsMove: POST "/tags/{tag}/move", Some(May::WorkflowsWrite), BODY_BYTES_MAX, tags::moves::handle;
    TagsRedo: POST "/tags/{tag}/redo", Some(May::WorkflowsWrite), BODY_BYTES_MAX, tags::undo::redo;
    TagsUndo: POST "/tags/{tag}/undo", Some(May::WorkflowsWrite), BODY_BYTES_MAX, tags::undo::handle;
    WebhooksDeliver: POST "/webhooks/{run}/{name}/{signature}", None, webhooks::deliver::BODY_BYTES_MAX, webhooks::deliver::handle;
    WorkflowsCreate: POST "/workflows", Some(May::WorkflowsWrite), LARGE_BODY_BYTES_MAX, workflows::create::handle;
    WorkflowsDiff: GET "/workflows/{tag}/diff", Some(May::WorkflowsRead), 0, workflows::diff::handle;
    WorkflowsGet: GET "/workflows/{tag}", Some(May::WorkflowsRead), 0, workflows::get::handle;
    WorkflowsList: GET "/workflows", Some(May::WorkflowsRead), 0, workflows::list::handle;
    WorkflowsPatchesGet: GET "/workflows/{tag}/patches/{patch}", Some(May::WorkflowsRead), 0, workflows::patches::get::handle;
    WorkflowsPatchesList: GET "/workflows/{tag}/patches", Some(May::WorkflowsRead), 0, workflows::patches::list::handle;
    WorkflowsPatchesPropose: POST "/workflows/{tag}/patches", Some(May::WorkflowsWrite), LARGE_BODY_BYTES_MAX, workflows::patches::propose::handle;
    WorkflowsValidate: POST "/workflows/validate", Some(May::WorkflowsRead), LARGE_BODY_BYTES_MAX, workflows::validate::handle;
    WorkflowsVersions: GET "/workflows/{tag}/versions", Some(May::WorkflowsRead), 0, workflows::versions::handle;
}

/// The answer where no route has the path.
async fn nothing_here(request: Request) -> Response {
    let path = request.uri().path();
    let plain = path.strip_prefix("/v1").unwrap_or(path);
    let near = aob_edge::nearest(plain, Operation::ALL.iter().map(|operation| operation.path()));
    let problem = Problem::new(ErrorCode::RouteNotFound, format!("no route has the path `{path}`"));
    let problem = match near {
        Some(near) => problem.with_hint(format!("did you mean `/v1{near}`?")),
        None => problem.with_hint("`GET /openapi.json` lists all routes"),
    };
    Refusal::from(problem).into_response()
}

/// The answer where the path has no such method.
async fn not_allowed(request: Request) -> Response {
    let detail = format!("`{}` does not take {}", request.uri().path(), request.method());
    Refusal::from(Problem::new(ErrorCode::MethodNotAllowed, detail)).into_response()
}
