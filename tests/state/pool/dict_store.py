"""The records of one pool in dictionaries: what the rules need of a store, and no more."""

from state.pool.queue import PoolHead, Take


class DictStore:
    """A PoolStore in memory that refuses what a careless rule could do to a real one."""

    def __init__(self) -> None:
        self._head = PoolHead()
        self.numbers: dict[int, str] = {}
        self._positions: dict[str, int] = {}
        self._takes: dict[str, Take] = {}

    def head(self) -> PoolHead:
        return self._head

    def put_head(self, head: PoolHead) -> None:
        self._head = head

    def number_at(self, position: int) -> str | None:
        return self.numbers.get(position)

    def put_number(self, position: int, certificate_id: str) -> None:
        assert position not in self.numbers, "a position is used once"
        assert certificate_id not in self._positions, "a number is in the queue once"
        self.numbers[position] = certificate_id
        self._positions[certificate_id] = position

    def remove_number(self, position: int, certificate_id: str) -> None:
        assert self.numbers.pop(position) == certificate_id
        assert self._positions.pop(certificate_id) == position

    def position_of(self, certificate_id: str) -> int | None:
        return self._positions.get(certificate_id)

    def take_of(self, request_id: str) -> Take | None:
        return self._takes.get(request_id)

    def put_take(self, request_id: str, take: Take) -> None:
        self._takes[request_id] = take
