"""Defects in what the simulation has its own of: the worker over Kafka, and its clients."""

from typing import Final

from tests.mutants.mutant import Area, Catcher, Edit, Mutant

_RUNTIME: Final = "pipelines/runtime.py"
_OPTIONS_OF_CLIENTS: Final = "pipelines/runtime_options.py"
_COMMITS: Final = "pipelines/commits.py"
_JUDGEMENT: Final = "pipelines/recovery/judgement.py"

_GUARANTEE: Final = Edit(
    file="pipelines/settings.py",
    before='return "exactly-once" if self.processing_guarantee == "exactly-once" '
    'else "at-least-once"',
    after='return "at-least-once"',
)
_NO_TRANSACTIONAL_ID: Final = Edit(
    file=_OPTIONS_OF_CLIENTS,
    before='"transactional.id": f"{group_name(role, settings)}-{settings.worker_id}",',
    after="",
)
_EMIT: Final = """
            self._producer.produce(
                topic=name,
                key=output.key,
                value=output.value,
                headers=list(output.headers),  # type: ignore[arg-type]  # one may have no value
                partition=output.partition,
            )
"""
_EMIT_OUTSIDE: Final = """
            producer = self._producer
            if output.topic.name.endswith("{topic}"):
                producer = self.__dict__.get("outside")
                if producer is None:
                    from confluent_kafka import Producer

                    options = {{**self.settings.kafka_config(), "linger.ms": 0}}
                    producer = self.__dict__["outside"] = Producer(options)
            place = {{}} if output.partition is None else {{"partition": output.partition}}
            producer.produce(
                name,
                value=output.value,
                key=output.key,
                headers=list(output.headers),
                **place,
            )
            producer.poll(0)
"""
_COMMIT: Final = """
                with self.watchdog.watching() if self.watchdog else nullcontext():
                    super().commit_checkpoint(force, revoking)
"""

_GUARANTEES: Final = (
    Mutant(
        name="at-least-once",
        says="The worker works without transactions.",
        area=Area.RUNTIME,
        edit=_GUARANTEE,
        also=(_NO_TRANSACTIONAL_ID,),
        laws=frozenset({"events", "outputs"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="events-outside-the-transaction",
        says="Events are published by a producer of their own, before the commit.",
        area=Area.RUNTIME,
        edit=Edit(file=_RUNTIME, before=_EMIT, after=_EMIT_OUTSIDE.format(topic=".Stream")),
        laws=frozenset({"events", "live-reader", "outputs"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="reply-before-the-commit",
        says="Callers are answered by a producer of its own, before the commit.",
        area=Area.RUNTIME,
        edit=Edit(file=_RUNTIME, before=_EMIT, after=_EMIT_OUTSIDE.format(topic=".Replies")),
        laws=frozenset({"replies"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="offsets-before-outputs",
        says="The offsets are committed first, then the transaction.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_COMMITS,
            before=_COMMIT,
            after=f"""
                from confluent_kafka import TopicPartition

                performed = [
                    TopicPartition(topic, partition, offset + 1)
                    for (topic, partition), offset in self.checkpoint._tp_offsets.items()
                ]
                if performed and (force or self.checkpoint.expired()):
                    self.consumer.commit(offsets=performed, asynchronous=False)
{_COMMIT}
""",
        ),
        laws=frozenset({"sources", "outputs", "serving"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="stores-before-kafka",
        says="The stores are written before Kafka has taken the transaction.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_COMMITS,
            before=_COMMIT,
            after=f"""
                if not revoking and (force or self.checkpoint.expired()):
                    self._write_stores_first()
{_COMMIT}
""",
        ),
        also=(
            Edit(
                file=_COMMITS,
                before="    def begin_anew(self) -> None:\n",
                after="""
    def _write_stores_first(self) -> None:
        for transaction in self.checkpoint._store_transactions.values():
            transaction._partition.write(cache=transaction._update_cache, changelog_offset=None)

    def begin_anew(self) -> None:
""",
            ),
        ),
        laws=frozenset({"events", "stores", "outputs"}),
        catcher=Catcher.CHAOS,
    ),
)

_OPTIONS: Final = (
    Mutant(
        name="empty-store-counts-as-whole",
        says="A worker that comes without a store begins with an empty one.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_JUDGEMENT,
            before='return Verdict(kind="keep", read_from=0 if log.last >= 0 else None)',
            after='return Verdict(kind="keep")',
        ),
        laws=frozenset({"events", "stores", "outputs", "acknowledged", "serving"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="store-that-is-behind-counts-as-whole",
        says="A store that is on the disk is taken as it is, whatever its changelog holds since.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_JUDGEMENT,
            before="if store.offset >= log.last:",
            after="if store.offset >= 0:",
        ),
        laws=frozenset({"events", "stores", "outputs", "acknowledged", "serving"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="reads-what-was-not-committed",
        says="The worker performs records of transactions that were aborted.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_OPTIONS_OF_CLIENTS,
            before='"isolation.level": "read_committed",',
            after='"isolation.level": "read_uncommitted",',
        ),
        laws=frozenset({"outputs", "sources", "events"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="begins-at-the-end",
        says="A worker without committed offsets leaves out what was written before it came.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_RUNTIME,
            before="OFFSET_BEGINNING if each.offset is None else each.offset",
            after="-1 if each.offset is None else each.offset",
        ),
        laws=frozenset({"sources", "outputs", "serving"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="edge-has-another-partitioner",
        says="What the edge asks goes where the client library's own partitioner puts it.",
        area=Area.RUNTIME,
        edit=Edit(
            file="pipelines/outbox.py",
            before='"partitioner": "murmur2_random",',
            after='"partitioner": "consistent_random",',
        ),
        laws=frozenset({"dead-letters"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="worker-has-another-partitioner",
        says="What the stages write goes where the client library's own partitioner puts it.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_OPTIONS_OF_CLIENTS,
            before='"partitioner": "murmur2_random",',
            after='"partitioner": "consistent_random",',
        ),
        laws=frozenset({"dead-letters"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="workers-share-a-transactional-id",
        says="All workers of a role have the same transactional id and fence each other.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_OPTIONS_OF_CLIENTS,
            before='"transactional.id": f"{group_name(role, settings)}-{settings.worker_id}",',
            after='"transactional.id": group_name(role, settings),',
        ),
        laws=frozenset({"serving"}),
        catcher=Catcher.CHAOS,
    ),
)

_EDGE: Final = (
    Mutant(
        name="reply-of-another-request-is-taken",
        says="A reply answers whoever waits, whatever it is the reply to.",
        area=Area.EDGE,
        edit=Edit(
            file="http_edge/asking/requests.py",
            before="for waiting in self._taken((outcome.command_id, outcome.body_digest)):",
            after="for waiting in self._taken(next(iter(self._waiting), ('', None))):",
        ),
        laws=frozenset({"numbers", "acknowledged", "same-answer"}),
        catcher=Catcher.CHAOS,
    ),
    Mutant(
        name="zombie-still-shows-its-stores",
        says="A worker that slept through its session answers from stores that others have by now.",
        area=Area.RUNTIME,
        edit=Edit(
            file=_RUNTIME,
            before="return self._serving and not recovering and alive and fit",
            after="return self._serving and not recovering",
        ),
        laws=frozenset({"reads"}),
        catcher=Catcher.CHAOS,
        faults="zombie",
        notes="Seen only by who reads from it in the moment after it wakes.",
    ),
)

MUTANTS: Final = (*_GUARANTEES, *_OPTIONS, *_EDGE)
