"""Hosts: Debian systems in systemd-nspawn, their disks, image and units."""
