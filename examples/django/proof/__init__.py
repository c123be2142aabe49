"""A small web app that shows on one page that every part of its stage works."""

from proof.celery import app as celery_app

__all__ = ["celery_app"]
