"""What a caller sees when the database goes away in the middle of a request."""

from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse


class DatabaseAway:
    """Answer 503 with the reason: nothing is wrong with the request, and it may be repeated."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Take over the two errors that mean a lost or refused connection."""
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        reason = " ".join(str(error).split())
        return JsonResponse({"error": f"database not reachable: {reason}"}, status=503)
