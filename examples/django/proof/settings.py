"""Settings, all of them from the environment, so that one release runs on every stage."""

import os
import re
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

BASE_DIR = Path(__file__).resolve().parent.parent


def database(url: str) -> dict[str, object]:
    """Turn a libpq address into Django's form; what Django has no word for stays an option."""
    parts = conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {"connect_timeout": 3, **parts},
        # A transaction pool gives every transaction another server connection: no cursor may
        # outlive one. A new connection to the pool's socket is cheap, so none is kept.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "CONN_MAX_AGE": 0,
    }


def revision(folder: Path) -> str:
    """Return the commit id in the path of a release (releases/COMMIT/...), or ""."""
    return next((part for part in folder.parts if re.fullmatch("[0-9a-f]{40}", part)), "")


SECRET_KEY = os.environ.get("SECRET_KEY", "")  # Django refuses to sign with an empty one.
# The stage's domain or address, and this host itself, which asks whether the app is ready.
HOSTS = f"{os.environ['STAGES_HOST']},127.0.0.1,localhost" if "STAGES_HOST" in os.environ else "*"
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", HOSTS).split(",")
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql:///app")
READ_DATABASE_URL = os.environ.get("READ_DATABASE_URL", "")  # Only where there are replicas.
DATABASES = {"default": database(DATABASE_URL)}
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

STAGE = os.environ.get("STAGES_STAGE", "")
CLOUD = os.environ.get("STAGES_CLOUD", "")
STACK = os.environ.get("STAGES_STACK", "")
REVISION = os.environ.get("STAGES_REVISION") or revision(BASE_DIR)

INSTALLED_APPS = ["proof"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "proof.middleware.DatabaseAway",
]
ROOT_URLCONF = "proof.urls"
APPEND_SLASH = False
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING = {  # Without this Django mails errors instead of printing them.
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # The worker waits for Valkey however long it takes.
# A job is acknowledged when it is done, so one whose worker dies is done again, by this app's next
# worker, after the visibility timeout: long enough for the longest job (10 s) with a wide margin.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 60, "socket_connect_timeout": 3}
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
