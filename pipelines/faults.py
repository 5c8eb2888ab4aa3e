"""The faults an operator can mend: what is wrong, and what to do about it, in one line each.

Owns the exception hierarchy that the command line turns into one line on standard error and an
exit code. Must not import any of ours: every part of the flow may raise one of these. A business
"no" is not here (it is a value on a topic), nor a broken record (it goes to the DLQ), nor a bug.

    OperatorError
    ├── SettingsError            exit 2   a setting is unknown, wrong, or does not fit another
    ├── BrokerFault              exit 3
    │   ├── BrokerUnreachable             nobody answers, or not in time
    │   └── BrokerRefused                 it answers "no": credentials, rights, a broken request
    └── TopicFault               exit 4
        ├── TopicMissing                  a topic that is needed is not there
        └── TopicDiffers                  a topic is not what it must be

Parts that can fail in a way of their own add a leaf beside what fails: the local stack (exit 1, its
broker 3), the schema registry (exit 5), the audit's reading of live stores (exit 6), a worker's own
store (exit 7) and its changelog (exit 4).

Exit 0 is success, exit 1 a command's own "no" (an audit with breaches, a load with rejected rows),
exit 2 also a wrongly written command line, exit 70 a bug, exit 130 Ctrl-C.
"""

from typing import ClassVar, Final

EXIT_BUG: Final = 70
"""What a program exits with when it met a bug of ours (sysexits.h: EX_SOFTWARE)."""

EXIT_INTERRUPTED: Final = 130
"""What a program exits with after Ctrl-C, as shells expect it."""


class OperatorError(Exception):
    """One line that says what is wrong and what to do. Line breaks in it become spaces."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class SettingsError(OperatorError):
    """A setting is unknown, wrong, or does not fit another one."""

    exit_code: ClassVar[int] = 2


class BrokerFault(OperatorError):
    """Kafka cannot be used."""

    exit_code: ClassVar[int] = 3


class BrokerUnreachable(BrokerFault):
    """No broker answered within the time given."""


class BrokerRefused(BrokerFault):
    """The broker answered, and what it said is no."""


class TopicFault(OperatorError):
    """The topics are not what the flow needs."""

    exit_code: ClassVar[int] = 4


class TopicMissing(TopicFault):
    """A topic that is needed does not exist."""


class TopicDiffers(TopicFault):
    """A topic exists and is not as it must be."""
