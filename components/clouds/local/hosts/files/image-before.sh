#!/bin/sh
# Run by mmdebstrap before the packages are installed; $1 is the new system.
set -eu

# No cluster by the package: the stage's own one lives on the data volume.
mkdir -p "$1/etc/postgresql-common"
echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.conf"

# Files on a data volume outlive their server, so their owner has the same numbers in every image.
# By hand, since useradd is not there yet.
echo 'postgres:x:5432:' >> "$1/etc/group"
echo 'postgres:x:5432:5432:PostgreSQL:/var/lib/postgresql:/bin/bash' >> "$1/etc/passwd"
echo 'postgres:!::' >> "$1/etc/gshadow"
echo 'postgres:!:20000::::::' >> "$1/etc/shadow"
