"""What each event means, in a sentence for somebody who has a customer on the telephone.

Owns the sentences. A test holds the list to the event types; a type that only a newer version
knows is told as such.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from state.certificate.events import EventType
from state.certificate.record import Lifecycle

UNKNOWN_EVENT: Final = "an event that this version does not know"

EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        EventType.LOAD: "the number came into its pool",
        EventType.RESERVE: "set aside for one checkout",
        EventType.RELEASE: "no sale came of it: the number is free again",
        EventType.ISSUE: "sold: order and payment cover it",
        EventType.ACTIVATE: "paid in full: it can be spent",
        EventType.NOTIFICATION_REQUESTED: "the CRM is asked to send the customer the code",
        EventType.NOTIFICATION_SENT: "the message with the code was delivered",
        EventType.NOTIFICATION_FAILED: "the message with the code was not delivered",
        EventType.CVC_REVEALED: "the one-time code was read",
        EventType.AUTHORIZE: "money was set aside for an order",
        EventType.CAPTURE: "money that was set aside is taken",
        EventType.VOID: "money that was set aside is free again",
        EventType.HOLD_EXPIRED: "nobody took what was set aside: it is free again",
        EventType.REDEEM_PARTIAL: "a part of the balance was spent",
        EventType.REDEEM_FULL: "the rest of the balance was spent",
        EventType.REFUND_PENDING: "one half of a refund is there; the other is awaited",
        EventType.REFUND_PENDING_DETAILS: "a refund that no rule can do: a person has to act",
        EventType.REFUND: "money came back",
        EventType.LOCK: "stopped: no money leaves it until it is unlocked",
        EventType.UNLOCK: "works again",
        EventType.ANNUL: "ended for good",
        EventType.ISSUE_BLOCKED: "a checkout wanted a number and the pool was empty",
        EventType.ALERT: "a person should look",
        EventType.ERROR: "something asked of it was refused",
    }
)

LIFECYCLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        Lifecycle.AVAILABLE: "free, in its pool",
        Lifecycle.RESERVED: "set aside for a checkout",
        Lifecycle.ISSUED: "sold, not yet paid in full",
        Lifecycle.ACTIVE: "can be spent",
        Lifecycle.PARTIALLY_REDEEMED: "spent in part; the rest can be spent",
        Lifecycle.REDEEMED: "spent",
        Lifecycle.ANNULLED: "ended for good",
    }
)
