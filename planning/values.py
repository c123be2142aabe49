"""From the engine's wire format to plain values; secrets and unknowns become words.

The signatures are the SDK's (``pulumi.runtime.rpc``): a special value crosses as a map that carries
one under a fixed key.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc

from components.seam.planned import SECRET, UNKNOWN, UNKNOWNS

CODE = "[code]"
"""The pickled provider of a dynamic resource: no setting, and different on every Python."""


def plain(value: struct_pb2.Value) -> Any:
    """One value without its secrets."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWNS else value.string_value
    return value.bool_value if kind == "bool_value" else None


def inputs(struct: struct_pb2.Struct) -> dict[str, Any]:
    """All inputs of a resource, by name."""
    values = {key: plain(value) for key, value in sorted(struct.fields.items())}
    if "__provider" in values:
        values["__provider"] = CODE
    return values


def _struct(struct: struct_pb2.Struct) -> Any:
    if rpc._special_sig_key not in struct.fields:
        return {key: plain(value) for key, value in sorted(struct.fields.items())}
    signature = struct.fields[rpc._special_sig_key].string_value
    if signature == rpc._special_secret_sig:
        return SECRET
    if signature == rpc._special_resource_sig:
        return struct.fields["urn"].string_value
    fields = {key: value for key, value in struct.fields.items() if key != rpc._special_sig_key}
    return {key: plain(value) for key, value in sorted(fields.items())}
