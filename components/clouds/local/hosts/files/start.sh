#!/bin/sh
# Runs one host: start.sh PID_FILE OVERLAY ROOT PORT DISKS CGROUP_FILE... -- systemd-nspawn ...
# In a mount namespace of its own. Ends with the host; SIGTERM asks the host to shut down.
set -eu
pid_file=$1 overlay=$2 root=$3 port=$4 disks=$5
shift 5
while [ "$1" != -- ]; do
  echo $$ > "$1"
  shift
done
shift
echo $$ > "$pid_file.new"
mv "$pid_file.new" "$pid_file"
mount -t overlay -o "$overlay" stages "$root"

# Where the machine's bridges pass through its firewall (Docker asks for that), a host that calls
# the static address which leads to itself gets its packet back from the bridge.
hairpin() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    echo 1 2>/dev/null > "$port" && return
    sleep 0.2
  done
}

# Limits inside the host hold only where its group hands controllers down (control groups v2), which
# a group with processes of its own cannot. So this shell waits in a group below, and systemd-nspawn
# starts in the host's group, makes two below it and leaves it.
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
if [ ! -e "$group/cgroup.controllers" ]; then
  group= # v1 or hybrid: nothing is handed down there
else
  mkdir -p "$group/shell"
  echo $$ > "$group/shell/cgroup.procs"
fi
boot() {
  [ -z "$group" ] || echo 0 > "$group/cgroup.procs" # 0: whoever writes it
  # Read anew: a disk may have come since the last boot.
  while read -r disk; do set -- "$@" "--bind=$disk"; done < "$disks"
  exec "$@"
}
empty_group() { # after a reboot, what the last boot left would keep systemd-nspawn out
  [ -n "$group" ] || return 0
  find "$group" -mindepth 1 -depth -type d ! -name shell -exec rmdir {} ';'
  for controller in $(cat "$group/cgroup.subtree_control"); do
    echo "-$controller" > "$group/cgroup.subtree_control"
  done
}

# systemd asks when the machine shuts down; systemd-nspawn passes it on, as a server's power button.
asked=
trap 'asked=1; kill "$nspawn" 2>/dev/null || true' TERM
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
while [ -z "$asked" ]; do
  boot "$@" & nspawn=$!
  hairpin 2>/dev/null &
  # A trap interrupts the first wait; the next one has the code.
  while rc=0; wait "$nspawn" || rc=$?; kill -0 "$nspawn" 2>/dev/null; do :; done
  # systemd-nspawn leaves a reboot from inside to its service manager, by this exit code.
  [ "$rc" = 133 ] || exit "$rc"
  empty_group
done
