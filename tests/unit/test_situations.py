"""What a user may meet beside wrong settings: each situation has a test on its failing path.

The list is here to be read and to be counted. A name that is gone from its file fails; one that
ends in ``*`` counts each of its cases.
"""

from __future__ import annotations

import importlib
import math
from types import FunctionType

import pytest

AT_LEAST = 60

SITUATIONS = {
    "unit.test_release": (
        "test_a_folder_that_is_no_repository",
        "test_a_path_that_can_be_no_repository*",
        "test_a_repository_without_a_commit",
        "test_a_repository_of_another_user",
        "test_a_repository_whose_head_is_damaged",
        "test_a_url_that_cannot_be_fetched",
        "test_a_url_that_holds_no_repository",
        "test_a_repository_that_wants_credentials_is_not_asked_for_them",
        "test_a_key_that_is_refused_unreadable_or_unknown_is_told_first*",
        "test_a_server_that_nobody_answers",
        "test_a_server_that_accepts_and_stays_silent",
        "test_a_mirror_that_a_killed_run_left_is_made_again",
        "test_a_revision_that_is_not_there",
        "test_a_revision_that_is_no_commit",
        "test_a_folder_of_the_app_that_is_not_there",
        "test_a_revision_without_a_procfile",
        "test_submodules_are_told_that_are_in_the_apps_folder",
        "test_large_files_that_git_would_not_fetch_are_told",
        "test_a_machine_without_git",
    ),
    "unit.host.test_procfile": ("test_what_is_refused*",),
    "unit.test_host_session": (
        "test_a_commit_that_is_not_there_is_one_sentence",
        "test_a_git_that_hangs_is_one_sentence",
    ),
    "unit.test_ssh": (
        "test_a_closed_port_is_not_reached",
        "test_a_host_that_accepts_and_stays_silent_ends_at_the_deadline",
    ),
    "unit.clouds.local.test_preflight": (
        "test_no_linux",
        "test_no_root",
        "test_missing_programs",
        "test_too_little_disk",
        "test_a_root_folder_with_mount_options_in_its_name",
        "test_a_root_folder_on_an_overlay",
        "test_a_root_folder_that_is_a_file",
        "test_a_root_folder_that_cannot_be_written_to",
        "test_a_range_in_use",
        "test_a_stack_of_another_checkout",
        "test_notes_of_the_cloud_that_were_damaged",
    ),
    "unit.clouds.local.test_image": (
        "test_what_a_killed_build_left_is_no_image",
        "test_a_build_that_fails_leaves_nothing_and_says_why",
        "test_a_disk_that_gets_full_during_the_build",
        "test_a_build_that_hangs_is_ended_although_it_says_nothing",
        "test_an_image_that_lost_its_files_is_built_again",
    ),
    "unit.clouds.local.test_providers": ("test_a_volume_grows_in_place_and_never_shrinks",),
    "unit.scripts.test_bootstrap": (
        "test_an_old_python_is_told_in_one_sentence",
        "test_without_root_the_command_to_run_is_told",
        "test_a_failed_installation_is_told_with_its_log",
        "test_without_a_stack_the_command_itself_tells",
        "test_a_checkout_that_cannot_be_written_to",
        "test_an_index_of_packages_that_cannot_be_reached",
    ),
    "unit.scripts.test_pulumi_cli": (
        "test_without_any_way_every_reason_is_in_one_sentence",
        "test_a_download_that_is_not_the_vendors_is_refused",
        "test_a_failed_build_is_told_with_its_log",
    ),
    "unit.test_stack_files": (
        "test_an_unknown_stack_without_a_near_one",
        "test_what_is_no_settings_file*",
        "test_a_value_that_yaml_stumbles_over*",
    ),
    "unit.scripts.test_state_file": (
        "test_what_is_no_state",
        "test_a_state_of_another_version",
    ),
    "unit.scripts.test_stack_command": (
        "test_a_folder_in_the_place_of_the_settings",
        "test_a_file_in_the_place_of_a_folder",
        "test_a_checkout_that_was_never_prepared",
        "test_a_pulumi_that_was_removed",
        "test_a_state_that_was_cut_off",
        "test_a_backend_that_the_engine_does_not_know",
        "test_what_a_disk_refuses*",
        "test_a_command_line_that_is_none*",
    ),
    "unit.host.converge.test_main": ("test_a_full_disk_is_told_with_its_file",),
    "real.test_engine_commands": (
        "test_a_state_without_its_passphrase_is_refused",
        "test_a_wrong_passphrase_is_told_once",
        "test_a_stack_on_a_real_cloud_does_not_keep_its_state_in_the_checkout",
        "test_a_change_on_a_real_cloud_is_asked_for",
    ),
    "real.test_engine_recovery": (
        "test_a_stack_that_someone_is_changing_is_refused",
        "test_a_lock_of_another_machine_is_not_ours_to_break",
        "test_a_half_written_lock_is_dead",
    ),
    "real.test_local_network": ("test_the_range_of_a_stack_that_is_not_up_is_refused",),
    "real.host_configuration.test_releases": (
        "test_a_release_that_cannot_be_made_leaves_the_old_one_alone*",
        "test_a_release_that_never_answers_is_taken_back",
        "test_a_web_process_on_a_port_of_its_own_choice_is_taken_back*",
        "test_a_port_80_that_something_else_took_is_told",
        "test_a_worker_that_cannot_start_takes_the_release_back",
    ),
    "real.host_configuration.test_converging": (
        "test_a_package_that_cannot_be_had_is_named_before_anything_changes",
    ),
    "real.host_configuration.test_leaving": (
        "test_another_host_key_is_refused",
        "test_a_silent_host_is_never_taken_for_gone",
    ),
    "real.stages.test_faults": ("test_deleting_data_takes_the_stacks_name",),
}


def cases(test: FunctionType) -> int:
    """How many cases a test has."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return math.prod(len(mark.args[1]) for mark in marks)


@pytest.mark.parametrize("file", SITUATIONS)
def test_every_situation_has_its_test(file: str) -> None:
    module = importlib.import_module(f"tests.{file}")
    there = set(vars(module))
    assert {name.rstrip("*") for name in SITUATIONS[file]} <= there


def test_there_are_enough() -> None:
    count = 0
    for file, names in SITUATIONS.items():
        module = importlib.import_module(f"tests.{file}")
        for name in names:
            test = getattr(module, name.rstrip("*"))
            count += cases(test) if name.endswith("*") else 1
    assert count >= AT_LEAST
