"""Ids of the project's users on a host, in one table.

On the local cloud a host's processes are processes of the machine, with the same ids: so they are
out of the range of people and of what packages choose. 60578 to 61183 is free by systemd's table
(``UIDS-GIDS.md``), above Debian's people (59999) and below dynamic users.
"""

from __future__ import annotations

LOGIN = 60600
APP = 60601
PGBOUNCER = 60602
S3 = 60603
"""On the host of a local bucket."""
BACKUPS = 60604
"""Of stage 2, where they are no database user's."""
POSTGRES = 5432
"""Not in that range: data volumes hold files of it."""
