"""Names of the stack outputs, the same on every cloud. The program exports them for the scripts."""

from __future__ import annotations

URL = "url"
"""Where the app answers: ``https://<domain>``, or ``http://<address>`` without a domain."""
ADDRESS = "address"
"""The static IPv4 address, the same before and after a replaced server."""
DNS_ZONE = "dns_zone"
"""The zone in which the stack keeps its domain's record; absent where it keeps none."""
STAGE = "stage"
CLOUD = "cloud"
REVISION = "revision"
"""The full commit id of the release that passed the readiness check."""
SERVER_ID = "server_id"
SSH_HOST = "ssh_host"
"""The app server's own address when it was made, not the static one. Where that address changes or
a tunnel leads there, the cloud knows the way: ``components/seam/power.py``."""
SSH_USER = "ssh_user"
SSH_HOST_KEY = "ssh_host_key"
"""The pinned public host key, ``ssh-ed25519 AAAA...``."""
SSH_PRIVATE_KEY = "ssh_private_key"
"""Secret. The key made for a local stack; absent on the clouds: the operator's own key is used."""
DATABASE_HOST = "database_host"
"""Where the pooler finds PostgreSQL: its socket folder, or a private name or address (stage 2)."""
STORAGE = "storage"
"""Secret. The bucket of users' files with its key, where the stack has one
(``components/stages/storage.py``)."""
UPSTREAM = "upstream"
"""Secret. Stage 2: what the pooler of a stage 1 stack reads once it is promoted here, by path
(``components/host/pgbouncer.py``)."""
