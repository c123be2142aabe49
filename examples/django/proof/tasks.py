"""The worker's side of the queue, and the way into it."""

import logging
import os
import socket
import time
import uuid
from datetime import datetime

from celery import shared_task
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from kombu.pools import producers

from proof.celery import app

log = logging.getLogger(__name__)

LONGEST_JOB_S = 10
"""Shorter than the time a worker gets to finish when its host is drained."""

PUBLISH_OPTIONS = {
    "socket_connect_timeout": 1,
    "socket_timeout": 1,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
"""A visitor waits two or three seconds at most for a queue that does not answer."""


def enqueue(seconds: float = 0) -> uuid.UUID:
    """Queue a job that takes ``seconds`` and return its id.

    Raises ``kombu.exceptions.OperationalError`` when Valkey cannot be reached.
    """
    job = uuid.uuid4()
    broker = app.connection_for_write(transport_options=PUBLISH_OPTIONS)
    # Kept open from job to job: a connection of its own would cost more than the job.
    with producers[broker].acquire(block=True) as producer:
        record.apply_async(
            (str(job), timezone.now().isoformat(), seconds), producer=producer, retry=False
        )
    return job


@shared_task(
    autoretry_for=(OperationalError, InterfaceError),
    max_retries=None,
    retry_backoff=True,
    retry_backoff_max=30,
)
def record(job: str, queued_at: str, seconds: float) -> None:
    """Take ``seconds``, then write down that the job is done, here and now."""
    log.info("job %s taken by process %s", job, os.getpid())
    time.sleep(seconds)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO proof_job (id, queued_at, done_at, host, pid) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (id) DO NOTHING",
            [
                job,
                datetime.fromisoformat(queued_at),
                timezone.now(),
                socket.gethostname(),
                os.getpid(),
            ],
        )
