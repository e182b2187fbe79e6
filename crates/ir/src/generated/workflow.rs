//! Types of workflow documents. Generated from `schema/workflow.schema.json` by `cargo xtask codegen`: do not edit.

///Gives a task to an LLM agent. Output: what it answers.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub budget: ::std::option::Option<Budget>,
    ///Name of the model.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub model: ::std::option::Option<::std::string::String>,
    ///JSON Schema (2020-12) that the answer must fit.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub output_schema: ::std::option::Option<AgentConfigOutputSchema>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub pool: ::std::option::Option<PoolName>,
    ///What the agent is to do, with references.
    pub task: ::std::string::String,
    ///What the agent may call: names, or objects with a `name`.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub tools: ::std::vec::Vec<AgentConfigToolsItem>,
}
///JSON Schema (2020-12) that the answer must fit.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum AgentConfigOutputSchema {
    Boolean(bool),
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
}
impl ::std::convert::From<bool> for AgentConfigOutputSchema {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for AgentConfigOutputSchema {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
///A tool by name, or with its settings.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum AgentConfigToolsItem {
    String(::std::string::String),
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for AgentConfigToolsItem {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
///Reduces a list. Output: the value.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct AggregateConfig {
    ///The part of each item that names its group, as keys joined by dots. For `group`.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub by: ::std::option::Option<::std::string::String>,
    ///The part of each item that counts, as keys joined by dots.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub field: ::std::option::Option<::std::string::String>,
    pub items: Items,
    ///`sum`, `avg`, `min`, `max` of numbers (of none: 0 for `sum`, else null), `count`, `concat` of lists or texts, `merge` of objects (later keys win), `union` (distinct values), `group` (object of lists by the value of `by`).
    pub operation: AggregateConfigOperation,
}
///`sum`, `avg`, `min`, `max` of numbers (of none: 0 for `sum`, else null), `count`, `concat` of lists or texts, `merge` of objects (later keys win), `union` (distinct values), `group` (object of lists by the value of `by`).
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum AggregateConfigOperation {
    #[serde(rename = "sum")]
    Sum,
    #[serde(rename = "avg")]
    Avg,
    #[serde(rename = "min")]
    Min,
    #[serde(rename = "max")]
    Max,
    #[serde(rename = "count")]
    Count,
    #[serde(rename = "concat")]
    Concat,
    #[serde(rename = "merge")]
    Merge,
    #[serde(rename = "union")]
    Union,
    #[serde(rename = "group")]
    Group,
}
impl ::std::fmt::Display for AggregateConfigOperation {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Sum => f.write_str("sum"),
            Self::Avg => f.write_str("avg"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Count => f.write_str("count"),
            Self::Concat => f.write_str("concat"),
            Self::Merge => f.write_str("merge"),
            Self::Union => f.write_str("union"),
            Self::Group => f.write_str("group"),
        }
    }
}
impl ::std::str::FromStr for AggregateConfigOperation {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "sum" => Ok(Self::Sum),
            "avg" => Ok(Self::Avg),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            "count" => Ok(Self::Count),
            "concat" => Ok(Self::Concat),
            "merge" => Ok(Self::Merge),
            "union" => Ok(Self::Union),
            "group" => Ok(Self::Group),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for AggregateConfigOperation {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for AggregateConfigOperation {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///Everybody with a role, or one person.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    ///Name of a role.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub role: ::std::option::Option<::std::string::String>,
    ///Name of a person.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub user: ::std::option::Option<::std::string::String>,
}
///The node that a map runs for each item. Its input is the item; `$item` and `$index` are known in it.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct BodyNode {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub cache: ::std::option::Option<Cache>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub checks: ::std::option::Option<Checks>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub compensate: ::std::option::Option<CompensateNode>,
    ///What this type needs.
    #[serde(default, skip_serializing_if = "::serde_json::Map::is_empty")]
    pub config: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub effect: ::std::option::Option<Effect>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub id: ::std::option::Option<NodeId>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub idle_timeout_ms: ::std::option::Option<IdleTimeoutMs>,
    ///As of any node, but a body has nowhere to be routed to.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub on_error: ::std::option::Option<BodyNodeOnError>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub pool: ::std::option::Option<PoolName>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub priority: ::std::option::Option<Priority>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub queue_timeout_ms: ::std::option::Option<QueueTimeoutMs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub retry: ::std::option::Option<Retry>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub timeout_ms: ::std::option::Option<TimeoutMs>,
    #[serde(rename = "type")]
    pub type_: NodeType,
}
///As of any node, but a body has nowhere to be routed to.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum BodyNodeOnError {
    #[serde(rename = "fail")]
    Fail,
    #[serde(rename = "skip")]
    Skip,
    #[serde(rename = "park")]
    Park,
}
impl ::std::fmt::Display for BodyNodeOnError {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Fail => f.write_str("fail"),
            Self::Skip => f.write_str("skip"),
            Self::Park => f.write_str("park"),
        }
    }
}
impl ::std::str::FromStr for BodyNodeOnError {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            "park" => Ok(Self::Park),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for BodyNodeOnError {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for BodyNodeOnError {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///What may be spent on models: of an agent node by all its instances and attempts in a run together, of a run by everything in it, child runs included. What is not named is not bounded.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    ///Calls of models.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub calls: ::std::option::Option<u64>,
    ///Tokens read and written.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub tokens: ::std::option::Option<u64>,
    ///Money, in US dollars; counted in millionths.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub usd: ::std::option::Option<f64>,
}
///Reuse of earlier results.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    ///Whether results are read from and written to the cache.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub policy: ::std::option::Option<CachePolicy>,
    ///Milliseconds that a result may be reused.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub ttl_ms: ::std::option::Option<::std::num::NonZeroU64>,
}
///Whether results are read from and written to the cache.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum CachePolicy {
    #[serde(rename = "off")]
    Off,
    #[serde(rename = "read_only")]
    ReadOnly,
    #[serde(rename = "read_through")]
    ReadThrough,
    #[serde(rename = "write_only")]
    WriteOnly,
}
impl ::std::fmt::Display for CachePolicy {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Off => f.write_str("off"),
            Self::ReadOnly => f.write_str("read_only"),
            Self::ReadThrough => f.write_str("read_through"),
            Self::WriteOnly => f.write_str("write_only"),
        }
    }
}
impl ::std::str::FromStr for CachePolicy {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "off" => Ok(Self::Off),
            "read_only" => Ok(Self::ReadOnly),
            "read_through" => Ok(Self::ReadThrough),
            "write_only" => Ok(Self::WriteOnly),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for CachePolicy {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for CachePolicy {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///One condition: an expression that must be true, or a schema that must accept the value.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Check {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub expression: ::std::option::Option<Expression>,
    ///What the failure says.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub message: ::std::option::Option<::std::string::String>,
    ///JSON Schema (2020-12) of the value.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub schema: ::std::option::Option<CheckSchema>,
}
///JSON Schema (2020-12) of the value.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum CheckSchema {
    Boolean(bool),
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
}
impl ::std::convert::From<bool> for CheckSchema {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for CheckSchema {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
///Conditions around a node; one that does not hold is a failure.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    ///Over the output, before it counts (CEL: `output`, `ctx`, `inputs`, `run`).
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub post: ::std::vec::Vec<Check>,
    ///Over the input, before the node starts (CEL: `input`, `ctx`, `inputs`, `run`).
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub pre: ::std::vec::Vec<Check>,
}
///What undoes a completed node. Its input is `{input, output}` of that node; its id is `<id>.compensate`.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CompensateNode {
    ///What this type needs.
    #[serde(default, skip_serializing_if = "::serde_json::Map::is_empty")]
    pub config: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub effect: ::std::option::Option<Effect>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub idle_timeout_ms: ::std::option::Option<IdleTimeoutMs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub pool: ::std::option::Option<PoolName>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub priority: ::std::option::Option<Priority>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub queue_timeout_ms: ::std::option::Option<QueueTimeoutMs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub retry: ::std::option::Option<Retry>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub timeout_ms: ::std::option::Option<TimeoutMs>,
    #[serde(rename = "type")]
    pub type_: NodeType,
}
///Runs a workflow as a child run. Output: the child's output.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CompositeConfig {
    ///Inputs of the child, any JSON with references. Without it: the node's input.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub inputs: ::std::option::Option<::serde_json::Value>,
    pub workflow: SubWorkflow,
}
///What nodes that runners execute (function, task, http, agent) have where they say nothing themselves.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub pool: ::std::option::Option<PoolName>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub priority: ::std::option::Option<Priority>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub queue_timeout_ms: ::std::option::Option<QueueTimeoutMs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub retry: ::std::option::Option<Retry>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub timeout_ms: ::std::option::Option<TimeoutMs>,
}
///Leads from one node to another.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    ///CEL over `output`, `ctx`, `inputs` and `run`. A `conditional` takes the first edge that matches; one without condition is *else*.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub condition: ::std::option::Option<::std::string::String>,
    ///The node that it leaves.
    pub from: NodeId,
    ///Name of the edge. Default: `from->to`; a second edge of the same pair needs one.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub id: ::std::option::Option<::std::string::String>,
    ///Which outcome of the source it follows.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub on: ::std::option::Option<EdgeOn>,
    ///The node that it enters.
    pub to: NodeId,
}
///Which outcome of the source it follows.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum EdgeOn {
    #[serde(rename = "success")]
    Success,
    #[serde(rename = "failure")]
    Failure,
    #[serde(rename = "always")]
    Always,
    #[serde(rename = "approved")]
    Approved,
    #[serde(rename = "rejected")]
    Rejected,
    #[serde(rename = "timeout")]
    Timeout,
    #[serde(rename = "break")]
    Break,
}
impl ::std::fmt::Display for EdgeOn {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Success => f.write_str("success"),
            Self::Failure => f.write_str("failure"),
            Self::Always => f.write_str("always"),
            Self::Approved => f.write_str("approved"),
            Self::Rejected => f.write_str("rejected"),
            Self::Timeout => f.write_str("timeout"),
            Self::Break => f.write_str("break"),
        }
    }
}
impl ::std::str::FromStr for EdgeOn {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "success" => Ok(Self::Success),
            "failure" => Ok(Self::Failure),
            "always" => Ok(Self::Always),
            "approved" => Ok(Self::Approved),
            "rejected" => Ok(Self::Rejected),
            "timeout" => Ok(Self::Timeout),
            "break" => Ok(Self::Break),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for EdgeOn {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for EdgeOn {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///What the node does to the world outside. A lost attempt is repeated only for `none` and `idempotent`. Default: http GET, HEAD, OPTIONS `none`, PUT, DELETE `idempotent`, POST, PATCH `irreversible`; function and agent `idempotent`.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum Effect {
    #[serde(rename = "none")]
    None,
    #[serde(rename = "idempotent")]
    Idempotent,
    #[serde(rename = "compensable")]
    Compensable,
    #[serde(rename = "irreversible")]
    Irreversible,
}
impl ::std::fmt::Display for Effect {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::None => f.write_str("none"),
            Self::Idempotent => f.write_str("idempotent"),
            Self::Compensable => f.write_str("compensable"),
            Self::Irreversible => f.write_str("irreversible"),
        }
    }
}
impl ::std::str::FromStr for Effect {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "none" => Ok(Self::None),
            "idempotent" => Ok(Self::Idempotent),
            "compensable" => Ok(Self::Compensable),
            "irreversible" => Ok(Self::Irreversible),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for Effect {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for Effect {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///No configuration: the edges carry the conditions. Output: the input.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EmptyConfig {}
///From `after_ms` on, `to` may decide too.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct EscalationStep {
    ///Milliseconds from the request.
    pub after_ms: ::std::num::NonZeroU64,
    pub to: Approver,
}
///A CEL expression of up to 4,096 bytes.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct Expression(pub ::std::string::String);
impl ::std::ops::Deref for Expression {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<Expression> for ::std::string::String {
    fn from(value: Expression) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for Expression {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for Expression {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for Expression {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///A JSON pointer in which `*` stands for any one key or index. It names that field and everything below it.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct FieldPattern(pub ::std::string::String);
impl ::std::ops::Deref for FieldPattern {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<FieldPattern> for ::std::string::String {
    fn from(value: FieldPattern) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for FieldPattern {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for FieldPattern {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for FieldPattern {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///Keeps the items for which an expression is true. Output: the list.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FilterConfig {
    ///CEL over `item` and `index`, and `input`, `ctx`, `inputs` and `run`.
    pub expression: ::std::string::String,
    pub items: Items,
}
///True: who started the run, proposed the patch or edited what is to be approved may reject it, and not approve it.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct FourEyes(pub bool);
impl ::std::ops::Deref for FourEyes {
    type Target = bool;
    fn deref(&self) -> &bool {
        &self.0
    }
}
impl ::std::convert::From<FourEyes> for bool {
    fn from(value: FourEyes) -> Self {
        value.0
    }
}
impl ::std::convert::From<bool> for FourEyes {
    fn from(value: bool) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for FourEyes {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for FourEyes {
    type Err = <bool as ::std::str::FromStr>::Err;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.parse()?))
    }
}
impl ::std::convert::TryFrom<&str> for FourEyes {
    type Error = <bool as ::std::str::FromStr>::Err;
    fn try_from(value: &str) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<String> for FourEyes {
    type Error = <bool as ::std::str::FromStr>::Err;
    fn try_from(value: String) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
///Calls a function. Built in are `echo` (returns `args`), `sleep` (`ms`) and `fail` (`message`, `code`, `retryable`); others are served by runners of a pool, and wait until one serves them. Output: what the function returns.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct FunctionConfig {
    ///Any JSON, with references.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub args: ::std::option::Option<::serde_json::Value>,
    ///Name of the function; it takes no reference.
    pub name: ::std::string::String,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub pool: ::std::option::Option<PoolName>,
}
///Hands the work to somebody else. Validates; waits with an explanation until handoffs are served.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HandoffConfig {
    ///Acceptances needed.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub quorum: ::std::option::Option<::std::num::NonZeroU64>,
    ///JSON Schema (2020-12) of what is handed over.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub schema: ::std::option::Option<HandoffConfigSchema>,
    ///Who takes over.
    pub to: ::std::string::String,
}
///JSON Schema (2020-12) of what is handed over.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HandoffConfigSchema {
    Boolean(bool),
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
}
impl ::std::convert::From<bool> for HandoffConfigSchema {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for HandoffConfigSchema {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
///Asks people for an approval. Output: `{approved, by, reason, data}`, and `subject` with `editable`.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HitlConfig {
    ///Who may decide. Empty: everybody in the workspace with the permission.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub approvers: ::std::vec::Vec<Approver>,
    ///Fields of the node's input that an approver may edit before approving, `*` standing for any one part; what is below is editable too. With it, the output has `subject`: the input as it was approved.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub editable: ::std::vec::Vec<FieldPattern>,
    ///Who may decide too after a while.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub escalate: ::std::vec::Vec<EscalationStep>,
    ///Fields that nobody may edit, whatever `editable` says.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub fixed: ::std::vec::Vec<FieldPattern>,
    ///JSON Schema (2020-12) of the data that an approver gives along.
    #[serde(default, skip_serializing_if = "::serde_json::Map::is_empty")]
    pub form: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub four_eyes: ::std::option::Option<FourEyes>,
    ///What is asked, with references. Without it: the node's id.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub message: ::std::option::Option<::std::string::String>,
    ///Approvals needed; one rejection rejects.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub quorum: ::std::option::Option<HitlConfigQuorum>,
}
///Approvals needed; one rejection rejects.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HitlConfigQuorum {
    Integer(::std::num::NonZeroU64),
    Reference(Reference),
}
impl ::std::fmt::Display for HitlConfigQuorum {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Integer(x) => x.fmt(f),
            Self::Reference(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<::std::num::NonZeroU64> for HitlConfigQuorum {
    fn from(value: ::std::num::NonZeroU64) -> Self {
        Self::Integer(value)
    }
}
impl ::std::convert::From<Reference> for HitlConfigQuorum {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///How a secret goes into the request.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HttpAuth {
    ///Name of the header, for `header`.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub header: ::std::option::Option<::std::string::String>,
    ///Name of the secret, or `$secrets.<name>`; it is not computed.
    pub secret: ::std::string::String,
    ///`bearer`: a bearer token; `basic`: `user:password`; `header`: the secret is the value of `header`.
    #[serde(rename = "type")]
    pub type_: HttpAuthType,
}
///`bearer`: a bearer token; `basic`: `user:password`; `header`: the secret is the value of `header`.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum HttpAuthType {
    #[serde(rename = "bearer")]
    Bearer,
    #[serde(rename = "basic")]
    Basic,
    #[serde(rename = "header")]
    Header,
}
impl ::std::fmt::Display for HttpAuthType {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Bearer => f.write_str("bearer"),
            Self::Basic => f.write_str("basic"),
            Self::Header => f.write_str("header"),
        }
    }
}
impl ::std::str::FromStr for HttpAuthType {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "bearer" => Ok(Self::Bearer),
            "basic" => Ok(Self::Basic),
            "header" => Ok(Self::Header),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for HttpAuthType {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for HttpAuthType {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///Sends an HTTP request. Output: `{status, headers, body}`; a status outside `expect` is a failure. With `batch` it sends several requests to one origin at once; output: an object of these by their ids, and one failure fails it.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub auth: ::std::option::Option<HttpAuth>,
    ///Requests that are sent at once in place of one. They go to one origin, written before any reference; beside `batch` there is no other key.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub batch: ::std::vec::Vec<HttpPart>,
    ///Any JSON, with references; a string is sent as it is.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub body: ::std::option::Option<::serde_json::Value>,
    ///Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub expect: ::std::option::Option<HttpConfigExpect>,
    ///Request headers by name.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub headers: ::std::option::Option<HttpConfigHeaders>,
    ///Bytes of the response body that are accepted; more is a failure.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_bytes: ::std::option::Option<HttpConfigMaxBytes>,
    ///Request method.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub method: ::std::option::Option<HttpConfigMethod>,
    ///Query parameters by name; a list repeats the parameter.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub query: ::std::option::Option<HttpConfigQuery>,
    ///Absolute `http` or `https` URL, with references.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub url: ::std::option::Option<::std::string::String>,
}
///Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpConfigExpect {
    Status(Status),
    StatusRange(StatusRange),
    Array(::std::vec::Vec<HttpConfigExpectArrayItem>),
}
impl ::std::convert::From<Status> for HttpConfigExpect {
    fn from(value: Status) -> Self {
        Self::Status(value)
    }
}
impl ::std::convert::From<StatusRange> for HttpConfigExpect {
    fn from(value: StatusRange) -> Self {
        Self::StatusRange(value)
    }
}
impl ::std::convert::From<::std::vec::Vec<HttpConfigExpectArrayItem>>
for HttpConfigExpect {
    fn from(value: ::std::vec::Vec<HttpConfigExpectArrayItem>) -> Self {
        Self::Array(value)
    }
}
///One status or range.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpConfigExpectArrayItem {
    Variant0(Status),
    Variant1(StatusRange),
}
impl ::std::fmt::Display for HttpConfigExpectArrayItem {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Variant0(x) => x.fmt(f),
            Self::Variant1(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<Status> for HttpConfigExpectArrayItem {
    fn from(value: Status) -> Self {
        Self::Variant0(value)
    }
}
impl ::std::convert::From<StatusRange> for HttpConfigExpectArrayItem {
    fn from(value: StatusRange) -> Self {
        Self::Variant1(value)
    }
}
///Request headers by name.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpConfigHeaders {
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
    Reference(Reference),
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for HttpConfigHeaders {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
impl ::std::convert::From<Reference> for HttpConfigHeaders {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///Bytes of the response body that are accepted; more is a failure.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpConfigMaxBytes {
    Integer(::std::num::NonZeroU64),
    Reference(Reference),
}
impl ::std::fmt::Display for HttpConfigMaxBytes {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Integer(x) => x.fmt(f),
            Self::Reference(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<::std::num::NonZeroU64> for HttpConfigMaxBytes {
    fn from(value: ::std::num::NonZeroU64) -> Self {
        Self::Integer(value)
    }
}
impl ::std::convert::From<Reference> for HttpConfigMaxBytes {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///Request method.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
pub struct HttpConfigMethod {
    #[serde(flatten, skip_serializing_if = "::std::option::Option::is_none")]
    pub subtype_0: ::std::option::Option<HttpConfigMethodSubtype0>,
    #[serde(flatten, skip_serializing_if = "::std::option::Option::is_none")]
    pub subtype_1: ::std::option::Option<Reference>,
}
///A method by name.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum HttpConfigMethodSubtype0 {
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "HEAD")]
    Head,
    #[serde(rename = "OPTIONS")]
    Options,
    #[serde(rename = "POST")]
    Post,
    #[serde(rename = "PUT")]
    Put,
    #[serde(rename = "PATCH")]
    Patch,
    #[serde(rename = "DELETE")]
    Delete,
}
impl ::std::fmt::Display for HttpConfigMethodSubtype0 {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Get => f.write_str("GET"),
            Self::Head => f.write_str("HEAD"),
            Self::Options => f.write_str("OPTIONS"),
            Self::Post => f.write_str("POST"),
            Self::Put => f.write_str("PUT"),
            Self::Patch => f.write_str("PATCH"),
            Self::Delete => f.write_str("DELETE"),
        }
    }
}
impl ::std::str::FromStr for HttpConfigMethodSubtype0 {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "GET" => Ok(Self::Get),
            "HEAD" => Ok(Self::Head),
            "OPTIONS" => Ok(Self::Options),
            "POST" => Ok(Self::Post),
            "PUT" => Ok(Self::Put),
            "PATCH" => Ok(Self::Patch),
            "DELETE" => Ok(Self::Delete),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for HttpConfigMethodSubtype0 {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for HttpConfigMethodSubtype0 {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///Query parameters by name; a list repeats the parameter.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpConfigQuery {
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
    Reference(Reference),
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for HttpConfigQuery {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
impl ::std::convert::From<Reference> for HttpConfigQuery {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///One request of an `http` node's `batch`.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct HttpPart {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub auth: ::std::option::Option<HttpAuth>,
    ///Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub expect: ::std::option::Option<HttpPartExpect>,
    ///Request headers by name.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub headers: ::std::option::Option<HttpPartHeaders>,
    pub id: NodeId,
    ///Bytes of the response body that are accepted; more is a failure.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_bytes: ::std::option::Option<HttpPartMaxBytes>,
    ///Request method; a batch only reads.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub method: ::std::option::Option<HttpPartMethod>,
    ///Query parameters by name; a list repeats the parameter.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub query: ::std::option::Option<HttpPartQuery>,
    ///Absolute `http` or `https` URL, with references.
    pub url: ::std::string::String,
}
///Statuses that are a success: `200`, `"2xx"`, `"200-204"`, or a list of these.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpPartExpect {
    Status(Status),
    StatusRange(StatusRange),
    Array(::std::vec::Vec<HttpPartExpectArrayItem>),
}
impl ::std::convert::From<Status> for HttpPartExpect {
    fn from(value: Status) -> Self {
        Self::Status(value)
    }
}
impl ::std::convert::From<StatusRange> for HttpPartExpect {
    fn from(value: StatusRange) -> Self {
        Self::StatusRange(value)
    }
}
impl ::std::convert::From<::std::vec::Vec<HttpPartExpectArrayItem>> for HttpPartExpect {
    fn from(value: ::std::vec::Vec<HttpPartExpectArrayItem>) -> Self {
        Self::Array(value)
    }
}
///One status or range.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpPartExpectArrayItem {
    Variant0(Status),
    Variant1(StatusRange),
}
impl ::std::fmt::Display for HttpPartExpectArrayItem {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Variant0(x) => x.fmt(f),
            Self::Variant1(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<Status> for HttpPartExpectArrayItem {
    fn from(value: Status) -> Self {
        Self::Variant0(value)
    }
}
impl ::std::convert::From<StatusRange> for HttpPartExpectArrayItem {
    fn from(value: StatusRange) -> Self {
        Self::Variant1(value)
    }
}
///Request headers by name.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpPartHeaders {
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
    Reference(Reference),
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for HttpPartHeaders {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
impl ::std::convert::From<Reference> for HttpPartHeaders {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///Bytes of the response body that are accepted; more is a failure.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpPartMaxBytes {
    Integer(::std::num::NonZeroU64),
    Reference(Reference),
}
impl ::std::fmt::Display for HttpPartMaxBytes {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Integer(x) => x.fmt(f),
            Self::Reference(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<::std::num::NonZeroU64> for HttpPartMaxBytes {
    fn from(value: ::std::num::NonZeroU64) -> Self {
        Self::Integer(value)
    }
}
impl ::std::convert::From<Reference> for HttpPartMaxBytes {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///Request method; a batch only reads.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum HttpPartMethod {
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "HEAD")]
    Head,
    #[serde(rename = "OPTIONS")]
    Options,
}
impl ::std::fmt::Display for HttpPartMethod {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Get => f.write_str("GET"),
            Self::Head => f.write_str("HEAD"),
            Self::Options => f.write_str("OPTIONS"),
        }
    }
}
impl ::std::str::FromStr for HttpPartMethod {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "GET" => Ok(Self::Get),
            "HEAD" => Ok(Self::Head),
            "OPTIONS" => Ok(Self::Options),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for HttpPartMethod {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for HttpPartMethod {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///Query parameters by name; a list repeats the parameter.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum HttpPartQuery {
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
    Reference(Reference),
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for HttpPartQuery {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
impl ::std::convert::From<Reference> for HttpPartQuery {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///Milliseconds that an attempt may go without reporting progress. Without it: for ever.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct IdleTimeoutMs(pub ::std::num::NonZeroU64);
impl ::std::ops::Deref for IdleTimeoutMs {
    type Target = ::std::num::NonZeroU64;
    fn deref(&self) -> &::std::num::NonZeroU64 {
        &self.0
    }
}
impl ::std::convert::From<IdleTimeoutMs> for ::std::num::NonZeroU64 {
    fn from(value: IdleTimeoutMs) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::num::NonZeroU64> for IdleTimeoutMs {
    fn from(value: ::std::num::NonZeroU64) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for IdleTimeoutMs {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for IdleTimeoutMs {
    type Err = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.parse()?))
    }
}
impl ::std::convert::TryFrom<&str> for IdleTimeoutMs {
    type Error = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn try_from(value: &str) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<String> for IdleTimeoutMs {
    type Error = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn try_from(value: String) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
///The list: a reference, or a list with references in it.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum Items {
    Array(::std::vec::Vec<::serde_json::Value>),
    Reference(Reference),
}
impl ::std::convert::From<::std::vec::Vec<::serde_json::Value>> for Items {
    fn from(value: ::std::vec::Vec<::serde_json::Value>) -> Self {
        Self::Array(value)
    }
}
impl ::std::convert::From<Reference> for Items {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///How many incoming edges a node waits for. A string is short for `{"mode": ...}`.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Join {
    ///Cancel what only leads here and is still running once the join is satisfied.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub cancel_losers: ::std::option::Option<bool>,
    ///Edges that `k_of_n` waits for.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub k: ::std::option::Option<::std::num::NonZeroU64>,
    ///`all` live edges; `any`: the first; `k_of_n`: the first `k`; `quorum`: more than half of all incoming edges.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub mode: ::std::option::Option<JoinMode>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub tolerate: ::std::option::Option<Tolerate>,
}
///`all` live edges; `any`: the first; `k_of_n`: the first `k`; `quorum`: more than half of all incoming edges.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum JoinMode {
    #[serde(rename = "all")]
    All,
    #[serde(rename = "any")]
    Any,
    #[serde(rename = "k_of_n")]
    KOfN,
    #[serde(rename = "quorum")]
    Quorum,
}
impl ::std::fmt::Display for JoinMode {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::All => f.write_str("all"),
            Self::Any => f.write_str("any"),
            Self::KOfN => f.write_str("k_of_n"),
            Self::Quorum => f.write_str("quorum"),
        }
    }
}
impl ::std::str::FromStr for JoinMode {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "all" => Ok(Self::All),
            "any" => Ok(Self::Any),
            "k_of_n" => Ok(Self::KOfN),
            "quorum" => Ok(Self::Quorum),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for JoinMode {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for JoinMode {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///Bounds of a run.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub budget: ::std::option::Option<Budget>,
    ///Agent nodes that a run may ever hold; those of maps and loops count once.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_agents: ::std::option::Option<u64>,
    ///How deeply child runs may nest.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_depth: ::std::option::Option<::std::num::NonZeroU64>,
    ///Node instances that one run may open.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_instances: ::std::option::Option<::std::num::NonZeroU64>,
    ///Milliseconds from creation after which the run fails with `run_timeout`. Without it a run may take for ever.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub run_timeout_ms: ::std::option::Option<::std::num::NonZeroU64>,
}
///Ends the body of a loop and decides whether to go back. Output: its input.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LoopConfig {
    ///Where to go when the condition is false. Without it: along plain edges.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub break_path: ::std::option::Option<NodeId>,
    ///CEL over `input` (also `output`, the same), `ctx`, `inputs` and `run`. True: go back.
    pub condition: ::std::string::String,
    ///The node that the body starts with.
    pub loop_back_to: NodeId,
    ///The body runs at most this often.
    pub max_iterations: ::std::num::NonZeroU64,
    ///Where to go after `max_iterations`. Without it the loop fails with `max_iterations`.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub timeout_path: ::std::option::Option<NodeId>,
}
///Runs a node or a workflow once per item. Output: the list of outputs in the order of the items; a tolerated failure is `{error}`.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct MapConfig {
    pub items: Items,
    ///Items that are worked on at once.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_parallel: ::std::option::Option<::std::num::NonZeroU64>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub node: ::std::option::Option<BodyNode>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub tolerate: ::std::option::Option<Tolerate>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub workflow: ::std::option::Option<SubWorkflow>,
}
///What people call this workflow. Has no effect on a run.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    ///What the workflow is for.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub description: ::std::option::Option<::std::string::String>,
    ///Short name, shown wherever the workflow is.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub name: ::std::option::Option<::std::string::String>,
    ///Words to search by.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub tags: ::std::vec::Vec<::std::string::String>,
    ///The author's own version. The server counts versions of a tag by itself.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub version: ::std::option::Option<::std::string::String>,
}
///One step of the graph.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Node {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub cache: ::std::option::Option<Cache>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub checks: ::std::option::Option<Checks>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub compensate: ::std::option::Option<CompensateNode>,
    ///What this type needs.
    #[serde(default, skip_serializing_if = "::serde_json::Map::is_empty")]
    pub config: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub effect: ::std::option::Option<Effect>,
    pub id: NodeId,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub idle_timeout_ms: ::std::option::Option<IdleTimeoutMs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub join: ::std::option::Option<Join>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub on_error: ::std::option::Option<OnError>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub pool: ::std::option::Option<PoolName>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub priority: ::std::option::Option<Priority>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub queue_timeout_ms: ::std::option::Option<QueueTimeoutMs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub retry: ::std::option::Option<Retry>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub timeout_ms: ::std::option::Option<TimeoutMs>,
    #[serde(rename = "type")]
    pub type_: NodeType,
}
///Name of a node, unique within the document.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct NodeId(pub ::std::string::String);
impl ::std::ops::Deref for NodeId {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<NodeId> for ::std::string::String {
    fn from(value: NodeId) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for NodeId {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for NodeId {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///What kind of step it is. A type that this server does not know follows `on_unknown`.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct NodeType(pub ::std::string::String);
impl ::std::ops::Deref for NodeType {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<NodeType> for ::std::string::String {
    fn from(value: NodeType) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for NodeType {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for NodeType {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for NodeType {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///What happens to a failure that retries and failure edges do not take care of: the run fails, the node is passed over with output null, the instance waits for a person, or another node takes over.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum OnError {
    String(OnErrorString),
    Route(Route),
}
impl ::std::convert::From<OnErrorString> for OnError {
    fn from(value: OnErrorString) -> Self {
        Self::String(value)
    }
}
impl ::std::convert::From<Route> for OnError {
    fn from(value: Route) -> Self {
        Self::Route(value)
    }
}
///`fail`, `skip` or `park`.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum OnErrorString {
    #[serde(rename = "fail")]
    Fail,
    #[serde(rename = "skip")]
    Skip,
    #[serde(rename = "park")]
    Park,
}
impl ::std::fmt::Display for OnErrorString {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Fail => f.write_str("fail"),
            Self::Skip => f.write_str("skip"),
            Self::Park => f.write_str("park"),
        }
    }
}
impl ::std::str::FromStr for OnErrorString {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            "park" => Ok(Self::Park),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for OnErrorString {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for OnErrorString {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///What happens to a node whose type this server does not know: it is passed over with a warning, parked for a person, or the document is refused.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum OnUnknown {
    #[serde(rename = "skip")]
    Skip,
    #[serde(rename = "park")]
    Park,
    #[serde(rename = "reject")]
    Reject,
}
impl ::std::fmt::Display for OnUnknown {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Skip => f.write_str("skip"),
            Self::Park => f.write_str("park"),
            Self::Reject => f.write_str("reject"),
        }
    }
}
impl ::std::str::FromStr for OnUnknown {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "skip" => Ok(Self::Skip),
            "park" => Ok(Self::Park),
            "reject" => Ok(Self::Reject),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for OnUnknown {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for OnUnknown {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///How patches of a run are approved, where they need an approval. No patch of a run changes it.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PatchPolicy {
    ///Who may decide. Empty: whom the workspace names, or everybody in it with the permission.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub approvers: ::std::vec::Vec<Approver>,
    ///Fields of what a patch adds or changes that an approver may edit before approving: `/nodes/{id}/...` or `/edges/{id}/...`, `*` standing for any one part; what is below is editable too. Empty: none.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub editable: ::std::vec::Vec<FieldPattern>,
    ///Who may decide too after a while.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub escalate: ::std::vec::Vec<EscalationStep>,
    ///Fields that nobody may edit, whatever `editable` says.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub fixed: ::std::vec::Vec<FieldPattern>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub four_eyes: ::std::option::Option<FourEyes>,
    ///Approvals needed; one rejection rejects.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub quorum: ::std::option::Option<::std::num::NonZeroU64>,
    ///Milliseconds that a patch waits for its approval before it is rejected.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub timeout_ms: ::std::option::Option<::std::num::NonZeroU64>,
}
///Rules for the whole run.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    ///What happens to completed nodes when the run fails: nothing, or `compensate` of those that declare it, last first.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub on_failure: ::std::option::Option<PoliciesOnFailure>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub patches: ::std::option::Option<PatchPolicy>,
}
///What happens to completed nodes when the run fails: nothing, or `compensate` of those that declare it, last first.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum PoliciesOnFailure {
    #[serde(rename = "stop")]
    Stop,
    #[serde(rename = "compensate")]
    Compensate,
}
impl ::std::fmt::Display for PoliciesOnFailure {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::Stop => f.write_str("stop"),
            Self::Compensate => f.write_str("compensate"),
        }
    }
}
impl ::std::str::FromStr for PoliciesOnFailure {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "stop" => Ok(Self::Stop),
            "compensate" => Ok(Self::Compensate),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for PoliciesOnFailure {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for PoliciesOnFailure {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///The pool of runners that executes it. Without it: `default`, and built-in functions by any runner.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct PoolName(pub ::std::string::String);
impl ::std::ops::Deref for PoolName {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<PoolName> for ::std::string::String {
    fn from(value: PoolName) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for PoolName {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for PoolName {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for PoolName {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///Place in the queue of runners.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Copy,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
pub enum Priority {
    #[serde(rename = "high")]
    High,
    #[serde(rename = "medium")]
    Medium,
    #[serde(rename = "low")]
    Low,
}
impl ::std::fmt::Display for Priority {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match *self {
            Self::High => f.write_str("high"),
            Self::Medium => f.write_str("medium"),
            Self::Low => f.write_str("low"),
        }
    }
}
impl ::std::str::FromStr for Priority {
    type Err = self::error::ConversionError;
    fn from_str(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        match value {
            "high" => Ok(Self::High),
            "medium" => Ok(Self::Medium),
            "low" => Ok(Self::Low),
            _ => Err("invalid value".into()),
        }
    }
}
impl ::std::convert::TryFrom<&str> for Priority {
    type Error = self::error::ConversionError;
    fn try_from(
        value: &str,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<::std::string::String> for Priority {
    type Error = self::error::ConversionError;
    fn try_from(
        value: ::std::string::String,
    ) -> ::std::result::Result<Self, self::error::ConversionError> {
        value.parse()
    }
}
///Milliseconds that an attempt may wait to be taken by a runner. Without it: for ever.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct QueueTimeoutMs(pub ::std::num::NonZeroU64);
impl ::std::ops::Deref for QueueTimeoutMs {
    type Target = ::std::num::NonZeroU64;
    fn deref(&self) -> &::std::num::NonZeroU64 {
        &self.0
    }
}
impl ::std::convert::From<QueueTimeoutMs> for ::std::num::NonZeroU64 {
    fn from(value: QueueTimeoutMs) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::num::NonZeroU64> for QueueTimeoutMs {
    fn from(value: ::std::num::NonZeroU64) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for QueueTimeoutMs {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for QueueTimeoutMs {
    type Err = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.parse()?))
    }
}
impl ::std::convert::TryFrom<&str> for QueueTimeoutMs {
    type Error = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn try_from(value: &str) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<String> for QueueTimeoutMs {
    type Error = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn try_from(value: String) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
///A value computed at run time: `$nodes.<id>.<path>`, `$inputs.<path>`, `$input`, `$item`, `$index`, `$iteration` or `$run.<path>`, with `?? default` at its end.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct Reference(pub ::std::string::String);
impl ::std::ops::Deref for Reference {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<Reference> for ::std::string::String {
    fn from(value: Reference) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for Reference {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for Reference {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for Reference {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///How often and when a failed attempt is tried again.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    ///Milliseconds before the second attempt.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub backoff_ms: ::std::option::Option<u64>,
    ///Growth of the wait from attempt to attempt.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub backoff_multiplier: ::std::option::Option<f64>,
    ///Attempts in all, the first included.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_attempts: ::std::option::Option<::std::num::NonZeroU64>,
    ///Milliseconds that a wait never exceeds; at least `backoff_ms`.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub max_backoff_ms: ::std::option::Option<u64>,
    ///Codes of the errors that are tried again. Empty: every error that says it is retryable.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub retry_on: ::std::vec::Vec<::std::string::String>,
}
///Short for an edge `on: failure` to that node.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub route: NodeId,
}
///Waits for a named signal; signals that came before are waiting in line. Output: its payload.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SignalConfig {
    ///Name of the signal, with references.
    pub name: ::std::string::String,
    ///A signed URL delivers the signal too.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub webhook: ::std::option::Option<bool>,
}
///One status.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct Status(pub i64);
impl ::std::ops::Deref for Status {
    type Target = i64;
    fn deref(&self) -> &i64 {
        &self.0
    }
}
impl ::std::convert::From<Status> for i64 {
    fn from(value: Status) -> Self {
        value.0
    }
}
impl ::std::convert::From<i64> for Status {
    fn from(value: i64) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for Status {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for Status {
    type Err = <i64 as ::std::str::FromStr>::Err;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.parse()?))
    }
}
impl ::std::convert::TryFrom<&str> for Status {
    type Error = <i64 as ::std::str::FromStr>::Err;
    fn try_from(value: &str) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<String> for Status {
    type Error = <i64 as ::std::str::FromStr>::Err;
    fn try_from(value: String) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
///A class such as `2xx`, or a range such as `200-204`.
#[derive(
    ::serde::Deserialize,
    ::serde::Serialize,
    Clone,
    Debug,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd
)]
#[serde(transparent)]
pub struct StatusRange(pub ::std::string::String);
impl ::std::ops::Deref for StatusRange {
    type Target = ::std::string::String;
    fn deref(&self) -> &::std::string::String {
        &self.0
    }
}
impl ::std::convert::From<StatusRange> for ::std::string::String {
    fn from(value: StatusRange) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::string::String> for StatusRange {
    fn from(value: ::std::string::String) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for StatusRange {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for StatusRange {
    type Err = ::std::convert::Infallible;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.to_string()))
    }
}
///A workflow given inline, or the tag of one.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum SubWorkflow {
    String(::std::string::String),
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for SubWorkflow {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
///Milliseconds that an attempt may take from its grant (300,000 for function, http and agent), or that a map, composite, hitl, signal or handoff may wait (no limit).
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(transparent)]
pub struct TimeoutMs(pub ::std::num::NonZeroU64);
impl ::std::ops::Deref for TimeoutMs {
    type Target = ::std::num::NonZeroU64;
    fn deref(&self) -> &::std::num::NonZeroU64 {
        &self.0
    }
}
impl ::std::convert::From<TimeoutMs> for ::std::num::NonZeroU64 {
    fn from(value: TimeoutMs) -> Self {
        value.0
    }
}
impl ::std::convert::From<::std::num::NonZeroU64> for TimeoutMs {
    fn from(value: ::std::num::NonZeroU64) -> Self {
        Self(value)
    }
}
impl ::std::fmt::Display for TimeoutMs {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        self.0.fmt(f)
    }
}
impl ::std::str::FromStr for TimeoutMs {
    type Err = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn from_str(value: &str) -> ::std::result::Result<Self, Self::Err> {
        Ok(Self(value.parse()?))
    }
}
impl ::std::convert::TryFrom<&str> for TimeoutMs {
    type Error = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn try_from(value: &str) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
impl ::std::convert::TryFrom<String> for TimeoutMs {
    type Error = <::std::num::NonZeroU64 as ::std::str::FromStr>::Err;
    fn try_from(value: String) -> ::std::result::Result<Self, Self::Error> {
        value.parse()
    }
}
///Waits. Output: its input.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TimerConfig {
    ///Milliseconds.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub for_ms: ::std::option::Option<TimerConfigForMs>,
    ///RFC 3339 time, or a reference to one.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub until: ::std::option::Option<::std::string::String>,
}
///Milliseconds.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum TimerConfigForMs {
    Integer(u64),
    Reference(Reference),
}
impl ::std::fmt::Display for TimerConfigForMs {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Integer(x) => x.fmt(f),
            Self::Reference(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<u64> for TimerConfigForMs {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}
impl ::std::convert::From<Reference> for TimerConfigForMs {
    fn from(value: Reference) -> Self {
        Self::Reference(value)
    }
}
///How many may fail: a count, or a share such as `"10%"`.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum Tolerate {
    Integer(u64),
    String(::std::string::String),
}
impl ::std::fmt::Display for Tolerate {
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        match self {
            Self::Integer(x) => x.fmt(f),
            Self::String(x) => x.fmt(f),
        }
    }
}
impl ::std::convert::From<u64> for Tolerate {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}
///Computes a value. Output: the value.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TransformConfig {
    ///CEL over `input`, `ctx`, `inputs` and `run`.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub expression: ::std::option::Option<::std::string::String>,
    ///Any JSON, with references.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub template: ::std::option::Option<::serde_json::Value>,
}
///A workflow document: a graph of nodes joined by edges.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub defaults: ::std::option::Option<Defaults>,
    ///The edges of the graph. A node starts when its join over its incoming edges is satisfied.
    #[serde(default, skip_serializing_if = "::std::vec::Vec::is_empty")]
    pub edges: ::std::vec::Vec<Edge>,
    ///JSON Schema (2020-12) of the run's inputs. Without it every input is accepted.
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub inputs: ::std::option::Option<WorkflowInputs>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub limits: ::std::option::Option<Limits>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub metadata: ::std::option::Option<Metadata>,
    ///The nodes of the graph. Ids are unique, bodies of maps included.
    pub nodes: ::std::vec::Vec<Node>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub on_unknown: ::std::option::Option<OnUnknown>,
    #[serde(skip_serializing_if = "::std::option::Option::is_none")]
    pub policies: ::std::option::Option<Policies>,
    ///Address of this schema, for editors. Has no effect on a run.
    #[serde(rename = "$schema", skip_serializing_if = "::std::option::Option::is_none")]
    pub schema: ::std::option::Option<::std::string::String>,
}
///JSON Schema (2020-12) of the run's inputs. Without it every input is accepted.
#[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
#[serde(untagged)]
pub enum WorkflowInputs {
    Boolean(bool),
    Object(::serde_json::Map<::std::string::String, ::serde_json::Value>),
}
impl ::std::convert::From<bool> for WorkflowInputs {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl ::std::convert::From<::serde_json::Map<::std::string::String, ::serde_json::Value>>
for WorkflowInputs {
    fn from(
        value: ::serde_json::Map<::std::string::String, ::serde_json::Value>,
    ) -> Self {
        Self::Object(value)
    }
}
/// Error types.
pub mod error {
    /// Error from a `TryFrom` or `FromStr` implementation.
    pub struct ConversionError(::std::borrow::Cow<'static, str>);
    impl ::std::error::Error for ConversionError {}
    impl ::std::fmt::Display for ConversionError {
        fn fmt(
            &self,
            f: &mut ::std::fmt::Formatter<'_>,
        ) -> Result<(), ::std::fmt::Error> {
            ::std::fmt::Display::fmt(&self.0, f)
        }
    }
    impl ::std::fmt::Debug for ConversionError {
        fn fmt(
            &self,
            f: &mut ::std::fmt::Formatter<'_>,
        ) -> Result<(), ::std::fmt::Error> {
            ::std::fmt::Debug::fmt(&self.0, f)
        }
    }
    impl From<&'static str> for ConversionError {
        fn from(value: &'static str) -> Self {
            Self(value.into())
        }
    }
    impl From<String> for ConversionError {
        fn from(value: String) -> Self {
            Self(value.into())
        }
    }
}
