"""The data volume: found, formatted only when blank, mounted at ``/data``, grown with its device.

It is mounted by the stable path that its cloud gives it (``/dev/disk/by-id/...``), which names
this very volume; a label would also fit a copy restored from a snapshot beside it. Hosts of the
local cloud have no udev, hence no ``by-label`` links at all. The label is set nevertheless, for
people. A device that was enlarged shows its new size after the next boot.
"""

from __future__ import annotations

import re

from components.host.model import HostFile
from components.host.rendering import render

MOUNT = "/data"
PREPARE = "/usr/local/lib/stages/data-volume"
LABEL = "stages-data"
WAIT_S = 600
"""A cloud attaches the volume after the server has started; minutes are normal for some."""


def data_volume_files(device: str) -> tuple[HostFile, ...]:
    """Return script and units for the volume at ``device``; enabling ``data.mount`` starts all.

    Raises ``ValueError`` for a path that is no plain ``/dev`` path: it goes into a script.
    """
    if not re.fullmatch(r"/dev/[A-Za-z0-9._/:+-]+", device) or "/../" in device:
        raise ValueError(f"the data volume's device should be a path below /dev, got {device!r}")
    names: dict[str, object] = {
        "device": device,
        "mount": MOUNT,
        "label": LABEL,
        "wait_s": WAIT_S,
        "prepare": PREPARE,
    }
    return (
        HostFile(path=PREPARE, content=render("boot/data-volume.sh.j2", **names), mode="0755"),
        *(
            HostFile(path=f"/etc/systemd/system/{unit}", content=render(f"boot/{unit}.j2", **names))
            for unit in ("data-volume.service", "data.mount")
        ),
    )
