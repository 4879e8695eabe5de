"""Refusals, as the OpenAI API words them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """What a client is told instead of a reply.

    Args:
        status: of HTTP.
        message: what happened and what would have been right.
        code: a stable name of the reason.
        param: the parameter of the request that is to blame.
        retry_after: seconds after which it may go better.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers

    def body(self) -> dict[str, Any]:
        """Return the object that is sent."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {
            "error": {
                "message": self.message,
                "type": kind,
                "param": self.param,
                "code": self.code,
            }
        }


def busy(message: str) -> ApiError:
    """Return the error for a server that has too much to do."""
    return ApiError(503, message, code="overloaded", retry_after=1)
