"""Brokers in this process: what librdkafka offers for tests, with its real protocol."""

from __future__ import annotations

import json
import uuid
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

PARTITIONS = 4


class Brokers:
    """A mock cluster that lives as long as this does."""

    def __init__(self) -> None:
        self._producer = Producer(
            {"test.mock.num.brokers": 1, "bootstrap.servers": "", "log_level": 2}
        )
        metadata = self._producer.list_topics(timeout=10)
        self.address = ",".join(f"{one.host}:{one.port}" for one in metadata.brokers.values())

    def publish(self, topic: str, value: bytes, offer: str | None, key: bytes = b"") -> None:
        """Writes a message, with an offer as its header."""
        headers = None if offer is None else [("aob-offer", offer.encode())]
        self._producer.produce(topic, value, key or uuid.uuid4().bytes, headers=headers)
        self._producer.flush(10)

    def read(self, topic: str, count: int) -> list[dict[str, Any]]:
        """The first messages of a topic."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "nobody"})
        places = range(PARTITIONS)
        consumer.assign([TopicPartition(topic, place, OFFSET_BEGINNING) for place in places])
        messages: list[dict[str, Any]] = []
        try:
            for _ in range(200):
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    messages.append(json.loads(message.value() or b"null"))
                if len(messages) >= count:
                    break
        finally:
            consumer.close()
        return messages

    def committed(self, topic: str, group: str) -> int:
        """How many messages of a topic a group has dealt with."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        try:
            return sum(max(place.offset, 0) for place in consumer.committed(places, 10))
        finally:
            consumer.close()
