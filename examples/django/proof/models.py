"""What the app writes: visits by the web processes, jobs by the worker, ledger entries by tests."""

from django.db import models


class Visit(models.Model):
    """One look at the page."""

    at = models.DateTimeField(auto_now_add=True)
    host = models.CharField(max_length=255)
    port = models.CharField(max_length=5)
    pid = models.IntegerField()


class Job(models.Model):
    """One job that a worker has done. Its id was given when it was queued, so doing it twice leaves
    one row."""

    id = models.UUIDField(primary_key=True)
    queued_at = models.DateTimeField()
    done_at = models.DateTimeField(db_index=True)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()

    @property
    def latency_ms(self) -> float:
        """Milliseconds between queueing and done, by the clocks of the two processes."""
        return round((self.done_at - self.queued_at).total_seconds() * 1000, 1)


class Entry(models.Model):
    """One ledger entry with an id of the caller's choice."""

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
