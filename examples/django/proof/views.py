"""The pages. No view opens a transaction, so that every pool mode will do."""

import json
import os
import socket
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_safe
from kombu.exceptions import OperationalError as QueueError

from proof import evidence
from proof.models import Entry, Job, Visit
from proof.tasks import LONGEST_JOB_S, enqueue

LAST_VISITS = 5
LARGEST_ID = 2**63 - 1


class BadInput(Exception):
    """What is wrong with a request's body, in words for the caller."""


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the proof to a person."""
    facts = _collect()
    return render(request, "page.html", facts, status=503 if facts["problem"] else 200)


@require_safe
def proof(request: HttpRequest) -> HttpResponse:
    """Show the proof to a program."""
    facts = _collect()
    return JsonResponse(facts, status=503 if facts["problem"] else 200)


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the database answers, else 503 with the reason."""
    problem = evidence.database_problem()
    if problem:
        return JsonResponse({"status": "unhealthy", "database": problem}, status=503)
    return JsonResponse({"status": "ok"})


@require_http_methods(["GET", "POST"])
def jobs(request: HttpRequest) -> HttpResponse:
    """GET shows what the worker did last; POST {"seconds": 0 to 10} queues a job that takes so
    long."""
    if request.method == "GET":
        return JsonResponse(_jobs_done())
    try:
        seconds = _body(request).get("seconds", 0)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise BadInput(f"seconds: should be a number, got {seconds!r}")
        if not 0 <= seconds <= LONGEST_JOB_S:
            raise BadInput(f"seconds: should be 0 to {LONGEST_JOB_S}, got {seconds!r}")
        return JsonResponse({"id": enqueue(seconds)}, status=202)
    except BadInput as error:
        return JsonResponse({"error": str(error)}, status=400)
    except QueueError as error:
        return JsonResponse({"error": f"queue not reachable: {error}"}, status=503)


@require_GET
def job(request: HttpRequest, job: object) -> HttpResponse:
    """Show one job: 200 when it is done, 404 until then."""
    found = Job.objects.filter(pk=job).first()
    return JsonResponse(
        _describe(found) if found else {"done": False}, status=200 if found else 404
    )


@require_http_methods(["GET", "POST"])
def ledger(request: HttpRequest) -> HttpResponse:
    """GET counts the entries; POST {"id": n} makes one and answers when it is committed.

    The same id again is no error, so a caller who got no answer can ask again.
    """
    if request.method == "GET":
        return JsonResponse(Entry.objects.aggregate(count=Count("id"), max=Max("id")))
    try:
        number = _body(request).get("id")
        if isinstance(number, bool) or not isinstance(number, int):
            raise BadInput(f"id: should be a whole number, got {number!r}")
        if not 0 <= number <= LARGEST_ID:
            raise BadInput(f"id: should be 0 to {LARGEST_ID}, got {number}")
    except BadInput as error:
        return JsonResponse({"error": str(error)}, status=400)
    with connection.cursor() as cursor:  # One statement outside a transaction: done is committed.
        cursor.execute(
            "INSERT INTO proof_entry (id, at) VALUES (%s, now()) ON CONFLICT (id) DO NOTHING",
            [number],
        )
        return JsonResponse({"id": number, "new": cursor.rowcount == 1})


def _collect() -> dict[str, object]:
    """Write a visit, queue a job, and return everything that is known about the stage."""
    web = {"host": socket.gethostname(), "port": os.environ.get("PORT", ""), "pid": os.getpid()}
    facts: dict[str, object] = {
        "stage": settings.STAGE,
        "cloud": settings.CLOUD,
        "stack": settings.STACK,
        "revision": settings.REVISION,
        "web": web,
        "problem": evidence.database_problem(),
    }
    if facts["problem"]:
        return facts
    visit = Visit.objects.create(**web)
    server = evidence.database()
    last = Visit.objects.order_by("-id")[:LAST_VISITS]
    facts["database"] = server
    facts["pooler"] = evidence.pooler(server["server_pid"])
    facts["replica"] = evidence.replica()
    facts["visits"] = {
        "count": visit.id,  # Its number: PostgreSQL would read the whole table to count the rows.
        "last": list(last.values("id", "at", "host", "port", "pid")),
    }
    facts["queue"] = {"reachable": True, "error": None, "queued": None, **_jobs_done()}
    try:
        facts["queue"]["queued"] = enqueue()
    except QueueError as error:
        facts["queue"].update(reachable=False, error=str(error))
    return facts


def _jobs_done() -> dict[str, object]:
    latest = Job.objects.order_by("-done_at").first()
    newer = Job.objects.filter(done_at__gt=timezone.now() - timedelta(minutes=1))
    return {
        "done_last_minute": newer.count(),
        "latest": _describe(latest) if latest else None,
    }


def _describe(found: Job) -> dict[str, object]:
    return {
        "id": found.id,
        "queued_at": found.queued_at,
        "done_at": found.done_at,
        "latency_ms": found.latency_ms,
        "host": found.host,
        "pid": found.pid,
    }


def _body(request: HttpRequest) -> dict[str, object]:
    """Return the request's JSON object; an empty body is an empty object."""
    try:
        body = json.loads(request.body or "{}")
    except ValueError as error:
        raise BadInput(f"body: should be JSON, got something else ({error})") from error
    if not isinstance(body, dict):
        raise BadInput(f"body: should be a JSON object, got {body!r}")
    return body
