"""Those who look after certificates: the loader, the CRM, support, and whoever reads.

Owns their acts: numbers are loaded, customers are told their codes, certificates are locked,
unlocked, ended and told of again; and all of it is read back.
"""

from random import Random
from typing import TYPE_CHECKING, Final

from http_edge.api.models import (
    CertificatePath,
    NotifyBody,
    ReasonBody,
    Reservation,
    RevealedCode,
)
from http_edge.asking.store_position import StorePosition
from pipelines.contracts.command_record import command_to_record
from pipelines.contracts.schemas import RecordName
from pipelines.simulation.callers import Callers
from pipelines.simulation.errands import CRM, STORE, SUPPORT, TILL, Answered, Errand
from pipelines.simulation.mirror import Mirror
from pipelines.simulation.sources import Sources
from pipelines.simulation.wallet import Wallet
from pipelines.stages.record import Outgoing
from pipelines.topics import COMMANDS
from state.certificate.commands import Command, Load, NotificationChannel, Origin

if TYPE_CHECKING:
    from pipelines.simulation.universe import Universe

_PREFIXES: Final = {"ELECTRONIC": "EL", "PHYSICAL": "PH"}
_SUPPORTING: Final = ("lock", "unlock", "annul", "notify", "notify", "notify")


class Desk:
    """The loader, the CRM, support and the readers."""

    def __init__(
        self,
        universe: "Universe",
        callers: Callers,
        sources: Sources,
        mirror: Mirror,
        wallet: Wallet,
    ) -> None:
        self._universe = universe
        self._callers = callers
        self._sources = sources
        self._mirror = mirror
        self._wallet = wallet
        self._loaded = 0
        self._asked = 0

    def load(self, random: Random) -> str:
        """A file is loaded: new numbers, and some that were loaded before, by this file or not."""
        pool = random.choice(("ELECTRONIC", "ELECTRONIC", "ELECTRONIC", "PHYSICAL"))
        return self._load(pool, random.randint(1, 8), random)

    def stock(self, random: Random) -> str:
        """Most worlds begin with a stock of numbers."""
        return self._load("ELECTRONIC", random.choice((0, 10, 30, 60)), random)

    def _load(self, pool: str, count: int, random: Random) -> str:
        for _ in range(count):
            again = random.random() < 0.05
            number = self._mirror.any_number(random) if again else None
            if number is None:
                self._loaded += 1
                number = f"{_PREFIXES[pool]}-{self._loaded:05d}"
            self._send_load(number, pool, random.choice(("a", "a", "b")))
        return f"{count} numbers are loaded into {pool}"

    def _send_load(self, number: str, pool: str, file: str) -> None:
        command = Command(
            command_id=f"load:{file}:{number}",
            at_ms=self._universe.now_ms,
            certificate_id=number,
            origin=Origin.LOADER,
            action=Load(pool=pool),
            actor="loader",
            reply_to=f"loader-{file}",
            body_digest=pool,
        )
        value = self._universe.framing.encode(RecordName.COMMAND, command_to_record(command))
        self._universe.publish(Outgoing(topic=COMMANDS, key=number.encode(), value=value))

    def tell_customers(self, random: Random) -> str:
        """The CRM takes up a message: it fetches the code, and says how the delivery ended."""
        wishes = self._mirror.wishes
        if not wishes:
            return "no message is to be sent"
        number, message = wishes.pop(random.randrange(min(len(wishes), 5)))
        deliver = random.random() < 0.9
        sent = random.random() < 0.9
        early = random.random() < 0.1
        if early and deliver:
            # A delivery that is told before the code was fetched closes the message.
            self._sources.delivery(number, message, random, sent=sent)

        def told(answered: Answered) -> None:
            if isinstance(answered.content, RevealedCode):
                self._wallet.keep(errand, answered.content.cvc)
            if deliver and not early:
                self._sources.delivery(number, message, self._universe.random, sent=sent)

        errand = Errand(
            caller=CRM,
            operation="revealCode",
            path=CertificatePath(certificate_id=number),
            body=None,
            key=f"code:{message}"[:128] if random.random() < 0.9 else f"again:{message}"[:128],
            then=told,
        )
        self._callers.start(errand, random)
        if random.random() < 0.05:
            wishes.append((number, message))
        return f"the CRM asks for the code of {number}"

    def support(self, random: Random) -> str:
        """Support does something to a certificate, or to a number that is none yet."""
        chance = random.random()
        seen = self._mirror.locked(random) if chance < 0.5 else None
        if seen is None and chance < 0.9:
            seen = self._mirror.sold(random)
        number = self._mirror.any_number(random) if seen is None else seen["certificateId"]
        if number is None:
            return "there is nothing to support"
        operation = random.choice(_SUPPORTING)
        if seen is not None and seen["lock"] is not None and random.random() < 0.9:
            operation = "unlock"
        if operation == "annul" and random.random() < 0.5:
            operation = "lock"
        self._asked += 1
        reason = random.choice(("the card was lost", "it was found again"))
        channel = random.choice((None, *NotificationChannel))
        notice = NotifyBody(reason=reason, channel=channel)
        errand = Errand(
            caller=SUPPORT,
            operation=operation,
            path=CertificatePath(certificate_id=number),
            body=notice if operation == "notify" else ReasonBody(reason=reason),
            key=f"case-{self._asked}",
        )
        self._callers.start(errand, random)
        return f"support: {operation} {number}"

    def read(self, random: Random) -> str:
        """Somebody reads a certificate: what he has just done to it, or any."""
        done = [each for each in self._callers.errands[-30:] if _position_of(each) is not None]
        if done and random.random() < 0.7:
            errand = random.choice(done)
            number, position = _number_of(errand), _position_of(errand)
            version = _version_of(errand)
        else:
            number, position, version = self._mirror.any_number(random) or "", None, 0
        if not number:
            return "there is nothing to read"
        reading = Errand(
            caller=random.choice((SUPPORT, SUPPORT, STORE, TILL)),
            operation=random.choice(("readCertificate", "readBalance")),
            path=CertificatePath(certificate_id=number),
            body=None,
            key=None,
            position=position,
            at_least=version,
        )
        self._callers.start(reading, random)
        return f"{reading.caller.client_id} reads {number}"


def _number_of(errand: Errand) -> str:
    answer = errand.answer
    content = None if answer is None else answer.content
    return errand.number or str(getattr(content, "certificate_id", ""))


def _position_of(errand: Errand) -> StorePosition | None:
    return None if errand.answer is None else errand.answer.position


def _version_of(errand: Errand) -> int:
    """The version that an answer told of. A reservation tells none: it was loaded before."""
    content = None if errand.answer is None else errand.answer.content
    return int(getattr(content, "version", 2 if isinstance(content, Reservation) else 0))
