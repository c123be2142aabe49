"""What the vendors' SDKs say of their resource types: names and kinds of inputs and outputs.

Read from the SDKs' own classes, so that nothing here has to be kept up to date.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pulumi import _types
from pulumi.runtime import rpc


class Unknown(Exception):
    """The SDK has no such type, or the type has no such input. ``str()`` says which."""


@dataclass(frozen=True)
class Type:
    """One resource type."""

    token: str
    inputs: Mapping[str, Any]
    """Kind of each input, by the name that goes over the wire."""
    required: frozenset[str]
    outputs: Mapping[str, Any]


@cache
def of(token: str) -> Type:
    """Look a type up by its token (``aws:ec2/vpc:Vpc``). Raises :class:`Unknown`."""
    package, module, name = token.split(":")
    folder = module.partition("/")[0]
    where = f"pulumi_{package}" + ("" if folder == "index" else f".{folder}")
    try:
        imported = importlib.import_module(where)
        resource = getattr(imported, name)
        # Where a nested type has that name already, the SDK's generator calls them so.
        args = getattr(imported, f"{name}InitArgs", None) or getattr(imported, f"{name}Args")
    except (ImportError, AttributeError):
        raise Unknown(f"{token}: the SDK has no such type") from None
    if resource.pulumi_type != token:
        raise Unknown(f"{token}: the SDK calls it {resource.pulumi_type}")
    names = _types.input_type_py_to_pulumi_names(args)
    required = {
        names[parameter.name]
        for parameter in inspect.signature(args.__init__).parameters.values()
        if parameter.default is parameter.empty and parameter.name in names
    }
    return Type(
        token,
        _types.input_type_types(args),
        frozenset(required),
        _types.resource_types(resource),
    )


def invalid(type_: Type, inputs: Mapping[str, Any]) -> list[str]:
    """What of these inputs the type would not take, one sentence each."""
    refusals = [f"{name}: is required" for name in sorted(type_.required - set(inputs))]
    for name, value in inputs.items():
        if name.startswith("__"):
            continue
        if name not in type_.inputs:
            refusals.append(f"{name}: {type_.token} has no such input")
        else:
            refusals += _unlike(name, value, type_.inputs[name])
    return refusals


def _unlike(where: str, value: Any, kind: Any) -> Iterator[str]:
    """What in a value is not of its kind; an unknown one may become anything."""
    if value is None or value == rpc.UNKNOWN:
        return
    nested = _nested(kind)
    if isinstance(value, Mapping):
        if nested is not None:
            fields = _types.input_type_types(nested)
            for name, item in value.items():
                if name in fields:
                    yield from _unlike(f"{where}.{name}", item, fields[name])
                else:
                    yield f"{where}.{name}: {nested.__name__} has no such input"
        elif "Mapping" not in str(kind):
            yield f"{where}: should be {kind}, got a map"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if "Sequence" not in str(kind):
            yield f"{where}: should be {kind}, got a list"
        for at, item in enumerate(value):
            if nested is not None:
                yield from _unlike(f"{where}[{at}]", item, nested)
    elif kind is bool and not isinstance(value, bool):
        yield f"{where}: should be a switch, got {value!r}"
    elif kind in {int, float} and not isinstance(value, int | float):
        yield f"{where}: should be a number, got {value!r}"
    elif kind is str and not isinstance(value, str):
        yield f"{where}: should be a text, got {value!r}"


def _nested(kind: Any) -> type | None:
    """The class of a structured input, however it is wrapped."""
    if isinstance(kind, type) and _types.is_input_type(kind):
        return kind
    for argument in typing.get_args(kind):
        nested = _nested(argument)
        if nested is not None:
            return nested
    return None
