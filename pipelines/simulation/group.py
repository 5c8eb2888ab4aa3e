"""A consumer group as Kafka's coordinator keeps it: members, their partitions, committed offsets.

Owns who has what by the group's own knowledge. What a process believes is the process's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

Place = tuple[str, int]
"""A topic's full name and a partition."""


@dataclass(slots=True, kw_only=True)
class Member:
    """One member under its fixed name: which life of it joined last, and what it was given."""

    life: str
    held: list[Place] = field(default_factory=list)


class Group:
    """One consumer group. Its generation grows with every new distribution of the partitions."""

    def __init__(self, topics: Sequence[str], partitions: int) -> None:
        self.members: dict[str, Member] = {}
        self.committed: dict[Place, int] = {}
        self.generation = 0
        self._topics = tuple(topics)
        self._partitions = partitions

    def take_over(self, name: str, life: str) -> Member | None:
        """A member that comes back under its name in time has what it had; None: it must join."""
        member = self.members.get(name)
        if member is not None:
            member.life = life
        return member

    def distribute(self, lives: dict[str, str], random: Random) -> None:
        """Give each member, by its name and life, a range of every topic, as `range` does.

        The order of the members is by chance, so that partitions move more than they would.
        """
        self.generation += 1
        self.members = {name: Member(life=life) for name, life in sorted(lives.items())}
        order = list(self.members.values())
        random.shuffle(order)
        for partition in range(self._partitions if order else 0):
            member = order[partition * len(order) // self._partitions]
            member.held.extend((topic, partition) for topic in self._topics)

    def owner_of(self, place: Place) -> str | None:
        """The name of the member that has a partition."""
        return next((name for name, each in self.members.items() if place in each.held), None)
