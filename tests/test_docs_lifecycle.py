"""The diagrams of a certificate's life have the arrows of the rules, and no other."""

import re

from state.certificate.record import Lifecycle
from tests.docs_lifecycle import START, arrows, ended_from
from tests.write_docs import ROOT

_ARROW = re.compile(r"^  (\[\*\]|[A-Z_]+) --> ([A-Z_]+): (.+)$", re.MULTILINE)


def test_every_lifecycle_is_reached_from_the_start_by_the_arrows() -> None:
    reached, left = {START}, dict(arrows())
    while step := {to for (before, to) in left if before in reached} - reached:
        reached |= step
    assert reached == {START, *Lifecycle}


def test_annulment_ends_a_certificate_from_everywhere() -> None:
    """The diagram leaves these arrows out, and the page says so."""
    assert ended_from() == {*Lifecycle} - {Lifecycle.ANNULLED}


def test_diagram_of_one_certificates_life_has_the_arrows_of_the_rules() -> None:
    """That page tells what each arrow needs; annulment is told in its words."""
    page = (ROOT / "docs" / "flow.md").read_text(encoding="utf-8")
    section = page.partition("```mermaid\nstateDiagram-v2\n")[2].partition("```")[0]
    shown = {(before, to): words for before, to, words in _ARROW.findall(section)}
    meant = {arrow: kinds for arrow, kinds in arrows().items() if set(kinds) != {"annul"}}
    assert shown.keys() == meant.keys()
    for arrow, words in shown.items():
        assert any(words.startswith(kind) for kind in meant[arrow]), (arrow, words)
