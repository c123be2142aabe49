"""Clouds are found by their folders, and an unknown one is told."""

from __future__ import annotations

import subprocess
import sys

import pytest

from components import settings
from components.cloud_names import cloud_names
from components.clouds.local.cloud import LocalCloud
from components.errors import UserError
from components.seam.provider import load

LOCAL = {"cloud": "local", "stage": "1", "app.repository": "examples/django"}


def test_every_folder_is_a_cloud() -> None:
    assert {"aws", "digitalocean", "local"} <= set(cloud_names())
    assert "__pycache__" not in cloud_names()


def test_a_cloud_is_loaded_by_its_name() -> None:
    assert isinstance(load("local").cloud(settings.read("mine", LOCAL)), LocalCloud)


def test_an_unknown_cloud_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError) as refused:
        load("linode").cloud(settings.read("mine", LOCAL))
    names = ", ".join(cloud_names())
    assert str(refused.value) == f"stages:cloud: should be one of {names}, got 'linode'"


def test_only_the_chosen_cloud_is_imported() -> None:
    script = (
        "import sys; from components import settings; from components.seam.provider import load; "
        f"load('local').cloud(settings.read('mine', {LOCAL!r})); "
        "print([name for name in sys.modules if name.startswith(('pulumi_', 'components.clouds.'))"
        " and not name.startswith('components.clouds.local')])"
    )
    output = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == "[]"
