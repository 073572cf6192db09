"""Headers that keep a browser from doing with an answer what was not meant."""

from __future__ import annotations

from typing import Final


def policy(*connect: str) -> str:
    """`connect`: origins, besides its own, that a page may ask."""
    origins = " ".join(("'self'", *connect))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        f" connect-src {origins}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


HEADERS: Final = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
