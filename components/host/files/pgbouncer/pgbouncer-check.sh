#!/bin/sh
# Tell whether PgBouncer would start with the files in /etc/pgbouncer.
#
# It has no option that tests a configuration, and a reload keeps quiet about a bad one. So a
# throw-away copy starts on a socket of its own, without clients: good when its socket appears,
# bad when it ends first or logs an error.
set -eu

scratch=$(mktemp -d /run/pgbouncer-check.XXXXXX)
pid=
finish() {
    # At once: on a softer signal it waits for its clients, of which there are none.
    [ -z "$pid" ] || kill -QUIT "$pid" 2>/dev/null || true
    [ -z "$pid" ] || wait "$pid" 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

# The included file ends inside the section [pgbouncer], and of two lines for one key the last counts.
# A second header would set every other key back to its default.
cat > "$scratch/check.ini" <<END
%include /etc/pgbouncer/pgbouncer.ini
listen_addr =
unix_socket_dir = $scratch/socket
pidfile =
logfile =
END
# The copy writes into a folder of its own; what root writes and reads is beside it.
install -d -o pgbouncer "$scratch/socket"
chmod 0711 "$scratch"
chmod 0644 "$scratch/check.ini"

timeout --kill-after=1 10 setpriv --reuid=pgbouncer --regid=pgbouncer --init-groups \
    /usr/sbin/pgbouncer "$scratch/check.ini" > "$scratch/log" 2>&1 &
pid=$!
while kill -0 "$pid" 2>/dev/null; do
    if [ -S "$scratch/socket/.s.PGSQL.6432" ]; then
        started=yes
        break
    fi
    sleep 0.05
done
if [ -z "${started:-}" ] || grep -qE ' (WARNING|ERROR|FATAL) ' "$scratch/log"; then
    echo "PgBouncer refuses its configuration:" >&2
    cat "$scratch/log" >&2
    exit 1
fi
