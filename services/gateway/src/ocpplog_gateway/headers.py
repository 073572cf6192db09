"""What the headers of a handshake say, as forgivingly as chargers need it."""

from __future__ import annotations

from websockets.exceptions import InvalidHeaderFormat
from websockets.headers import parse_connection, parse_subprotocol
from websockets.http11 import Request

from ocpplog_gateway import auth
from ocpplog_gateway.errors import Refusal


def require_websocket(request: Request) -> None:
    """Raises Refusal (426) for what is none."""
    upgrade = ",".join(request.headers.get_all("Upgrade"))
    if "websocket" not in upgrade.lower() or "Sec-WebSocket-Key" not in request.headers:
        raise Refusal(426, "no-websocket", "this is a WebSocket endpoint", {"Upgrade": "websocket"})
    # Some chargers leave out "Connection: Upgrade", without which the WebSocket library refuses them.
    try:
        options = [option.lower() for value in request.headers.get_all("Connection") for option in parse_connection(value)]
    except InvalidHeaderFormat:
        options = []
    if "upgrade" not in options:
        if options:
            del request.headers["Connection"]
        request.headers["Connection"] = "Upgrade"


def authorization(request: Request) -> str | None:
    """Raises Refusal (401) for what nobody could have meant."""
    found = request.headers.get_all("Authorization")
    if len(found) > 1 or not all(value.isascii() for value in found):
        raise Refusal(401, "no-credentials", "Authorization: not HTTP Basic", auth.CHALLENGE)
    return found[0] if found else None


def compression(request: Request) -> str | None:
    """What the central system is offered: compression where the charger offered it, as if there were no gateway.

    Offered to all, it would cost memory for each connection, and some central systems get it wrong.
    """
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Extensions"))
    return "deflate" if "permessage-deflate" in offered.lower() else None


def offered(request: Request) -> list[str]:
    """Subprotocols, in the charger's order. Raises Refusal (400) for what is no list of them. One without a name in it is taken
    away: it offers nothing, as some firmware does, and the WebSocket library would refuse it."""
    values = request.headers.get_all("Sec-WebSocket-Protocol")
    if values and not "".join(values).strip(" \t,"):
        del request.headers["Sec-WebSocket-Protocol"]
        return []
    try:
        return [name for value in values for name in parse_subprotocol(value)]
    except InvalidHeaderFormat as error:
        raise Refusal(400, "subprotocol", f"Sec-WebSocket-Protocol: {error}") from error
