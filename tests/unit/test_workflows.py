"""The workflows before they run: linters, pins, rights, and that docs/ci.md names all they take.

Their commands are run in ``tests/real/test_workflows.py``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import go_tools, workflows
from tests.support.workflows import FOLDER, ROOT

FILES = sorted(FOLDER.glob("*.yml"))
ZIZMOR = [str(Path(sys.executable).parent / "zizmor"), "--offline", "--persona=pedantic"]
MAY_WRITE = {
    ("preview-comment", "comment"): {"pull-requests"},
    ("drift", "issue"): {"issues"},
}
"""Jobs that may change something of the repository; they run the main branch's code alone."""


@pytest.fixture(scope="module")
def actionlint() -> Path:
    """The pinned actionlint; built once for all clones, from tests/tools/actionlint."""
    if not shutil.which("go"):
        if os.environ.get("CI"):
            pytest.fail("actionlint is built with Go, which CI has to have")
        pytest.skip("actionlint is built with Go, which this machine lacks")
    source = ROOT / "tests" / "tools" / "actionlint"
    programs = {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}
    return go_tools.built(source, programs) / "actionlint"


def lint(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def actionlint_says(program: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    return lint([str(program), "-no-color", "-shellcheck=", "-pyflakes=", *map(str, files)], ROOT)


def test_actionlint_has_nothing_to_say(actionlint: Path) -> None:
    done = actionlint_says(actionlint, *FILES)
    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_has_nothing_to_say() -> None:
    done = lint([*ZIZMOR, "--strict-collection", str(FOLDER)], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("needs: plan", "needs: plans", '"plans" which does not exist'),
        (
            "needs.plan.outputs.stacks",
            "needs.plan.outputs.stack",
            'property "stack" is not defined',
        ),
    ],
)
def test_actionlint_would_see_a_mistake(
    actionlint: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    done = actionlint_says(actionlint, changed(tmp_path, old, new))
    assert done.returncode == 1
    assert words in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "audit"),
    [
        ("run: make ci-plan", "run: make ci-plan A=${{ github.head_ref }}", "template-injection"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 #", "@v7 #", "unpinned-uses"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ("on:\n  pull_request:", "on:\n  pull_request_target:", "dangerous-triggers"),
    ],
)
def test_zizmor_would_see_a_mistake(tmp_path: Path, old: str, new: str, audit: str) -> None:
    done = lint([*ZIZMOR, str(changed(tmp_path, old, new))], tmp_path)
    assert done.returncode != 0
    assert f"[{audit}]" in done.stdout


def changed(folder: Path, old: str, new: str) -> Path:
    text = (FOLDER / "preview.yml").read_text()
    assert old in text
    file = folder / ".github" / "workflows" / "preview.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text.replace(old, new))
    return file


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, document in workflows.documents().items():
        for job, definition in document["jobs"].items():
            yield name, job, definition


def test_every_right_is_a_jobs_own_and_few_may_write() -> None:
    for document in workflows.documents().values():
        assert document["permissions"] == {}
    for name, job, definition in jobs():
        rights = definition["permissions"]
        writes = {right for right, level in rights.items() if level == "write"} - {"id-token"}
        assert writes == MAY_WRITE.get((name, job), set()), f"{name}.{job}"
        assert "id-token" not in rights or "environment" in definition, f"{name}.{job}"


def test_a_pull_requests_own_code_meets_secrets_in_an_environment_alone() -> None:
    for name, job, definition in jobs():
        secrets = "secrets." in str(definition)
        assert not secrets or definition["environment"] in {"preview", "deploy", "drift"}, (
            f"{name}.{job}"
        )
    guarded = workflows.documents()["preview"]["jobs"]["preview"]["if"]
    assert "head.repo.full_name == github.repository" in guarded
    assert "user.login != 'dependabot[bot]'" in guarded


def test_an_up_is_never_stopped_in_the_middle() -> None:
    deploy = workflows.documents()["deploy"]
    assert deploy["concurrency"] == {"group": "deploy", "cancel-in-progress": False}
    assert deploy["jobs"]["up"]["strategy"]["max-parallel"] == 1
    assert deploy["jobs"]["up"]["environment"] == "deploy"


def test_every_action_has_one_commit_and_says_its_version() -> None:
    used = re.findall(r"uses: (.*)", "".join(file.read_text() for file in FILES))
    assert used
    for each in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)
    assert len({*used}) == len({each.partition("@")[0] for each in used})


def test_no_checkout_leaves_its_token_behind() -> None:
    steps = [step for _, _, definition in jobs() for step in definition["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len([*jobs()])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_page_names_every_variable_and_secret() -> None:
    page = (ROOT / "docs" / "ci.md").read_text()
    texts = "".join(file.read_text() for file in FILES)
    taken = {*re.findall(r"\b(?:vars|secrets)\.(\w+)", texts)}
    named = {*re.findall(r"^\| `(\w+)` \| (?:variable|secret) \|", page, re.MULTILINE)}
    assert named == taken
