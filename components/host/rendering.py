"""Fill the templates in ``components/host/files``: real files that their own linters read.

A file that ends in ``.j2`` has values put in; any other is sent as it is. A value that a template
names and nobody gives is an error, never an empty text.
"""

from __future__ import annotations

from pathlib import Path

import jinja2

FILES = Path(__file__).parent / "files"


def environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder; a cloud has files of its own."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - configuration files and shell, no HTML with foreign text
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


_ENVIRONMENT = environment(FILES)


def render(name: str, **values: object) -> str:
    """Return the file ``name`` (for example ``nginx/app.conf.j2``) with ``values`` put in."""
    return _ENVIRONMENT.get_template(name).render(**values)


def plain(name: str) -> str:
    """Return the file ``name`` as it is."""
    return (FILES / name).read_text(encoding="utf-8")
