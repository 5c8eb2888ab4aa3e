"""Every call of the API, once: its address, who may make it, what it takes and what it answers.

The one source of the routes, of validation, of the OpenAPI description and of the documentation.
What a call does is its handler's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from http_edge.access.callers import Scope
from http_edge.api import models
from http_edge.api.correlation_models import CorrelationExplanation, CorrelationPath
from state.certificate.rejections import RejectionCode as Code

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. `refusals` are the business "no"s it may answer.

    `acts` says that it changes something (or uses something up), so it needs the request's
    identity; `body_optional` that it may come without a body; `cached` that it has an ETag.
    """

    method: Method
    path: str
    operation: str
    summary: str
    scope: Scope
    answers: type[models.Told]
    status: int = 200
    path_type: type[models.Sent] = models.NoParameters
    query_type: type[models.Sent] = models.NoParameters
    body_type: type[models.Sent] | None = None
    refusals: tuple[Code, ...] = ()
    acts: bool = False
    body_optional: bool = False
    cached: bool = False


_ONE: Final = "/certificates/{certificateId}"
_HOLD: Final = f"{_ONE}/authorizations/{{authorizationId}}"
_RESERVING: Final = (Code.REQUEST_REUSED, Code.POOL_EMPTY)
_SUPPORTING: Final = (Code.REQUEST_REUSED, Code.NOT_FOUND)

API: Final = (
    Call(
        method="POST",
        path="/certificates/next",
        operation="takeNext",
        summary="Reserve the next free number of a pool.",
        scope=Scope.RESERVE,
        body_type=models.NextBody,
        answers=models.Reservation,
        status=201,
        refusals=_RESERVING,
        acts=True,
    ),
    Call(
        method="GET",
        path="/certificates/next",
        operation="takeNextByGet",
        summary="The same call for channels that cannot POST; `requestId` is its key.",
        scope=Scope.RESERVE,
        query_type=models.NextQuery,
        answers=models.Reservation,
        status=201,
        refusals=_RESERVING,
        acts=True,
    ),
    Call(
        method="GET",
        path="/certificates",
        operation="searchCertificates",
        summary="Certificates of an order, correlation, client, last four digits or request.",
        scope=Scope.SEARCH,
        query_type=models.SearchQuery,
        answers=models.SearchPage,
    ),
    Call(
        method="GET",
        path=_ONE,
        operation="readCertificate",
        summary="The certificate as it is now.",
        scope=Scope.READ,
        path_type=models.CertificatePath,
        answers=models.Snapshot,
        refusals=(Code.NOT_FOUND,),
        cached=True,
    ),
    Call(
        method="GET",
        path=f"{_ONE}/history",
        operation="readHistory",
        summary="Every event of the certificate, or the certificate as of a time.",
        scope=Scope.READ,
        path_type=models.CertificatePath,
        query_type=models.HistoryQuery,
        answers=models.History,
        refusals=(Code.NOT_FOUND,),
    ),
    Call(
        method="GET",
        path=f"{_ONE}/balance",
        operation="readBalance",
        summary="What is left, what is held, what can be spent.",
        scope=Scope.BALANCE,
        path_type=models.CertificatePath,
        answers=models.Balance,
        refusals=(Code.NOT_FOUND,),
    ),
    Call(
        method="GET",
        path=f"{_ONE}/cvc",
        operation="revealCode",
        summary="The one-time code, once for each notification; the same request gets it again.",
        scope=Scope.CVC,
        path_type=models.CertificatePath,
        query_type=models.RevealQuery,
        answers=models.RevealedCode,
        refusals=(
            Code.REQUEST_REUSED,
            Code.NOT_FOUND,
            Code.ANNULLED,
            Code.NOT_ISSUED,
            Code.CVC_ALREADY_REVEALED,
            Code.NOTIFICATION_NOT_OPEN,
        ),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_ONE}/actions/reserve",
        operation="reserveNumber",
        summary="Reserve this very number: a physical card that was scanned.",
        scope=Scope.RESERVE,
        path_type=models.CertificatePath,
        body_type=models.ReserveBody,
        answers=models.Reservation,
        status=201,
        refusals=(Code.REQUEST_REUSED, Code.NOT_AVAILABLE, Code.LOCKED),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_ONE}/actions/lock",
        operation="lock",
        summary="Stop the certificate, reversibly.",
        scope=Scope.SUPPORT,
        path_type=models.CertificatePath,
        body_type=models.ReasonBody,
        answers=models.Standing,
        refusals=_SUPPORTING,
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_ONE}/actions/unlock",
        operation="unlock",
        summary="Let the certificate work again.",
        scope=Scope.SUPPORT,
        path_type=models.CertificatePath,
        body_type=models.ReasonBody,
        answers=models.Standing,
        refusals=(*_SUPPORTING, Code.NOT_LOCKED),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_ONE}/actions/annul",
        operation="annul",
        summary="End the certificate for good; its balance becomes nothing.",
        scope=Scope.SUPPORT,
        path_type=models.CertificatePath,
        body_type=models.ReasonBody,
        answers=models.Standing,
        refusals=(*_SUPPORTING, Code.ANNULLED, Code.OPEN_HOLDS),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_ONE}/actions/notify",
        operation="notify",
        summary="Send the customer another message; it grants one more reveal of the code.",
        scope=Scope.SUPPORT,
        path_type=models.CertificatePath,
        body_type=models.NotifyBody,
        answers=models.Standing,
        refusals=(*_SUPPORTING, Code.ANNULLED, Code.NOT_ISSUED),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_ONE}/authorizations",
        operation="authorize",
        summary="Set money aside for an order, until it is captured, voided or expires.",
        scope=Scope.REDEEM,
        path_type=models.CertificatePath,
        body_type=models.AuthorizeBody,
        answers=models.Authorization,
        status=201,
        refusals=(
            Code.REQUEST_REUSED,
            Code.NOT_FOUND,
            Code.NOT_ACTIVE,
            Code.LOCKED,
            Code.WRONG_CVC,
            Code.CURRENCY_MISMATCH,
            Code.INSUFFICIENT_BALANCE,
        ),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_HOLD}/capture",
        operation="capture",
        summary="Spend a hold, in part or whole; the rest of it is freed.",
        scope=Scope.REDEEM,
        path_type=models.AuthorizationPath,
        body_type=models.CaptureBody,
        body_optional=True,
        answers=models.Captured,
        refusals=(
            Code.REQUEST_REUSED,
            Code.NOT_FOUND,
            Code.LOCKED,
            Code.CURRENCY_MISMATCH,
            Code.AUTHORIZATION_NOT_OPEN,
            Code.HOLD_EXCEEDED,
        ),
        acts=True,
    ),
    Call(
        method="POST",
        path=f"{_HOLD}/void",
        operation="voidAuthorization",
        summary="Give a hold up; its money can be spent again.",
        scope=Scope.REDEEM,
        path_type=models.AuthorizationPath,
        body_type=models.VoidBody,
        body_optional=True,
        answers=models.Standing,
        refusals=(Code.REQUEST_REUSED, Code.NOT_FOUND, Code.AUTHORIZATION_NOT_OPEN),
        acts=True,
    ),
    Call(
        method="GET",
        path="/pools",
        operation="readPools",
        summary="How many free numbers each pool holds.",
        scope=Scope.SUPPORT,
        answers=models.PoolLevels,
    ),
    Call(
        method="GET",
        path="/correlations/{correlationId}",
        operation="explainCorrelation",
        summary="What was seen of an order and its payments, and what is missing.",
        scope=Scope.SUPPORT,
        path_type=CorrelationPath,
        answers=CorrelationExplanation,
        refusals=(Code.NOT_FOUND,),
    ),
)

BY_OPERATION: Final[Mapping[str, Call]] = {call.operation: call for call in API}
