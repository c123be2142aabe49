"""Assets with a content hash in their names: a release also serves those of the others.

A page that a browser loaded before a deploy or a rollback asks for the files of its own release.
They are linked into the release that is about to serve, so the app finds them beside its own, in
whatever way it serves those. The app's user does it: root neither reads nor follows what is there.
"""

from __future__ import annotations

from components.host.agent import release
from components.host.agent.report import note, run

HASHED = (
    r".*/(public|static|staticfiles|assets|immutable)/(.*/)?"
    r"[^/.][^/]*[.-]([0-9a-f]{8,64}|[0-9A-Za-z_-]{8})(\.[0-9a-z]+)+"
)
"""Paths of such files, for find: as Django, Sprockets, Propshaft, Vite, webpack and esbuild name
them, in the folders where they put what is served. No hidden file, so no manifest of Sprockets'."""
SHARE = r"""
set -eu
hashed=$1 new=$2
shift 2
for release in "$new" "$@"; do  # Its own alone: none were linked into it before.
    if [ ! -e "$release/.stages-assets" ]; then
        (
            cd "$release"
            find . -regextype posix-extended \
                \( -name node_modules -o -name .venv -o -path ./vendor/bundle \) -prune \
                -o -type f -regex "$hashed" ! -name '*manifest*' -print0
        ) > "$release/.stages-assets.new"
        mv "$release/.stages-assets.new" "$release/.stages-assets"
    fi
done
for release in "$@"; do
    while IFS= read -r -d '' file; do
        if [ ! -e "$new/$file" ]; then
            mkdir -p "$new/${file%/*}"
            ln "$release/$file" "$new/$file"
        fi
    done < "$release/.stages-assets"
done
"""
"""Words: the pattern, the release that is about to serve, the others."""
TIMEOUT_S = 60


def share(name: str) -> None:
    """Let the release ``name`` serve the assets of all others that are here, too."""
    others = [other for other in release.complete() if other != name]
    if not others:
        return
    words = ("/bin/bash", "-c", SHARE, "share-assets", HASHED, name, *others)
    done = run(release.job(release.RELEASES, TIMEOUT_S, (), *words))
    if not done.ok:
        note(f"assets: pages of other releases may miss some of theirs ({done.last_line()})")
