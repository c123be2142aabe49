"""One cloud, as everything outside its folder sees it.

Each cloud's package has ``PROVIDER``, an instance of a subclass of ``Provider``. A contract that it
forgot, or a module that does not keep its contract, is an error of mypy; the former of the import
as well. Each property imports what it returns when it is asked for: prices need no SDK, and the
commands none of the clouds that they do not touch.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.cloud_names import cloud_names
from components.errors import invalid

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.seam.cost_rules import CloudCosts
    from components.seam.costs import PriceList
    from components.seam.downtime import CloudDowntime
    from components.seam.known import Known
    from components.seam.operations import Operations
    from components.seam.power import Power
    from components.seam.sizes import Sizes
    from components.seam.topology import CloudTopology
    from components.settings import Settings


class Provider(ABC):
    """What a cloud offers, one property a contract."""

    @abstractmethod
    def cloud(self, settings: Settings) -> Cloud:
        """The cloud for one stack. Raises ``UserError`` for settings that it cannot serve."""

    @property
    @abstractmethod
    def power(self) -> Power:
        """Whether a server runs, and where it answers. Needs no SDK of Pulumi's."""

    @property
    def operations(self) -> Operations:
        """What the commands do on the operator's machine around a run; by default nothing."""
        from components.seam.operations import Operations

        return Operations()

    @property
    @abstractmethod
    def known(self) -> Mapping[str, Known]:
        """By type of its resources, what is known of them before anything is changed."""

    @property
    @abstractmethod
    def downtime(self) -> CloudDowntime:
        """How long a replaced app server keeps the app from answering."""

    @property
    @abstractmethod
    def topology(self) -> CloudTopology:
        """What stands where in a plan, and who may talk to whom."""

    @property
    @abstractmethod
    def costs(self) -> CloudCosts:
        """Regions and usage that its prices depend on. Needs neither Pulumi nor an SDK."""

    @property
    def price_list(self) -> PriceList | None:
        """Renews its prices; ``None`` where they are kept by hand."""
        return None

    @property
    def sizes(self) -> Sizes | None:
        """What it sells, and what one gives up with each; ``None`` where nothing costs money."""
        return None


def load(name: str) -> Provider:
    """Import the cloud called ``name``, and no other.

    Raises ``UserError`` for an unknown name, with those that exist.
    """
    if name not in (known := cloud_names()):
        raise invalid("stages:cloud", f"one of {', '.join(known)}", name)
    provider = importlib.import_module(f"components.clouds.{name}").PROVIDER
    if not isinstance(provider, Provider):
        raise TypeError(f"components.clouds.{name}.PROVIDER should be a Provider, got {provider!r}")
    return provider
