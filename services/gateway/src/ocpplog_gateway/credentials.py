"""Credentials for central systems: records name them, and a file of that name has them."""

from __future__ import annotations

import base64
from pathlib import Path

from ocpplog_common.records import is_credentials_name
from ocpplog_gateway.errors import CredentialsError


class Credentials:
    """The files of a directory, such as a mounted secret: `user:password` each, as bytes, a line end behind it is not part.

    Read at each use: what is renewed is in force at once, and nothing is kept.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def authorization(self, name: str) -> str:
        """The Authorization header of HTTP Basic. Raises CredentialsError."""
        if not self._directory or not is_credentials_name(name):
            raise CredentialsError(f"credentials {name!r}: no directory, or no name of a file in it")
        try:
            found = (Path(self._directory) / name).read_bytes().rstrip(b"\r\n")
        except OSError as error:
            raise CredentialsError(f"credentials {name!r}: {error.strerror}") from error
        if b":" not in found:
            raise CredentialsError(f"credentials {name!r}: not user:password")
        return "Basic " + base64.b64encode(found).decode()
