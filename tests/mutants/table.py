"""All the mutants, in one tuple."""

from typing import Final

from tests.mutants import (
    certificate_mutants,
    contract_mutants,
    correlation_mutants,
    edge_mutants,
    money_mutants,
    pool_mutants,
    runtime_mutants,
    stage_mutants,
)
from tests.mutants.mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *certificate_mutants.MUTANTS,
    *money_mutants.MUTANTS,
    *correlation_mutants.MUTANTS,
    *pool_mutants.MUTANTS,
    *stage_mutants.MUTANTS,
    *contract_mutants.MUTANTS,
    *edge_mutants.MUTANTS,
    *runtime_mutants.MUTANTS,
)
