"""`python -m tests.supply_chain audit|sbom`: what `make audit` and `make sbom` run.

Owns the command line and nothing else.
"""

import argparse
import sys

from tests.supply_chain.bill import DESTINATION, write_bill
from tests.supply_chain.locked import ROOT
from tests.supply_chain.vulnerabilities import audit


def main() -> int:
    """Do what is asked; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply_chain")
    commands = parser.add_subparsers(dest="command", required=True)
    auditing = commands.add_parser("audit", help="known vulnerabilities of what is locked")
    auditing.add_argument(
        "--unreachable-is-skipped",
        action="store_true",
        help="end well when the vulnerability service is not there, and say so",
    )
    commands.add_parser("sbom", help="the bill of materials, as CycloneDX")
    asked = parser.parse_args()
    if asked.command == "audit":
        return audit(unreachable_is_skipped=asked.unreachable_is_skipped)
    count = write_bill()
    print(f"{DESTINATION.relative_to(ROOT)}: {count} packages, valid CycloneDX 1.6")
    return 0


if __name__ == "__main__":
    sys.exit(main())
