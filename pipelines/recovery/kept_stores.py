"""The stream library's register of stores, with ours in it.

Owns which class a stage's store is of. The library lets no other class be named, so its register is
replaced as a whole.
"""

import warnings
from typing import Self

from pipelines.recovery.recoveries import Recoveries
from pipelines.runtime_store import KeptStore

with warnings.catch_warnings(record=True):
    from quixstreams.models.topics import TopicConfig
    from quixstreams.state import DEFAULT_STATE_STORE_NAME, StateStoreManager
    from quixstreams.state.manager import StoreTypes


class KeptStores(StateStoreManager):
    """The stores of a worker's stages, one each."""

    @classmethod
    def instead_of(cls, register: StateStoreManager, recoveries: Recoveries) -> Self:
        """The same register with our stores and our recovery."""
        assert not register.stores, "no stage has a store yet"
        return cls(
            state_dir=register._state_dir,
            rocksdb_options=register._rocksdb_options,
            producer=register._producer,
            recovery_manager=recoveries,
            stop_event=register._stop_event,
            open_deadline=register._open_deadline,
        )

    def register_store(
        self,
        stream_id: str | None,
        store_name: str = DEFAULT_STATE_STORE_NAME,
        store_type: StoreTypes | None = None,
        changelog_config: TopicConfig | None = None,
    ) -> None:
        """Give a stage its store."""
        assert store_type is None, "a stage has the one kind of store there is"
        assert stream_id is not None, "a store is the fold of one topic"
        assert stream_id not in self._stores, "a topic is folded once"
        factory = self._setup_changelogs(stream_id, store_name, changelog_config)
        self._stores[stream_id] = {
            store_name: KeptStore(
                name=store_name,
                stream_id=stream_id,
                base_dir=str(self._state_dir),
                changelog_producer_factory=factory,
                options=self._rocksdb_options,
                stop_event=self._stop_event,
                open_deadline=self._open_deadline,
            )
        }

    def kept(self, stream_id: str) -> KeptStore:
        """The store that is the fold of a topic."""
        store = self._stores[stream_id][DEFAULT_STATE_STORE_NAME]
        assert isinstance(store, KeptStore), store
        return store
