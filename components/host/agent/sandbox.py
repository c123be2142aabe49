"""What a unit of the project has no need of, whatever it does: properties of systemd.

Units of the app have more of it, in ``components/host/files/app/hardening.conf``.
"""

from __future__ import annotations

SANDBOX = (
    "UMask=0077",
    "Nice=10",
    "IOSchedulingClass=idle",
    "OOMScoreAdjust=500",
    "CapabilityBoundingSet=",
    "NoNewPrivileges=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "LockPersonality=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
)
"""It works in the background; what it writes is its own."""
