"""Proves, before anything is timed, that the peers do the same job: their answers are compared."""

import json
from typing import Any

from benchmarks import load, world
from benchmarks.peers import Peer
from benchmarks.scenarios import PAGE, SCENARIOS, TOLD, Scenario, requests

# Made by each server anew, or by its seeds.
_OWN = {"lago_id", "created_at", "updated_at", "organization_id"}


class DifferentAnswers(Exception):
    """Two peers answered differently to the same request."""


def compare(peers: dict[str, Peer], customers: int) -> None:
    """Send the same requests to all and compare whole bodies, ids and times aside.

    :raises DifferentAnswers: if one differs, in a key or in a value.
    """
    for scenario in SCENARIOS.values():
        expected: tuple[str, Any] | None = None
        for name, peer in peers.items():
            if scenario.name not in peer.scenarios or scenario is TOLD:
                continue  # who tells has a link that the other has not
            body = _first(peer, scenario, customers)
            if expected is not None and body != expected[1]:
                raise DifferentAnswers(
                    f"{scenario.name}: {expected[0]} and {name} differ at "
                    + ", ".join(_differences(expected[1], body))
                )
            expected = expected or (name, body)
    for peer in peers.values():
        world.restore(peer.address)


def _first(peer: Peer, scenario: Scenario, customers: int) -> Any:
    assert peer.server is not None
    body = json.loads(load.ask(peer.server.port, next(requests(scenario, customers, "check"))))
    if scenario is PAGE:
        # Which hundred come first depends on when each was written: all are alike but the name.
        body["customers"] = [body["customers"][-1] | {"external_id": "", "slug": "",
                             "sequential_id": 0, "name": ""}]  # fmt: skip
    return _shared(body)


def _shared(value: Any) -> Any:
    """Return the value without what is each server's own."""
    if isinstance(value, dict):
        return {key: None if key in _OWN else _shared(part) for key, part in value.items()}
    return [_shared(part) for part in value] if isinstance(value, list) else value


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if one.get(key, path) != other.get(key, path)]
        below = (_differences(one.get(key), other.get(key), f"{path}.{key}") for key in keys)
        return [found for each in below for found in each]
    return [f"{path}: {str(one)[:80]!r}, {str(other)[:80]!r}"]
