"""Clients that call a live server at the same moment, from a barrier.

Random load passes racy code; a barrier does not. Each class says which guard, taken away, makes it
fail.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Answer
from tests.contract.server import LiveClient, LiveServer

CUSTOMERS = "/api/v1/customers"


@pytest.fixture(scope="module")
def keys(tarn: LiveServer) -> Iterator[str]:
    """Keys of organizations that nobody uses, whose numbers start at 1."""
    found = [f"race-{number}-0123456789abcdef" for number in range(5)]
    tarn.apply(
        "organizations:\n"
        + "\n".join(
            f"  - {{code: race-{number}, name: Race, document_number_prefix: R,"
            f" billing_entities: [{{code: e, default: true, name: E, country: FR}}],"
            f" api_keys: [{{name: race, key: {key}}}]}}"
            for number, key in enumerate(found)
        )
    )
    return iter(found)


@pytest.fixture
def racer(keys: Iterator[str]) -> str:
    """A key of an organization of this test's own."""
    return next(keys)


def together(tarn: LiveServer, key: str, calls: list[Callable[[LiveClient], Any]]) -> list[Any]:
    """Run each call on a connection of its own that is open already, all from one barrier."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[LiveClient], Any]) -> Any:
        client = tarn.client(key)
        client.get("/api/v1/organizations")
        barrier.wait(30)
        try:
            return call(client)
        finally:
            client.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def upsert(external_id: str, **values: Any) -> Callable[[LiveClient], Answer]:
    """Return the call that posts this customer."""
    body = {"customer": {"external_id": external_id, **values}}
    return lambda client: client.post(CUSTOMERS, json=body)


def one(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.json()["customer"]


class TestOneNewCustomer:
    """Fails when the writer takes another's creation for an error instead of looking again."""

    def test_is_created_once_by_eight_clients(self, tarn, racer):
        for round_ in range(5):
            calls = [upsert(f"c{round_}", name=f"name {number}") for number in range(8)]

            found = [one(answer) for answer in together(tarn, racer, calls)]

            assert len({customer["lago_id"] for customer in found}) == 1
            assert {customer["sequential_id"] for customer in found} == {round_ + 1}


class TestFourFields:
    """Fails without the row lock."""

    def test_of_one_customer_are_all_kept(self, tarn, racer):
        client = tarn.client(racer)
        for round_ in range(5):
            wishes = [{"name": f"n{round_}"}, {"city": f"c{round_}"}, {"phone": f"{round_}"},
                      {"metadata": [{"key": "k", "value": f"v{round_}"}]}]  # fmt: skip
            one(upsert("c", legal_name="kept")(client))

            answers = together(tarn, racer, [upsert("c", **wish) for wish in wishes])

            assert {answer.status for answer in answers} == {200}
            shown = one(client.get(f"{CUSTOMERS}/c"))
            found = (shown["name"], shown["city"], shown["phone"], shown["legal_name"])
            assert found == (f"n{round_}", f"c{round_}", f"{round_}", "kept")
            assert [entry["value"] for entry in shown["metadata"]] == [f"v{round_}"]


class TestManyCustomers:
    """Fails without the second look, or without the look for customers that were not locked."""

    def test_are_numbered_without_a_gap_by_sixteen_clients(self, tarn, racer):
        def work(client: LiveClient) -> list[Any]:
            return [one(upsert(f"c{number}", name="x")(client)) for number in range(100)]

        found = together(tarn, racer, [work] * 16)

        ids = [{one_["external_id"]: one_["lago_id"] for one_ in mine} for mine in found]
        numbers = {one_["sequential_id"] for mine in found for one_ in mine}
        assert all(mine == ids[0] for mine in ids)
        assert numbers == set(range(1, 101))


class TestIdempotencyKey:
    """Fails without the key's locks."""

    def test_has_one_effect_for_five_duplicates(self, tarn, racer):
        for round_ in range(5):
            headers = {"Idempotency-Key": f"key-{round_}"}
            body = {"customer": {"external_id": f"c{round_}", "name": "x"}}

            answers = together(
                tarn,
                racer,
                [lambda c, b=body, h=headers: c.post(CUSTOMERS, json=b, headers=h)] * 5,
            )

            done = [answer for answer in answers if answer.status == 200]
            busy = [answer for answer in answers if answer.status != 200]
            assert len({answer.body for answer in done}) == 1
            assert sum("idempotent-replayed" not in answer.headers for answer in done) == 1
            for answer in busy:
                assert (answer.status, answer.headers["Retry-After"]) == (409, "1")
                assert answer.json()["code"] == "idempotency_key_in_use"
            again = tarn.client(racer).post(CUSTOMERS, json=body, headers=headers)
            assert again.body == done[0].body


class TestRefusedNeighbors:
    """Failed while a rollback made the server forget the plans of a write of customers."""

    def test_break_no_write_on_the_same_connection(self, tarn, racer):
        def work(client: LiveClient) -> list[int]:
            refused = {"json": {"tax": {"name": "no code"}}}
            return [
                upsert("c", name="x")(client).status,
                client.post("/api/v1/taxes", **refused).status,
                upsert("c", name="y")(client).status,
                client.delete(f"{CUSTOMERS}/nobody").status,
            ]

        found = together(tarn, racer, [work] * 16)

        assert found == [[200, 422, 200, 404]] * 16
