"""What `GET /correlations/{correlationId}` takes and answers.

Owns the shapes only; every field says what it means, for the OpenAPI description is made of it.
Amounts are decimal strings, times ISO 8601 in UTC.
"""

from typing import Annotated

from msgspec import Meta

from http_edge.api.models import Sent, Timestamp, Told
from state.certificate.commands import Channel
from state.correlation.facts import (
    CertificateOperation,
    OrderStatus,
    PaymentStatus,
    PaymentType,
    Tender,
)
from state.correlation.overview import Half, Step
from state.correlation.sentences import SentenceCode, Tone


class CorrelationPath(Sent, frozen=True, kw_only=True):
    """One correlation."""

    correlation_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            pattern=r"^[^\x00-\x1f\x7f-\x9f]*$",
            description="The correlation id of an order and its payments: mostly the order's id.",
        ),
    ]


class ExplainedSentence(Told, frozen=True, kw_only=True):
    """One thing that is true of the correlation, for people and for programs."""

    code: Annotated[
        SentenceCode, Meta(description="Which sentence it is, of a closed list: to translate by.")
    ]
    tone: Annotated[
        Tone,
        Meta(
            description="WRONG: a person should look. OPEN: something is short or awaited. "
            "NOTE: good to know."
        ),
    ]
    text: Annotated[str, Meta(description="The sentence in English.")]
    values: Annotated[
        dict[str, str], Meta(description="What the sentence names, as it stands in the text.")
    ]


class ExplainedLine(Told, frozen=True, kw_only=True):
    """A line that sells a certificate. Once issued it stays as it was issued."""

    line_id: Annotated[str, Meta(description="The order's line.")]
    certificate_id: Annotated[
        str | None, Meta(description="The number it sells; null while the order does not say it.")
    ]
    amount: Annotated[str, Meta(description="What the certificate is sold for.")]


class ExplainedTender(Told, frozen=True, kw_only=True):
    """A certificate that pays for a part of the order."""

    certificate_id: Annotated[str, Meta(description="The certificate that pays.")]
    amount: Annotated[str, Meta(description="How much of the order it pays.")]
    payment_id: Annotated[
        str | None, Meta(description="The captured payment that agrees with it; null: none yet.")
    ]


class ExplainedOrder(Told, frozen=True, kw_only=True):
    """The order, in its newest version."""

    order_id: Annotated[str, Meta(description="The channel's order.")]
    version: Annotated[int, Meta(description="The newest version that was seen.")]
    status: Annotated[OrderStatus, Meta(description="How far the order has come.")]
    channel: Annotated[Channel, Meta(description="Where it was placed.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of all its amounts.")]
    total: Annotated[
        str,
        Meta(
            description="What it costs; with the price of certificates that were issued for "
            "earlier versions, though the newest leaves them out."
        ),
    ]
    lines: Annotated[list[ExplainedLine], Meta(description="The lines that sell certificates.")]
    tenders: Annotated[list[ExplainedTender], Meta(description="The certificates that pay for it.")]


class ExplainedAmounts(Told, frozen=True, kw_only=True):
    """What the order costs and what its payments come to, in the order's currency."""

    currency: Annotated[str, Meta(description="ISO 4217 code of these amounts.")]
    total: Annotated[str, Meta(description="What the order costs.")]
    certificates: Annotated[str, Meta(description="What its certificates cost.")]
    goods: Annotated[str, Meta(description="What everything else costs.")]
    authorized: Annotated[str, Meta(description="Promised and not captured yet.")]
    captured: Annotated[str, Meta(description="Captured, refunds not taken off.")]
    covered: Annotated[str, Meta(description="Authorized and captured together.")]
    refunded: Annotated[str, Meta(description="Given back.")]
    from_certificates: Annotated[
        str,
        Meta(
            description="What agreeing payments take from certificates; of it the price of the "
            "goods counts at most, for a certificate never pays for a certificate."
        ),
    ]
    short_to_issue: Annotated[
        str | None,
        Meta(
            description="How much more must be authorized or captured before a certificate is "
            "issued; null when the order sells none."
        ),
    ]
    short_to_activate: Annotated[
        str | None,
        Meta(
            description="How much more must be captured before a certificate can be spent; null "
            "when the order sells none."
        ),
    ]
    overpaid: Annotated[str, Meta(description="How much more was captured than it costs.")]


class ExplainedPayment(Told, frozen=True, kw_only=True):
    """One payment: what was last heard of it."""

    payment_id: Annotated[str, Meta(description="The payment.")]
    type: Annotated[PaymentType, Meta(description="What it does with money.")]
    status: Annotated[PaymentStatus, Meta(description="How it ended, or that it has not.")]
    amount: Annotated[str, Meta(description="How much, in its own currency.")]
    currency: Annotated[str, Meta(description="ISO 4217 code of the amount.")]
    tender: Annotated[Tender, Meta(description="What was paid with.")]
    certificate_id: Annotated[
        str | None,
        Meta(description="The certificate it is about, said by it or found; null: none known."),
    ]
    operation: Annotated[
        CertificateOperation | None,
        Meta(description="What it says it does with that certificate; null: it does not say."),
    ]
    authorization_id: Annotated[
        str | None, Meta(description="The hold it confirms; null: none named.")
    ]
    original_payment_id: Annotated[
        str | None, Meta(description="The payment it captures, voids or gives back; null: none.")
    ]
    failure_reason: Annotated[
        str | None, Meta(description="Why it failed, in its source's words; null: not told.")
    ]


class AskedStep(Told, frozen=True, kw_only=True):
    """One command that was sent; the certificate's own history tells what came of it."""

    step: Annotated[Step, Meta(description="What the certificate was told, or an alert.")]
    at: Annotated[Timestamp, Meta(description="The time of the record that called for it, UTC.")]
    line_id: Annotated[str | None, Meta(description="The line it is about, if one.")]
    payment_id: Annotated[str | None, Meta(description="The payment it is about, if one.")]
    certificate_id: Annotated[
        str | None, Meta(description="The certificate it is about, where no line or payment is.")
    ]
    alert: Annotated[str | None, Meta(description="The alert's code; null for a command.")]


class ExplainedWaiting(Told, frozen=True, kw_only=True):
    """The half that is missing."""

    half: Annotated[Half, Meta(description="The order, or payments: a refund is a payment, too.")]
    since: Annotated[
        Timestamp | None,
        Meta(description="Since when; null when it is missing again after its one alert."),
    ]
    alert_at: Annotated[
        Timestamp | None, Meta(description="When an alert is raised; null: it was already.")
    ]
    alerted_at: Annotated[
        Timestamp | None, Meta(description="When the alert was raised; null: not yet.")
    ]


class CorrelationExplanation(Told, frozen=True, kw_only=True):
    """What was seen of an order and its payments, what it comes to, and what is missing."""

    correlation_id: Annotated[str, Meta(description="The key of the order and its payments.")]
    since: Annotated[Timestamp, Meta(description="When the first of it was seen, UTC.")]
    settled: Annotated[bool, Meta(description="Whether nothing is short, awaited or wrong.")]
    sentences: Annotated[
        list[ExplainedSentence],
        Meta(description="All of it in words: what is wrong first, then what is open."),
    ]
    order: Annotated[
        ExplainedOrder | None,
        Meta(description="The order that sells or spends certificates; null: none was seen."),
    ]
    other_order_id: Annotated[
        str | None,
        Meta(
            description="A second such order with the same correlation id, for which nothing is "
            "done; null: there is none."
        ),
    ]
    amounts: Annotated[
        ExplainedAmounts | None, Meta(description="What it comes to; null without an order.")
    ]
    payments: Annotated[
        list[ExplainedPayment], Meta(description="The payments, in the order in which they came.")
    ]
    asked: Annotated[
        list[AskedStep],
        Meta(description="What certificates were told so far, and alerts, in that order."),
    ]
    waiting: Annotated[
        ExplainedWaiting | None,
        Meta(description="The half that is missing; null: neither, or nobody counts the time."),
    ]
    forgotten_at: Annotated[
        Timestamp | None,
        Meta(description="When it is dropped, as it concerns no certificate; null: it is kept."),
    ]
