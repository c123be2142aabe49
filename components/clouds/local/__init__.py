"""The local cloud: hosts in systemd-nspawn containers on the user's own Linux machine."""
