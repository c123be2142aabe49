#!/bin/sh
# Run by mmdebstrap when all packages are installed; $1 is the new system.
set -eu

# Nothing starts before its configuration is in place.
chroot "$1" systemctl disable --quiet \
    certbot.timer nginx.service pgbouncer.service postgresql.service valkey-server.service

# No two hosts share a host key or a machine id. The id's file is empty and not missing: a missing
# one means "first boot" to systemd, which would enable every service again.
rm -f "$1"/etc/ssh/ssh_host_* "$1/var/lib/dbus/machine-id"
: > "$1/etc/machine-id"

# No archives, so that the boot document's "apt-get update" costs nothing; the seed of a host names
# them afterwards.
archives="$1/usr/local/share/stages/archives"
mkdir -p "$archives"
cp -a "$1"/etc/apt/sources.list* "$archives"
rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*

rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1"/var/log/*.log "$1"/var/log/apt/*
rm -f "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old
