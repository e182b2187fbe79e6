"""Offers from a topic, results to a topic, through confluent-kafka.

librdkafka blocks, so two threads talk to it: one polls for offers and commits, one produces.
Nothing executes on the thread that polls; where the runner has no free slot its partitions are
paused, and it polls on, so that it stays a member of its group however long jobs take.

An offer is settled once its claim is answered: from there the lease stands for the job, and the
message is of no more use. Committed is what lies before the first offer that is not settled.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from aob.models import Job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import Consumer, Message, Producer

    from aob.kafka import Kafka

__all__ = ["Jobs", "Offer", "ResultTopic", "read"]

_LOG = logging.getLogger("aob.runner")
_POLL_S = 0.2
_FULL_POLL_S = 0.02
"""How long the thread waits for messages that nobody wants: then, somebody may want some."""
_OFFER_HEADER = "aob-offer"


@dataclass(frozen=True, slots=True)
class Offer:
    """A job that came on a topic, not claimed yet."""

    job: Job
    offer: str
    """What shows whose offer it is."""
    digest: str
    """Of the message as it came."""


def read(message: Message) -> Offer | None:
    """The offer of a message; `None`: it is none."""
    value = message.value()
    headers = cast("list[tuple[str, Any]]", message.headers() or [])
    offers = [text for name, text in headers if name == _OFFER_HEADER]
    if value is None or len(offers) != 1 or not isinstance(offers[0], bytes):
        return None
    try:
        job = Job.model_validate(json.loads(value))
    except ValueError:
        return None
    digest = "sha256:" + hashlib.sha256(value).hexdigest()
    return Offer(job, offers[0].decode("ascii", "replace"), digest)


class Jobs:
    """A member of the pool's consumer group."""

    def __init__(self, kafka: Kafka, pool: str, runner: str) -> None:
        """Connects to nothing yet.

        Raises:
            RuntimeError: The package for Kafka is not installed.
        """
        try:
            from confluent_kafka import Consumer  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise RuntimeError("a runner on Kafka needs `pip install 'aob[kafka]'`") from error
        self._loop = asyncio.get_running_loop()
        self._consumer: Consumer = Consumer(
            {
                "bootstrap.servers": kafka.brokers,
                "client.id": runner,
                "group.id": kafka.group or f"aob.{pool}",
                # Offers of before the group existed are jobs of today.
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "partition.assignment.strategy": "cooperative-sticky",
                # At most this much waits in this process while others could have it.
                "queued.max.messages.kbytes": 1024,
                **kafka.settings,
            }
        )
        self._topic = kafka.jobs
        self._lock = threading.Lock()
        self._wanted = 0
        self._taking: asyncio.Future[list[Message]] | None = None
        self._settled: list[Message] = []
        self._ending = threading.Event()
        self._paused: bool | None = False
        self._thread = threading.Thread(target=self._run, name="aob kafka jobs", daemon=True)

    def start(self) -> None:
        """Joins the group."""
        self._thread.start()

    async def take(self, limit: int) -> list[Message]:
        """Waits for messages, at most `limit`. Cancelled, it loses none."""
        taking: asyncio.Future[list[Message]] = self._loop.create_future()
        with self._lock:
            self._taking, self._wanted = taking, limit
        return await taking

    def settle(self, messages: Iterable[Message]) -> None:
        """These are dealt with: they need not come again."""
        with self._lock:
            self._settled += messages

    async def close(self) -> None:
        """Leaves the group, after a last commit: other members go on from there."""
        self._ending.set()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        held: list[Message] = []
        self._consumer.subscribe([self._topic], on_assign=self._assigned)
        while not self._ending.is_set():
            with self._lock:
                wanted = self._wanted
            if not held:
                self._pause(wanted == 0)
                held = self._poll(wanted)
            elif not wanted:
                # They came while nobody wanted any: a partition was assigned just then.
                self._pause(True)
                held += self._poll(0)
            if held and wanted:
                held = self._hand_over(held)
            self._commit()
        self._commit(last=True)
        self._consumer.close()

    def _hand_over(self, held: list[Message]) -> list[Message]:
        """Gives messages to who waits for them; what is left waits here."""
        with self._lock:
            taking, limit = self._taking, self._wanted
            if taking is None or not limit:
                return held
            self._taking, self._wanted = None, 0
        taken, rest = held[:limit], held[limit:]

        def done() -> None:
            # Who was cancelled takes nothing; the messages come again after this member has left.
            if not taking.done():
                taking.set_result(taken)

        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(done)
        return rest

    def _poll(self, wanted: int) -> list[Message]:
        """Waits for one message, and takes those that have come with it."""
        first = self._consumer.poll(_POLL_S if wanted else _FULL_POLL_S)
        if first is None:
            return []
        more = self._consumer.consume(wanted - 1, 0) if wanted > 1 else []
        return self._good([first, *more])

    def _good(self, messages: list[Message]) -> list[Message]:
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                _LOG.warning("no jobs can be received: %s", error)
        return good

    def _assigned(self, _: Consumer, __: list[Any]) -> None:
        # What is new is not paused, what was there before may be.
        self._paused = None

    def _pause(self, paused: bool) -> None:
        """Has the broker send nothing, or something again."""
        if paused == self._paused:
            return
        assigned = self._consumer.assignment()
        if not assigned:
            return
        if paused:
            self._consumer.pause(assigned)
        else:
            self._consumer.resume(assigned)
        self._paused = paused

    def _commit(self, *, last: bool = False) -> None:
        from confluent_kafka import KafkaException, TopicPartition  # noqa: PLC0415 - an extra

        with self._lock:
            settled, self._settled = self._settled, []
        ends: dict[int, int] = {}
        for message in settled:
            partition, offset = message.partition(), message.offset()
            if partition is not None and offset is not None:
                ends[partition] = max(ends.get(partition, 0), offset + 1)
        if not ends:
            return
        offsets = [TopicPartition(self._topic, *end) for end in ends.items()]
        try:
            if last:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            else:
                self._consumer.commit(offsets=offsets)
        except KafkaException as error:
            # The partition is another member's by now: it gets the offers again, and claims none.
            _LOG.debug("offers will come again: %s", error)


class ResultTopic:
    """Where results go."""

    def __init__(self, kafka: Kafka, runner: str) -> None:
        """Connects to nothing yet."""
        from confluent_kafka import Producer  # noqa: PLC0415 - an extra

        self._loop = asyncio.get_running_loop()
        self._producer: Producer = Producer(
            {
                "bootstrap.servers": kafka.brokers,
                "client.id": runner,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                **kafka.settings,
            }
        )
        self._topic = kafka.results_topic
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aob kafka results", daemon=True)

    def start(self) -> None:
        """Begins to send."""
        self._thread.start()

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a result; returns when the brokers have it.

        Raises:
            OSError: They do not, or it is not known.
        """
        sent: asyncio.Future[None] = self._loop.create_future()

        def settle(problem: str | None) -> None:
            if not sent.done():
                if problem is None:
                    sent.set_result(None)
                else:
                    sent.set_exception(OSError(problem))

        def delivered(error: Any, _: Any) -> None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(settle, None if error is None else str(error))

        value = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        key = uuid.UUID(message["result"]["run"]).bytes
        try:
            self._producer.produce(self._topic, value, key, on_delivery=delivered)
        except BufferError as error:
            raise OSError("too many results wait to be sent") from error
        except Exception as error:
            raise OSError(str(error)) from error
        await sent

    async def close(self) -> None:
        """Sends what is left, for a while."""
        self._ending.set()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._producer.flush, 5.0)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._producer.poll(_POLL_S)
