"""Both languages say the same, and every problem has a sentence that a cashier understands."""

import re
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from http_edge.api.problems import REFUSALS, TECHNICAL
from pipelines.neighbours.shop import words as words_module
from pipelines.neighbours.shop.catalogue import ARTICLES
from pipelines.neighbours.shop.orders import State
from pipelines.neighbours.shop.trouble import OwnTrouble, name_of_code
from pipelines.neighbours.shop.words import (
    Language,
    Words,
    preferred_language,
    texts_of,
    words_in,
)
from state.certificate.record import Lifecycle
from state.certificate.rejections import RejectionCode

RU, EN = Language.RUSSIAN, Language.ENGLISH
RUSSIAN = re.compile("[\u0410-\u044f]")
NAMED = re.compile(r"\bt\('([a-z_]+\.[a-z_A-Z]+)'[,)]")
TEMPLATES = Path(words_module.__file__).parent / "templates"
PROBLEMS = sorted(
    {kind.name for kind in (*TECHNICAL, *REFUSALS.values())}
    | {each.value for each in OwnTrouble}
    | {name_of_code(code) for code in RejectionCode}
)
ALERTS = (
    "CERTIFICATE_FOR_CERTIFICATE",
    "CVC_LOCKED",
    "NUMBER_MISSING",
    "ORDER_MISSING",
    "OVERPAID",
    "PARTLY_USED",
    "PAYMENT_MISSING",
    "REDEMPTION_MISMATCH",
    "REFUND_FAILED",
    "TWO_ORDERS",
)
# What a cashier cannot know, and need not.
JARGON = re.compile(
    r"HTTP|JSON|токен|token|\bключ|\bkey\b|Kafka|\bAPI\b|\bid\b|idempot|scope|partition|топик|topic",
    re.IGNORECASE,
)


def places_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_languages_have_the_same_texts_with_the_same_places() -> None:
    russian, english = texts_of(RU), texts_of(EN)
    assert set(russian) == set(english)
    differing = [name for name in russian if places_of(russian[name]) != places_of(english[name])]
    assert differing == []


def test_russian_texts_are_russian_and_english_ones_are_not() -> None:
    """One that was forgotten in translation would be in the wrong letters."""
    own_names = {"frame.other_language"}
    assert {name for name, text in texts_of(EN).items() if RUSSIAN.search(text)} == own_names
    assert {name for name, text in texts_of(RU).items() if not RUSSIAN.search(text)} == own_names


def test_every_text_that_a_template_names_exists() -> None:
    source = "\n".join(path.read_text() for path in sorted(TEMPLATES.glob("*.html")))
    named = set(NAMED.findall(source))
    assert len(named) > 100
    assert named - set(texts_of(RU)) == set()


def test_every_text_is_named_somewhere() -> None:
    source = "\n".join(path.read_text() for path in sorted(TEMPLATES.glob("*.html")))
    named = set(NAMED.findall(source))
    beginnings = tuple(re.findall(r"\bt\('([a-z_]+\.[a-z_A-Z]*)' ~", source))
    used = (*beginnings, "trouble.", "standing.", "step.")
    assert [n for n in texts_of(RU) if n not in named and not n.startswith(used)] == []


@pytest.mark.parametrize("language", Language)
def test_names_that_templates_put_together_exist(language: Language) -> None:
    words = words_in(language)
    for article in ARTICLES:
        assert words(f"goods.{article.sku}")
    for state in (*(each.value for each in State), "recording"):
        assert words(f"state.{state}")
    for step in ("paid", "issued", "active", "sent", "returned"):
        for standing in ("done", "awaited", "failed"):
            assert words(f"step.{step}.{standing}")
    written = ["paid", "cancelled", "returned"]
    for stage in written:
        assert words(f"store.recording_{stage}_text")
        assert words(f"till.recording_{stage}_text")
    for stage in ["paying", "no_number", "selling", *written, *map("recording_{}".format, written)]:
        assert words(f"store.stage_{stage}")
        assert words(f"till.stage_{stage}")
    assert words("till.stage_confirming")
    for channel in ("POS", "ONLINE_STORE"):
        assert words(f"channel.{channel}")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("lifecycle", Lifecycle)
def test_every_lifecycle_of_a_balance_has_a_sentence(
    language: Language, lifecycle: Lifecycle
) -> None:
    unknown = words_in(language).standing("NEVER_HEARD_OF")
    assert words_in(language).standing(lifecycle.value) not in ("", unknown)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", [*PROBLEMS, *map(name_of_code, ALERTS)])
def test_problem_is_told_in_sentences_of_the_language(name: str, language: Language) -> None:
    """What happened, and what to do, in whole sentences and without a programmer's words."""
    unknown = words_in(language).trouble("never-heard-of", "till")
    for place in ("till", "store"):
        said = words_in(language).trouble(name, place, "0042")
        assert said != unknown, name
        for sentence in (said.what, said.advice):
            assert sentence.endswith((".", "…")), sentence
            assert "{" not in sentence
            assert JARGON.search(sentence) is None, sentence
            assert "  " not in sentence
            assert len(sentence) < 200


@pytest.mark.parametrize("language", Language)
def test_problem_without_a_certificate_reads_well(language: Language) -> None:
    for name in PROBLEMS:
        said = words_in(language).trouble(name, "till")
        assert "…." not in said.what
        assert re.search(r" [.,:]", said.what) is None, said.what


@pytest.mark.parametrize("language", Language)
def test_problem_that_nobody_knows_yet_still_gets_a_sentence(language: Language) -> None:
    assert words_in(language).trouble("brand-new-problem", "store").what


def test_wrong_code_warns_of_the_lock() -> None:
    assert "заблокируется" in words_in(RU).trouble("wrong-cvc", "till").advice
    assert "locked" in words_in(EN).trouble("wrong-cvc", "store").advice


@pytest.mark.parametrize(
    ("language", "currency", "minor", "money", "price"),
    [
        (RU, "RUB", 150_000, "1 500,00 ₽", "1 500 ₽"),
        (RU, "RUB", 150_050, "1 500,50 ₽", "1 500,50 ₽"),
        (EN, "EUR", 150_000, "€1,500.00", "1,500 €"),
        (EN, "JPY", 1_500, "¥1,500", "1,500 ¥"),
        (EN, "RSD", 150_075, "RSD1,500.75", "RSD1,500.75"),
        (RU, "RUB", -100_000, "-1 000,00 ₽", "-1 000 ₽"),
    ],
)
def test_amount_is_written_as_the_language_does(
    language: Language, currency: str, minor: int, money: str, price: str
) -> None:
    words = words_in(language)
    assert words.money(minor, currency).replace("\u00a0", " ") == money
    assert words.price(minor, currency).replace("\u00a0", " ") == price


def test_time_of_a_receipt_is_of_the_shop_s_zone() -> None:
    words: Words = words_in(RU, ZoneInfo("Europe/Moscow"))
    at_ms = 1_772_359_200_000
    assert words.clock(at_ms) == "13:00"
    assert words.day(at_ms) == "01.03.2026"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", RU),
        ("en-GB,en;q=0.9", EN),
        ("de-DE,de;q=0.9,en;q=0.5", EN),
        ("fr", RU),
        ("", RU),
        ("*", RU),
    ],
)
def test_language_is_the_browser_s_where_we_speak_it(accepted: str, language: Language) -> None:
    assert preferred_language(accepted, RU) is language
