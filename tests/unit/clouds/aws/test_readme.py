"""The README's table of security rules holds every rule that the project set out to decide."""

from __future__ import annotations

from scripts.lib.scan.decisions import decisions

TO_CARRY = {
    *("EC2.2", "EC2.3", "EC2.6", "EC2.7", "EC2.8", "EC2.9", "EC2.13", "EC2.18", "EC2.19", "SSM.1"),
    *("RDS.2", "RDS.3", "RDS.5", "RDS.8", "RDS.9", "RDS.10", "RDS.11", "RDS.13", "RDS.23"),
    *("RDS.36", "RDS.38", "CIS 6.7", "CIS 6.1.1", "CIS 6.3", "CIS 6.4", "CIS 6.5", "CIS 4.7"),
    *("CIS 2.16", "CIS 3.2.1", "CIS 3.2.2", "CIS 3.2.3", "CIS 3.2.4", "CKV_AWS_79"),
    *("CKV_AWS_341", "CKV_AWS_3", "CKV_AWS_8", "CKV_AWS_106", "CKV_AWS_24", "CKV2_AWS_12"),
    *("CKV2_AWS_41", "CKV_AWS_46", "CKV_AWS_17", "CKV_AWS_16", "CKV_AWS_157", "CKV_AWS_293"),
    *("CKV_AWS_133", "CKV_AWS_226", "CKV_AWS_129", "CKV2_AWS_30", "CKV_AWS_161", "CKV2_AWS_69"),
    *("CKV_AWS_88", "AWS-0028", "AWS-0131", "AWS-0026", "AWS-0107", "AWS-0173", "AWS-0178"),
    *("AWS-0029", "AWS-0180", "AWS-0080", "AWS-0177", "AWS-0077", "AWS-0176", "AWS-0104"),
}


def test_every_rule_to_carry_is_decided() -> None:
    assert {decision.id for decision in decisions() if decision.cloud == "aws"} >= TO_CARRY
