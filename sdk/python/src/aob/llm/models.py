"""`LLM`: which model answers, how long it is waited for, and what it costs."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import httpx2

from aob._backoff import Backoff
from aob.errors import Failure
from aob.llm.anthropic import AnthropicBackend
from aob.llm.openai import OpenAIBackend
from aob.llm.types import ModelUnavailable
from aob.llm.usage import CallUsage, input_tokens_at_most

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aob._meter import Meter, Reservation
    from aob.llm.types import Backend, Request, Said, Turn
    from aob.llm.usage import Price, Usage

__all__ = ["LLM"]


class LLM:
    """Models of an OpenAI-compatible endpoint and of Anthropic, over one pooled HTTP/2 client.

    A model is named by its pinned id, with the provider before it where it cannot be told:
    `openai/llama-4-scout`, `anthropic/claude-...`. Without one, names that begin with `claude` are
    Anthropic's and all others belong to the OpenAI-compatible endpoint.
    """

    def __init__(
        self,
        *,
        default_model: str | None = None,
        prices: Mapping[str, Price] | None = None,
        patience_s: float = 60.0,
        idle_s: float = 60.0,
        backends: Mapping[str, Backend] | None = None,
        openai_base_url: str | None = None,
        openai_api_key: str | None = None,
        anthropic_base_url: str | None = None,
        anthropic_api_key: str | None = None,
    ) -> None:
        """Connects to nothing yet.

        Args:
            default_model: For nodes that name none; without one, `AOB_MODEL`.
            prices: What models cost, by id; the cost of others is not known.
            patience_s: How long a call is tried again where the provider is busy or away. Then the
                attempt fails, retryable, with the wait that the provider asks for.
            idle_s: How long a model may go without sending anything.
            backends: Providers by name, instead of or besides the two.
            openai_base_url: Without one, `OPENAI_BASE_URL`, else OpenAI's own.
            openai_api_key: Without one, `OPENAI_API_KEY`.
            anthropic_base_url: Without one, `ANTHROPIC_BASE_URL`, else Anthropic's own.
            anthropic_api_key: Without one, `ANTHROPIC_API_KEY`.
        """
        self.default_model = default_model or os.environ.get("AOB_MODEL")
        self._prices = dict(prices or {})
        self._patience_s = patience_s
        self._idle_s = idle_s
        self._given: dict[str, Backend] = dict(backends or {})
        self._backends = dict(self._given)
        self._openai = (openai_base_url, openai_api_key)
        self._anthropic = (anthropic_base_url, anthropic_api_key)
        self._http: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        """Closes its connections; it may be asked again, and opens others."""
        for backend in self._backends.values():
            await backend.aclose()
        self._backends = dict(self._given)
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    def named(self, model: str | None) -> tuple[str, str]:
        """Provider and id of a model.

        Raises:
            Failure: There is neither a name nor a default.
        """
        name = model or self.default_model
        if not name:
            message = "the node names no model, and AOB_MODEL is not set"
            raise Failure("model_missing", message)
        provider, slash, rest = name.partition("/")
        if slash and (provider in {"openai", "anthropic"} or provider in self._backends):
            return provider, rest
        return ("anthropic" if name.startswith("claude") else "openai"), name

    def price(self, model: str) -> Price | None:
        """What a model costs, if anybody said so."""
        return self._prices.get(model)

    async def turn(
        self, provider: str, request: Request, said: Said, usage: Usage, meter: Meter
    ) -> Turn:
        """A model's next turn, tried again where that may help; recorded in `usage`.

        What it may use is reserved before, and settled after it. A try of which nobody knows what
        it has used is not settled, so it is charged in full, and the next one is reserved anew.

        Raises:
            Failure: It did not come.
            Cancelled: No budget has room for it.
        """
        backend = self._backend(provider)
        reservation: Reservation | None = None
        backoff, until = Backoff(), time.monotonic() + self._patience_s
        while True:
            if reservation is None:
                asked = time.monotonic()
                reservation = await self._reserve(request, meter)
                until += time.monotonic() - asked
            began = time.monotonic()
            try:
                turn = await backend.turn(request, said)
            except ModelUnavailable as problem:
                wait = backoff.next_s(problem.retry_after_ms)
                ends = time.monotonic() + max(wait, (problem.retry_after_ms or 0) / 1000) > until
                if ends and problem.refused:
                    await reservation.settle(calls=0)
                if not problem.refused:
                    reservation = None
                if ends:
                    raise Failure(
                        problem.code,
                        str(problem),
                        retryable=True,
                        retry_after_ms=problem.retry_after_ms,
                    ) from problem
                await asyncio.sleep(wait)
                continue
            used = self._used(provider, request, turn, time.monotonic() - began)
            usage.calls.append(used)
            tokens = used.input_tokens + used.output_tokens
            await reservation.settle(tokens=tokens, usd=used.cost_usd or 0.0)
            return turn

    async def _reserve(self, request: Request, meter: Meter) -> Reservation:
        if not meter.metered:
            return await meter.reserve()
        read, price = input_tokens_at_most(request), self.price(request.model)
        usd = price.of(read, 0, request.max_tokens) if price else 0.0
        return await meter.reserve(tokens=read + request.max_tokens, usd=usd)

    def _backend(self, provider: str) -> Backend:
        if provider not in self._backends:
            if provider == "anthropic":
                base_url, api_key = self._anthropic
                self._backends[provider] = AnthropicBackend(
                    base_url=base_url, api_key=api_key, http=self._pool()
                )
            else:
                base_url, api_key = self._openai
                self._backends[provider] = OpenAIBackend(
                    base_url=base_url, api_key=api_key, http=self._pool()
                )
        return self._backends[provider]

    def _pool(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = httpx2.AsyncClient(
                http2=True,
                timeout=httpx2.Timeout(self._idle_s, connect=10.0),
                limits=httpx2.Limits(max_connections=256, keepalive_expiry=60.0),
                # A provider's key goes to the provider, and not where it points.
                follow_redirects=False,
            )
        return self._http

    def _used(self, provider: str, request: Request, turn: Turn, took_s: float) -> CallUsage:
        price = self._prices.get(turn.served_model) or self._prices.get(request.model)
        tokens = (turn.input_tokens, turn.cached_input_tokens, turn.output_tokens)
        return CallUsage(
            provider=provider,
            model=request.model,
            served_model=turn.served_model,
            input_tokens=tokens[0],
            cached_input_tokens=tokens[1],
            output_tokens=tokens[2],
            duration_ms=round(took_s * 1000),
            cost_usd=price.of(*tokens) if price else None,
        )
