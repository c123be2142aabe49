#!/bin/bash
# in-release WORD...: become this command in the release that is the working directory.
#
# Its own programs go first, by its own path: one through `current` would lead the release command,
# which runs before the switch, to the old release's code.
set -eu

here=$(pwd -P)
export PATH="$here/.runtime/bin:$here/.venv/bin:$here/node_modules/.bin:$here/bin:$PATH"
# releases/<commit> or releases/<commit>-<digest of folder and build>
release=${here##*/}
export STAGES_REVISION="${release%%-*}"
exec "$@"
