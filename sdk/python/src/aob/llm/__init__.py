"""Models: who serves them, what they are asked, what they cost."""

from aob.llm.anthropic import AnthropicBackend
from aob.llm.conversation import Conversation, Limits
from aob.llm.models import LLM
from aob.llm.openai import OpenAIBackend
from aob.llm.types import Backend, ModelUnavailable, Request, ToolCall, Turn
from aob.llm.usage import CallUsage, Price, Usage

__all__ = [
    "LLM",
    "AnthropicBackend",
    "Backend",
    "CallUsage",
    "Conversation",
    "Limits",
    "ModelUnavailable",
    "OpenAIBackend",
    "Price",
    "Request",
    "ToolCall",
    "Turn",
    "Usage",
]
