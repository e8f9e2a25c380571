"""The paths on the wire that change records name, in the order of the wire."""

from collections.abc import Mapping, Sequence
from typing import Any

from customers.change import (
    BillingConfigurationChange,
    CustomerChange,
    ShippingAddressChange,
)

PARTS: Mapping[str, Sequence[str]] = {
    "shipping_address": list(ShippingAddressChange.model_fields),
    "billing_configuration": list(BillingConfigurationChange.model_fields),
}
# Every path of the wire that a change record may name, in the order of the wire.
PATHS = tuple(
    path
    for name in CustomerChange.model_fields
    if name != "external_id"
    for path in ([f"{name}.{part}" for part in PARTS[name]] if name in PARTS else [name])
)
_RANKS = {path: rank for rank, path in enumerate(PATHS)}


def in_order(by_path: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by path in the order of the wire; unknown paths stand last."""
    last = len(PATHS)
    return dict(sorted(by_path.items(), key=lambda item: (_RANKS.get(item[0], last), item[0])))


def paths_of(path: str) -> tuple[str, ...]:
    """Return the path and the paths below it, as of `shipping_address`."""
    return (path, *(one for one in PATHS if one.startswith(f"{path}.")))
