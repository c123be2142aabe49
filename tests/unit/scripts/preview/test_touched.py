"""Which stacks a change touches: by the names of its files, all of them when in doubt."""

from __future__ import annotations

import pytest

from scripts.lib.preview.touched import StackFile, touches

AWS = StackFile(cloud="aws", stage="1", app=None)
LOCAL = StackFile(cloud="local", stage="1", app="examples/django")
WHOLE = StackFile(cloud="local", stage="2", app="")
UNREAD = StackFile(cloud="", stage="", app=None)
STACKS = {"aws": AWS, "local": LOCAL, "whole": WHOLE}


@pytest.mark.parametrize(
    ("file", "stacks"),
    [
        ("stacks/Pulumi.aws.yaml", ["aws", "whole"]),
        ("stacks/Pulumi.aws.yaml.bak", ["aws", "local", "whole"]),
        ("components/clouds/aws/resources/server.py", ["aws", "whole"]),
        ("components/clouds/aws/known/prices.json", ["aws", "whole"]),
        ("components/clouds/local/files/x.j2", ["local", "whole"]),
        ("components/clouds/aws/README.md", ["whole"]),
        ("components/clouds/__init__.py", ["aws", "local", "whole"]),
        ("components/stages/single_server.py", ["aws", "local", "whole"]),
        ("requirements.txt", ["aws", "local", "whole"]),
        ("requirements-dev.txt", ["whole"]),
        ("tools/go.mod", ["aws", "local", "whole"]),
        ("planning/policies/rules.py", ["aws", "local", "whole"]),
        ("planning/costs/estimate.py", ["aws", "local", "whole"]),
        ("scripts/lib/flows.py", ["whole"]),
        ("examples/django/app.py", ["local", "whole"]),
        ("examples/django/README.md", ["local", "whole"]),
        ("examples/djangoo/app.py", ["whole"]),
        ("docs/ci.md", ["whole"]),
        ("README.md", ["whole"]),
        ("tests/unit/x.py", ["whole"]),
        (".github/workflows/preview.yml", ["whole"]),
        ("Pulumi.yaml", ["aws", "local", "whole"]),
        ("something-new", ["aws", "local", "whole"]),
        ("components/README.md/x.py", ["aws", "local", "whole"]),
    ],
)
def test_a_file_touches(file: str, stacks: list[str]) -> None:
    assert sorted(touches([file], STACKS)) == stacks


def test_a_stack_whose_settings_cannot_be_read_is_on_every_cloud() -> None:
    assert set(touches(["components/clouds/aws/x.py"], {"odd": UNREAD, "local": LOCAL})) == {"odd"}


def test_the_first_file_is_the_reason() -> None:
    files = ["docs/x.md", "components/clouds/aws/x.py", "requirements.txt"]
    assert touches(files, {"aws": AWS}) == {"aws": "components/clouds/aws/x.py"}
