"""``./stages cost`` as an operator runs it: output, exit codes, sentences."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.program import PROJECT
from scripts.main import main
from tests.support import cost_plans
from tests.support.cost_plans import Planned


def save(folder: Path, name: str, *resources: Planned) -> str:
    path = folder / name
    path.write_text(json.dumps(cost_plans.document(*resources)))
    return str(path)


@pytest.fixture
def small(tmp_path: Path) -> str:
    """18.31 a month."""
    return save(tmp_path, "small.json", *cost_plans.ec2("t4g.small"))


@pytest.fixture
def medium(tmp_path: Path) -> str:
    """30.58 a month."""
    return save(tmp_path, "medium.json", *cost_plans.ec2("t4g.medium"))


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(capsys.readouterr().out)
    return read


@pytest.mark.parametrize("words", [[], ["estimate"]])
def test_one_stack(words: list[str], small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *words, small, "--format", "json"]) == 0
    assert document(capsys)["stacks"][0]["usd_per_month"] == 18.31


def test_several_stacks_beside_each_other(
    small: str, medium: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", small, medium]) == 0
    assert "Total           18.31     30.58" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("now", "before", "budget", "code"),
    [
        ("small", None, "18.31", 0),  # exactly, in cents
        ("small", None, "18.30", 3),
        ("medium", "small", "20", 3),  # it rose above it
        ("medium", "medium", "20", 0),  # it was above it and did not rise
        ("small", "medium", "10", 0),  # it fell, and is still above it
        ("medium", "small", "10", 3),  # it was above it and rose
        ("medium", "small", "40", 0),
    ],
)
def test_the_budget(
    now: str, before: str | None, budget: str, code: int, request: pytest.FixtureRequest
) -> None:
    compare = ["--compare", request.getfixturevalue(before)] if before else []
    assert main(["cost", request.getfixturevalue(now), "--budget", budget, *compare]) == code


def test_above_the_budget_is_told(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["cost", small, "--budget", "10"])
    assert capsys.readouterr().err == ("fixture: $18.31 a month is above the budget of $10.00.\n")


def test_a_comparison(small: str, medium: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", medium, "--compare", small, "--format", "json"]) == 0
    output = document(capsys)["comparison"]
    assert output["usd_difference"] == 12.27
    assert [(change["name"], change["usd_difference"]) for change in output["changes"]] == [
        ("Server", 12.27)
    ]


def test_a_comparison_with_itself_is_empty(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", small, "--compare", small, "--format", "json"]) == 0
    output = document(capsys)["comparison"]
    assert (output["usd_difference"], output["changes"]) == (0, [])


def test_usage(small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = tmp_path / "usage.yaml"
    usage.write_text("egress_gb: 150\n")
    assert main(["cost", small, "--usage", str(usage), "--format", "json"]) == 0
    assert document(capsys)["stacks"][0]["usd_per_month"] == 22.81


HOSTILE = ("web[/x]", "[bold]web", "web:smile:", "web\x1b[31m")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("how", ["one", "several", "comparison"])
def test_a_name_is_never_markup(
    name: str, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a resource, of its type, and of the stack."""
    made = [
        cost_plans.resource(cost_plans.DROPLET, name, {"region": "fra1", "size": "s-1vcpu-1gb"}),
        cost_plans.resource(f"aws:{name}:Odd", name, {}),
    ]
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({**cost_plans.document(*made), "stack": name}))
    other = save(tmp_path, "other.json")
    more = {"one": [], "several": [other], "comparison": ["--compare", other]}[how]
    assert main(["cost", str(plan), *more]) == 0
    shown = name.replace("\x1b", "\\u{1b}")
    out = capsys.readouterr().out
    assert out.count(shown) >= 2
    assert "\x1b" not in out
    assert main(["cost", str(plan), "--budget", "1"]) == 3
    assert shown in capsys.readouterr().err


def test_every_number_in_json_is_a_number(
    small: str, medium: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def texts(value: Any) -> list[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [text for item in value for text in texts(item)]
        return [value] if isinstance(value, str) else []

    assert main(["cost", medium, "--compare", small, "--format", "json"]) == 0
    read = document(capsys)
    assert not [text for text in texts(read) if text.replace(".", "").replace(",", "").isdigit()]
    stack = read["stacks"][0]
    assert (stack["usd_per_month"], stack["usd_per_month_exact"]) == (30.58, 30.578)
    assert stack["lines"][0]["unit_usd"] == 0.0336


def test_one_line_depends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bucket = cost_plans.resource("aws:s3/bucket:Bucket", "b", {"region": "us-east-1"})
    assert main(["cost", save(tmp_path, "one.json", bucket)]) == 0
    assert "1 line depends on usage that is not known: it adds nothing" in capsys.readouterr().out
    assert main(["cost", save(tmp_path, "two.json", cost_plans.droplet())]) == 0
    assert "2 lines depend on usage that is not known: they add nothing" in capsys.readouterr().out


def test_a_usage_file_of_a_stack_has_the_keys_that_its_lines_use(
    small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "usage", small]) == 0
    example = capsys.readouterr().out
    assert example == (
        "# Usage of fixture: quantities that no plan knows. A key that is left out is\n"
        "# unknown: its lines show the unit price and add nothing to the total.\n"
        "# `./stages cost fixture --usage FILE` reads it.\n"
        "\n"
        "# CPU of T servers above their baseline, once the credits are used up.\n"
        "# Unit: vCPU-hours a month. Default: unknown, which adds nothing.\n"
        "# CPU above the baseline: 0.04 USD a vCPU-hour\n"
        "# cpu_credit_hours: 100\n"
        "\n"
        "# Traffic to the internet; the first 100 GB are free.\n"
        "# Unit: GB a month. Default: unknown, which adds nothing.\n"
        "# Traffic to the internet, after 100 GB: 0.09 USD a GB\n"
        "# egress_gb: 100\n"
    )
    usage = tmp_path / "usage.yaml"
    usage.write_text(re.sub(r"^# (\w+: 100)$", r"\1", example, flags=re.MULTILINE))
    assert main(["cost", small, "--usage", str(usage), "--format", "json"]) == 0
    assert all(line["quantity"] is not None for line in document(capsys)["stacks"][0]["lines"])


def test_a_usage_file_of_a_stack_without_such_lines_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cost", "usage", "local-stage1"]) == 0
    assert capsys.readouterr().out.endswith("\n\n# No line of it depends on usage.\n")


def test_a_usage_file_says_where_its_line_has_no_price(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = save(tmp_path, "plan.json", *cost_plans.ec2(region="eu-south-1"))
    assert main(["cost", "usage", plan]) == 0
    assert (
        "# No price: Traffic to the internet: no prices are known for the region 'eu-south-1'; the"
        " nearest: eu-north-1, ap-south-1, eu-west-1\n# egress_gb: 100\n"
    ) in capsys.readouterr().out


def test_out_is_written_whole(small: str, tmp_path: Path) -> None:
    out = tmp_path / "out.md"
    assert main(["cost", small, "--format", "markdown", "--out", str(out)]) == 0
    assert out.read_text().startswith("### `fixture` costs $18.31 a month\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.md", "small.json"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--budget", "1000"],
            "server: Server: no prices are known for the region 'eu-south-1'; the nearest:"
            " eu-north-1, ap-south-1, eu-west-1\n",
        ),
        (["--strict"], "--strict: everything should have a price, got 5 without one\n"),
    ],
)
def test_a_total_without_a_price_keeps_no_budget(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = save(tmp_path, "plan.json", *cost_plans.ec2(region="eu-south-1"))
    assert main(["cost", plan]) == 0
    assert main(["cost", plan, *options]) == 2
    out, err = capsys.readouterr()
    assert "Traffic to the internet: no prices are known for the region 'eu-south-1'" in " ".join(
        out.split()
    )
    assert err == sentence


def test_a_plan_without_a_region_takes_the_one_that_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own comes before it, and its provider's."""
    provider = cost_plans.resource("pulumi:providers:aws", "there", {"region": "eu-west-1"})
    made = [
        cost_plans.resource("aws:ebs/volume:Volume", name, {"type": "gp3", "size": 100, **more})
        for name, more in (("none", {}), ("own", {"region": "us-east-1"}), ("providers", {}))
    ]
    made[2]["provider"] = f"{provider['urn']}::4711"
    plan = save(tmp_path, "plan.json", provider, *made)
    assert main(["cost", plan, "--format", "json", "--strict"]) == 2
    capsys.readouterr()
    options = ["--region", "eu-central-1", "--format", "json", "--strict"]
    assert main(["cost", plan, "--compare", plan, *options]) == 0
    output = document(capsys)
    disks = [line for line in output["stacks"][0]["lines"] if line["kind"] == "disk"]
    shown = {line["resource"]: line["usd_per_month"] for line in disks}
    assert shown == {"none": 9.52, "own": 8, "providers": 8.8}
    assert output["comparison"]["usd_before"] == output["comparison"]["usd_after"] == 26.32


def test_strict(small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = save(tmp_path, "odd.json", cost_plans.resource("aws:backup/plan:Plan", "p", {}))
    assert main(["cost", small, "--strict"]) == 0
    assert main(["cost", odd]) == 0
    assert "Not priced: p (aws:backup/plan:Plan): no rule says what this" in (
        capsys.readouterr().out
    )
    assert main(["cost", odd, "--strict"]) == 2
    assert capsys.readouterr().err == (
        "--strict: everything should have a price, got 1 without one\n"
    )


BAD = [
    (["{small}", "--budget", "-1"], "--budget: should be dollars a month, 0 or more, got '-1'"),
    (["{small}", "--budget", "1e99"], "--budget: should be dollars a month, 0 or more, got '1e99'"),
    (["{small}", "--budget", "nan"], "--budget: should be dollars a month, 0 or more, got 'nan'"),
    (["{small}", "{small}", "--compare", "{small}"],
     "--compare: should come with one stack, got 2"),
    (["nowhere.json"], "nowhere.json: should be a file, got none"),
    (["aws-stage3"],
     "STACK: should be one of aws-stage1, aws-stage2, digitalocean-stage1, digitalocean-stage2,"
     " local-stage1, local-stage2, got 'aws-stage3'. Did you mean STACK=aws-stage2? A new stack is"
     " a new file stacks/Pulumi.aws-stage3.yaml."),
    (["{small}", "--usage", "{usage}"],
     "{usage}: should have keys out of bucket_gb, cpu_credit_hours, database_backup_gib,"
     " database_credit_hours, database_log_gb, dns_million_queries, egress_beyond_pool_gib,"
     " egress_gb, log_gb, log_stored_gb, nat_gb, snapshot_gib, spaces_egress_gib, spaces_gib,"
     " zone_traffic_gb, got 'egres_gb'. The nearest is egress_gb."),
    (["{small}", "--out", "{small}/deeper"],
     "{small}/deeper: should be a file that can be written, got an error (Not a directory)"),
    (["{small}", "--zzz"], "No such option: --zzz. See `./stages cost estimate --help`."),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), BAD, ids=[case[0][-1] for case in BAD])
def test_bad_input(
    words: list[str],
    sentence: str,
    small: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = tmp_path / "usage.yaml"
    usage.write_text("egres_gb: 5\n")
    names = {"small": small, "usage": str(usage)}
    assert main(["cost", *(word.format(**names) for word in words)]) == 2
    assert capsys.readouterr().err == sentence.format(**names) + "\n"


HEAVY = ("pulumi", "pulumi_aws", "pulumi_digitalocean", "boto3", "botocore", "grpc", "yaml")
"""What an estimate of a plan file must not load: seconds of the operator's time."""


def test_an_estimate_of_a_plan_file_loads_no_sdk(small: str) -> None:
    program = (
        "import sys; from scripts.main import main; code = main(sys.argv[1:]);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr);"
        "sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "cost", small, "--format", "json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_it_runs_from_anywhere(small: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts"), "cost", Path(small).name, "--budget", "1"],
        cwd=Path(small).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr


def test_a_hundred_files_are_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [save(tmp_path, f"{n}.json", *cost_plans.ec2()) for n in range(100)]
    assert main(["cost", *files, "--format", "json"]) == 0
    assert [stack["usd_per_month"] for stack in document(capsys)["stacks"]] == [30.58] * 100


def test_a_stack_needs_neither_its_app_nor_a_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["cost", "local-stage1", "--format", "json"]) == 0
    assert document(capsys)["stacks"][0]["usd_per_month"] == 0
