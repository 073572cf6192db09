"""Which action is logged at which level. The levels are cumulative: each contains the one before it.

Actions of the OCPP 1.6 security extension and of OCPP 2.0.1/2.1 take the level of their 1.6 counterpart. NotifyEvent has one only
where it reports a fault or an operational state, which its payload alone says: the enricher then asks for StatusNotification.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Level(IntEnum):
    """A site's log level, ordered by how much it admits."""

    MINIMAL = 1
    INFO = 2
    DEBUG = 3

    @classmethod
    def parse(cls, name: str) -> Level:
        """The level of that (lower-case) name. Raises ValueError that lists the names."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"log level: {name!r} is none of {', '.join(map(str, cls))}") from None

    def __str__(self) -> str:
        return self.name.lower()


_MINIMAL: Final = (
    "BootNotification",
    "FirmwareStatusNotification",
    "PublishFirmware",
    "PublishFirmwareStatusNotification",
    "SignedFirmwareStatusNotification",
    "SignedUpdateFirmware",
    "UnpublishFirmware",
    "UpdateFirmware",
)
_INFO: Final = ("Authorize", "StartTransaction", "StatusNotification", "StopTransaction", "TransactionEvent")
_LEVELS: Final = dict.fromkeys(_MINIMAL, Level.MINIMAL) | dict.fromkeys(_INFO, Level.INFO)


def level_of(action: str) -> Level:
    """The lowest level that logs `action`. No action at all (a frame that is not OCPP-J) is logged from info up."""
    return _LEVELS.get(action, Level.DEBUG) if action else Level.INFO


def admits(level: Level, action: str) -> bool:
    return level_of(action) <= level


def named_at(level: Level) -> tuple[str, ...]:
    """The actions that `level` names: at debug, which logs every action, those of the levels before it."""
    return tuple(action for action, least in _LEVELS.items() if least <= level)
