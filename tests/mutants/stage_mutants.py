"""Defects in the stages, and in the timers that ask them: what is written, kept and told."""

from typing import Final

from tests.mutants.mutant import Area, Edit, Mutant

_CERTIFICATES: Final = "pipelines/stages/certificates.py"
_CORRELATE: Final = "pipelines/stages/correlate.py"
_INGEST: Final = "pipelines/stages/ingest.py"
_RECORD: Final = "pipelines/stages/record.py"
_TIMERS: Final = "pipelines/timers.py"

_KEPT: Final = (
    Mutant(
        name="refusal-is-not-kept",
        says="The outcome of a refused request is not kept for its repeats.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="if result.outcome is not None and not result.repeated:",
            after="if result.published and result.outcome is not None and not result.repeated:",
        ),
        laws=frozenset({"5", "6", "repeat"}),
    ),
    Mutant(
        name="deadline-stays-behind",
        says="The deadline of a reservation or hold that is over is not taken away.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="for gone in sorted(old - new):",
            after="for gone in sorted(old - new)[1:]:",
        ),
        laws=frozenset({"deadlines", "settles"}),
    ),
    Mutant(
        name="deadline-is-not-watched",
        says="No timer learns of the end of a hold.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="    old, new = deadlines(before), deadlines(after)\n"
            "    if old == new:\n        return\n    known",
            after="    old, new = deadlines(before), deadlines(after)\n"
            "    if old == new or old:\n        return\n    known",
        ),
        laws=frozenset({"deadlines", "settles"}),
    ),
    Mutant(
        name="history-keeps-the-last-event-only",
        says="Of the events of one command the history keeps only the last.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="records.set_bytes(history_key(published.sequence), entry)",
            after="records.set_bytes(history_key(result.state.sequence), entry)",
        ),
        laws=frozenset({"history"}),
    ),
    Mutant(
        name="first-half-is-not-kept",
        says="What an order said is forgotten when nothing is asked because of it yet.",
        area=Area.STAGES,
        edit=Edit(
            file=_CORRELATE,
            before="        elif step.state is not before:\n",
            after="        elif step.state is not before and outputs:\n",
        ),
        laws=frozenset({"intents", "settles"}),
    ),
    Mutant(
        name="wait-keeps-its-first-deadline",
        says="A correlation's deadline that moved stays where it was as well.",
        area=Area.STAGES,
        edit=Edit(
            file=_CORRELATE,
            before="    if old is not None:\n        deadlines.remove(old)\n"
            "    if new is not None:",
            after="    if old is not None and new is None:\n        deadlines.remove(old)\n"
            "    if new is not None:",
        ),
        laws=frozenset({"deadlines", "settles"}),
    ),
)

_TOLD: Final = (
    Mutant(
        name="events-of-one-command-share-an-id",
        says="The id of an event does not depend on its place among those of its command.",
        area=Area.STAGES,
        edit=Edit(
            file=_RECORD,
            before='f"{self.topic}/{self.partition}/{self.offset}/{position}"',
            after='f"{self.topic}/{self.partition}/{self.offset}"',
        ),
        laws=frozenset({"3", "5"}),
    ),
    Mutant(
        name="events-of-two-partitions-share-an-id",
        says="The id of an event does not depend on the partition of its command.",
        area=Area.STAGES,
        edit=Edit(
            file=_RECORD,
            before='f"{self.topic}/{self.partition}/{self.offset}/{position}"',
            after='f"{self.topic}/{self.offset}/{position}"',
        ),
        laws=frozenset({"3", "5"}),
    ),
    Mutant(
        name="repeat-is-not-answered",
        says="A request that is repeated gets no reply.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="if result.answers and result.outcome is not None "
            "and command.reply_to is not None:",
            after="if result.published and result.outcome is not None "
            "and command.reply_to is not None:",
        ),
        laws=frozenset({"5"}),
    ),
    Mutant(
        name="lapsed-number-is-lost-to-the-pool",
        says="A number whose reservation lapsed is free, but not in the queue.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="        if result.pool is not None:\n",
            after="        if result.pool is not None and result.outcome is not None:\n",
        ),
        laws=frozenset({"5", "pool"}),
    ),
    Mutant(
        name="order-does-not-find-what-it-spent",
        says="A certificate is not found by the order that was paid with it.",
        area=Area.STAGES,
        edit=Edit(
            file=_CERTIFICATES,
            before="        case Redeemed(order_id=order_id):\n",
            after="        case Redeemed(order_id=order_id, full=True):\n",
        ),
        laws=frozenset({"5", "index"}),
    ),
    Mutant(
        name="record-of-another-key-is-taken",
        says="A record that lies in the wrong partition is performed there.",
        area=Area.STAGES,
        edit=Edit(
            file=_RECORD,
            before="if incoming.partition != partition_of(incoming.key, partitions):",
            after="if incoming.partition >= partitions:",
        ),
        laws=frozenset({"dead-letters"}),
    ),
    Mutant(
        name="payments-of-version-one-are-dropped",
        says="A payment that cannot say that it concerns a certificate is left out.",
        area=Area.STAGES,
        edit=Edit(
            file=_INGEST,
            before="if not payment.marked and not self._rules.accept_unmarked_payments:",
            after="if not payment.marked:",
        ),
        laws=frozenset({"facts", "intents"}),
    ),
    Mutant(
        name="waiting-counts-from-the-source-s-time",
        says="How long a half is missing is counted by the clock of who wrote the record.",
        area=Area.STAGES,
        edit=Edit(
            file=_CORRELATE,
            before="fact = replace(told, received_ms=received_ms)",
            after="fact = replace(told, received_ms=told.at_ms)",
        ),
        laws=frozenset({"alerts", "intents"}),
    ),
)

_TIMED: Final = (
    Mutant(
        name="timer-takes-holds-for-reservations",
        says="The timer asks a certificate about a reservation where a hold is due.",
        area=Area.TIMERS,
        edit=Edit(
            file=_TIMERS,
            before="if entry.kind == HOLD_DEADLINE",
            after="if entry.kind != HOLD_DEADLINE",
        ),
        laws=frozenset({"deadlines", "settles"}),
    ),
    Mutant(
        name="timer-asks-only-once",
        says="A deadline that was asked about is never asked about again.",
        area=Area.TIMERS,
        edit=Edit(
            file=_TIMERS,
            before="if now_ms - at_ms < ASK_AGAIN_AFTER_MS",
            after="if at_ms <= now_ms",
        ),
        laws=frozenset({"deadlines", "forgotten", "settles"}),
        notes="Nothing is lost unless what the timer sent is: Kafka's client may give up.",
    ),
    Mutant(
        name="timer-says-a-time-before-the-deadline",
        says="The timer's command is a millisecond too early to be due.",
        area=Area.TIMERS,
        edit=Edit(
            file=_TIMERS,
            before="""
            at_ms=now_ms,
            certificate_id=entry.message_key,
""",
            after="""
            at_ms=entry.at_ms - 1,
            certificate_id=entry.message_key,
""",
        ),
        laws=frozenset({"deadlines", "settles"}),
    ),
)

MUTANTS: Final = (*_KEPT, *_TOLD, *_TIMED)
