"""Who has which partition: the consumer group's own membership.

Every worker names itself to Kafka as `<worker id>@<edge address>`, so the group's coordinator knows
where the owner of a partition answers. Nothing else keeps that knowledge. What is said here may be
old by `GOOD_FOR_S` and is a direction, never a permission: an owner answers from what it holds.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.addresses import web_address
from pipelines.group_descriptions import Described, GroupDescriptions
from pipelines.settings import Settings
from pipelines.topics import Role, Topic, group_name, topic_name

FRESH_FOR_S: Final = 1.0
"""For so long what is known is said without asking again."""

GOOD_FOR_S: Final = 3.0
"""For so long it is still said at once, while the group is asked again beside it."""

ASK_AGAIN_S: Final = 0.1
"""What the group said last stands for this long, also when it said nothing of use: callers that
come again and again must not become as many questions."""

TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Who held what at one moment: addresses by full topic name and partition.

    Nothing in it: the group is changing, or did not answer.
    """

    held: Mapping[tuple[str, int], str] = field(default_factory=dict)

    def addresses(self) -> frozenset[str]:
        """Where the members that hold something answer."""
        return frozenset(self.held.values())


_UNKNOWN: Final = Membership()
_NEVER_S: Final = float("-inf")


class Owners:
    """The members of one role's group and what they hold. Safe to ask from any thread."""

    def __init__(self, settings: Settings, role: Role, groups: GroupDescriptions) -> None:
        self._settings = settings
        self._group = group_name(role, settings)
        self._groups = groups
        self._lock = threading.Lock()
        self._known = _UNKNOWN
        self._known_s = _NEVER_S
        self._told_s = _NEVER_S
        self._asking: _Question | None = None
        # While Kafka does not answer, callers are not made to wait for that again and again.
        self._silent = False

    def place(self, topic: Topic, partition: int) -> "Place":
        """One partition, whose owner can be asked for without waiting in this thread."""
        return Place(self, topic_name(topic, self._settings), partition)

    def owner_of(self, topic: Topic, partition: int) -> str | None:
        """The edge address of the partition's owner; None when the group does not know one.

        May wait for Kafka: not for an event loop.
        """
        return self.place(topic, partition).owner().result()

    def members(self) -> Future[Membership]:
        """Who holds what: at once when that is known well enough, else when Kafka has said it."""
        with self._lock:
            now_s = time.monotonic()
            age_s = now_s - self._known_s
            known = self._known if age_s <= GOOD_FOR_S else _UNKNOWN
            if age_s <= FRESH_FOR_S or now_s - self._told_s <= ASK_AGAIN_S:
                return _done(known)
            under_way, silent = self._asking, self._silent
            question = under_way or _Question(asked_s=now_s)
            self._asking = question
        if under_way is None:
            self._ask(question)
        if known is not _UNKNOWN or (silent and not question.answer.done()):
            return _done(known)
        return question.answer

    def invalidate(self) -> None:
        """Forget what is known: this process has learnt that it may not be so any more."""
        with self._lock:
            self._forget()
            self._told_s = _NEVER_S

    def mistaken(self, name: str, partition: int, owner: str) -> None:
        """The owner was not at that address. Many callers that say so at once ask but once."""
        with self._lock:
            still_said = self._known.held.get((name, partition)) == owner
            if still_said and time.monotonic() - self._told_s > ASK_AGAIN_S:
                self._forget()

    def _forget(self) -> None:
        self._known, self._known_s = _UNKNOWN, _NEVER_S
        # The group may have answered what is being asked before this was learnt: it is not kept.
        self._asking = None

    def _ask(self, question: "_Question") -> None:
        """Ask the group; the answer comes on another thread."""
        try:
            asked = self._groups.describe(self._group, TIMEOUT_S)
        except BaseException as bug:
            self._drop(question)
            question.answer.set_exception(bug)
            raise
        asked.add_done_callback(lambda answer: self._hear(question, answer))

    def _hear(self, question: "_Question", answer: Future[Described | None]) -> None:
        described = answer.result()
        # Not knowing is an answer here: the caller is told to come back in a moment.
        self._settle(question, None if described is None else _membership(described))

    def _settle(self, question: "_Question", heard: Membership | None) -> None:
        """Keep what was heard and tell who waits. None: Kafka did not answer."""
        with self._lock:
            if self._asking is question:
                self._asking = None
                self._told_s = time.monotonic()
                self._silent = heard is None
                if heard is not None:
                    self._known = heard
                    self._known_s = question.asked_s if heard.held else _NEVER_S
        question.answer.set_result(heard or _UNKNOWN)

    def _drop(self, question: "_Question") -> None:
        with self._lock:
            if self._asking is question:
                self._asking = None


class Place:
    """One partition of one topic, wherever it is."""

    def __init__(self, owners: Owners, name: str, partition: int) -> None:
        self._owners = owners
        self._name = name
        self._partition = partition

    def owner(self) -> Future[str | None]:
        """The edge address of its owner; None when nobody is known to have it now."""
        found: Future[str | None] = _pending()

        def find(members: Future[Membership]) -> None:
            bug = members.exception()
            if bug is not None:
                found.set_exception(bug)
                return
            found.set_result(members.result().held.get((self._name, self._partition)))

        self._owners.members().add_done_callback(find)
        return found

    def mistaken(self, owner: str) -> None:
        """It was not at that address: the next question asks the group."""
        self._owners.mistaken(self._name, self._partition, owner)


def _pending() -> Future[Any]:
    """A future that is not cancelled by one of those who wait for it: others wait too."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


def _done(members: Membership) -> Future[Membership]:
    future: Future[Membership] = Future()
    future.set_result(members)
    return future


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What the group was asked, once for all who want to know at that time."""

    asked_s: float
    answer: Future[Membership] = field(default_factory=_pending)


def _membership(described: Described) -> Membership:
    """What a group's description says. Of a group that is changing, old owners are no answer."""
    if not described.stable:
        return _UNKNOWN
    return Membership(
        held={
            place: address
            for member in described.members
            if (address := _address(member.client_id)) is not None
            for place in member.held
        }
    )


def _address(client_id: str) -> str | None:
    """The address a member named; None for one that is none of ours."""
    try:
        return web_address(client_id.partition("@")[2])
    except ValueError:
        return None
