"""Who calls, and what they may do: the dependencies of every endpoint under /v1.

Every dependency is `async`: FastAPI sends any other one to a thread and back, which costs more than what it does.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from ocpplog_common.tokens import Role
from ocpplog_query_api.errors import Forbidden, Unauthenticated
from ocpplog_query_api.verification import CHALLENGE, Caller

__all__ = ["Caller", "CurrentCaller", "SupportCaller", "current_caller", "require_support"]
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="A JWT with the claims `role` and `sites`")


async def current_caller(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    """The dependency of every endpoint under /v1: whom Admission has let in. Raises Unauthenticated."""
    found = request.scope.get("caller")
    if not isinstance(found, Caller):
        raise Unauthenticated("Send Authorization: Bearer <token>.", CHALLENGE)
    return found


CurrentCaller = Annotated[Caller, Depends(current_caller)]


async def require_support(caller: CurrentCaller) -> Caller:
    """The dependency of every endpoint that changes something. Raises Forbidden."""
    if caller.role is not Role.SUPPORT:
        raise Forbidden("Only the role support may change anything.")
    return caller


SupportCaller = Annotated[Caller, Depends(require_support)]
