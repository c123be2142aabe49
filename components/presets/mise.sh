# mise gets what Debian does not have; it stays from release to release.
export MISE_DATA_DIR="$STAGES_RUNTIMES/mise" MISE_CACHE_DIR="$XDG_CACHE_HOME/mise" MISE_CONFIG_DIR="$STAGES_RUNTIMES/mise/config" MISE_STATE_DIR="$STAGES_RUNTIMES/mise/state" MISE_YES=1
mise="$STAGES_RUNTIMES/mise/bin/mise"
[ -x "$mise" ] || curl --fail --silent --show-error --location https://mise.run | MISE_INSTALL_PATH="$mise" MISE_QUIET=1 sh
"$mise" install {tool}@{version} || { echo {refusal} >&2; exit 1; }
mkdir -p .runtime && ln -sfn "$("$mise" where {tool}@{version})/bin" .runtime/bin
