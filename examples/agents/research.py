#!/usr/bin/env python3
"""Three agents: two look things up in a small library, one writes."""

from typing import Any

from aob import LLM, AgentRunner, Price, Run, agent, tool

LIBRARY = [
    "The first container ship sailed from Newark in 1956.",
    "ISO made the container a standard in 1968.",
    "Loading a ton of loose cargo cost 5.86 dollars, in containers 0.16.",
    "Most of today's trade in goods that are not bulk travels in containers.",
    "Refrigerated containers carry food across oceans.",
    "Architecture made of old containers is popular.",
]

PRICES = {"gpt-5.2-2025-12-11": Price(1.75, 14.0, cached_input_usd=0.175)}
"""US dollars for a million tokens; the team's budget in `usd` counts by them."""


@tool
def search(words: str) -> list[str]:
    """Finds sentences of the library that have one of the words."""
    wanted = {word.lower() for word in words.split()}
    return [line for line in LIBRARY if wanted & {w.strip(".,").lower() for w in line.split()}]


@agent
async def research(run: Run) -> Any:
    """Answers every agent node that no other agent does."""
    return await run.ask(system="You look things up and cite what you found.", tools=[search])


@agent("write")
async def write(run: Run) -> Any:
    """Answers the node `write`."""
    return await run.ask(system="You write for a newspaper, plainly and briefly.")


if __name__ == "__main__":
    AgentRunner(research, write, llm=LLM(prices=PRICES)).run()
