"""Which database the settings ask for.

Owns the choice. PostgreSQL's client is loaded only where it is asked for.
"""

from pathlib import Path

from pipelines.neighbours.bi.duckdb_target import DuckDbTarget
from pipelines.neighbours.bi.settings import BiSettings
from pipelines.neighbours.bi.target import MartFault, Target


def target_for(settings: BiSettings) -> Target:
    """The database of the settings. MartFault when its directory is missing."""
    place = settings.required_mart()
    if "://" in place:
        from pipelines.neighbours.bi.postgres_target import PostgresTarget

        return PostgresTarget(place, settings.mart_schema, password=settings.password())
    path = Path(place)
    if not path.parent.is_dir():
        raise MartFault(f"there is no directory {path.parent} for the mart: make it first")
    return DuckDbTarget(path, patience_s=settings.wait_s)
