#!/usr/bin/env python3
"""Reviews applications, and checks names against the sanctions lists."""

from typing import Any

from aob import AgentRunner, BlockingRun, Failure, Run, agent, function, tool

DOCUMENTS = {
    "application-17": "Ada Lovelace, resident since 2011. 4200 a month, a third from abroad."
}
SANCTIONED = {"Count Dracula"}


@tool
def read_document(document: str) -> str:
    """Text of a document, by its name."""
    if document not in DOCUMENTS:
        raise Failure("no_document", f"there is no document {document}")
    return DOCUMENTS[document]


@agent("review")
async def review(run: Run) -> Any:
    """Answers the node `review`: what it is to do, and what it may, stands in the workflow."""
    run.log(f"reviewing {run.input['applicant']}")
    return await run.ask(system="You review applications for a bank.", tools=[read_document])


@function
def sanctions_check(args: Any, run: BlockingRun) -> Any:
    """Answers function nodes of that name."""
    run.log(f"looking for {args['name']}")
    return {"result": "listed" if args["name"] in SANCTIONED else "clear"}


if __name__ == "__main__":
    AgentRunner(review, sanctions_check).run()
