"""A plan as Terraform JSON: names, blocks, references."""

from __future__ import annotations

import dataclasses

import pytest

from components.errors import UserError
from scripts.lib.scan import terraform
from tests.support.planned import planned


def test_what_is_known_later_points_to_where_it_comes_from() -> None:
    blocks = terraform.translate(planned("aws-stage2"))["resource"]
    database = blocks["aws_db_instance"]["aws-stage2-database"]
    assert database["db_subnet_group_name"] == "${aws_db_subnet_group.aws-stage2-database.name}"
    assert database["password"] == terraform.LATER
    moved = blocks["aws_eip_association"]["aws-stage2-app-address"]
    assert moved["instance_id"] == "${aws_instance.aws-stage2-app-server.id}"
    assert blocks["aws_db_subnet_group"]["aws-stage2-database"]["subnet_ids"] == [
        "${aws_subnet.aws-stage2-private-a.id}",
        "${aws_subnet.aws-stage2-private-b.id}",
    ]


def test_lists_of_blocks_lose_their_plural_and_tags_keep_their_names() -> None:
    blocks = terraform.translate(planned("aws-stage2"))["resource"]
    group = blocks["aws_db_parameter_group"]["aws-stage2-database"]
    assert {parameter["name"] for parameter in group["parameter"]} >= {"rds.force_ssl"}
    assert group["tags"]["Name"] == "aws-stage2-database"
    assert blocks["aws_vpc"]["aws-stage2-vpc"]["lifecycle"] == {"prevent_destroy": True}


def test_a_type_without_a_name_is_told_with_the_file() -> None:
    plan = planned("aws-stage1")
    odd = {"urn": "u", "type": "aws:sqs/queue:Queue", "name": "b", "custom": True, "inputs": {}}
    with pytest.raises(UserError) as caught:
        terraform.translate(dataclasses.replace(plan, resources=(odd,)))
    assert str(caught.value) == (
        "aws:sqs/queue:Queue: should have a name in Terraform, got none. Add it to"
        " components/clouds/aws/known/types.py."
    )
