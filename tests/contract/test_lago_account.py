"""One Tarn brought into another, live: the one plays the Lago account, the other takes it over."""

import random
import signal
import subprocess
import sys
import time

import pytest

from tests.contract.server import ROOT, _environment, served

SETUP = """
organizations:
  - code: {code}
    name: Moving
    document_number_prefix: {prefix}
    billing_entities:
      - {{code: moving, default: true, name: Moving, country: FR, timezone: Europe/Paris}}
    payment_providers:
      - {{type: stripe, code: stripe-eu-1, name: Stripe}}
    integrations:
      - {{type: netsuite, code: netsuite-eu-1, name: NetSuite}}
"""
CONFIGURATION = """
    taxes:
      - {code: vat, name: VAT, rate: 20.5}
      - {code: city, name: City, rate: 3}
    invoice_custom_sections:
      - {code: bank, name: Bank, details: IBAN}
      - {code: thanks, name: Thanks}
"""
CUSTOMERS = 120
_PATIENCE = 120


def wish(number):
    """Return a customer; each has other things than the one before."""
    found = {
        "external_id": f"crm/{number}.x" if number % 7 == 0 else f"c-{number}",
        "name": f"Customer {number}",
        "currency": "EUR" if number % 2 else None,
        "metadata": [{"key": "n", "value": str(number)}] if number % 3 == 0 else [],
        "tax_codes": ["vat", "city"][: number % 3],
        "shipping_address": {"city": "Lyon"} if number % 4 == 0 else {},
    }
    if number % 5 == 0:
        found["billing_configuration"] = {
            "payment_provider": "stripe", "provider_customer_id": f"cus_{number}",
        }  # fmt: skip
        found["integration_customers"] = [
            {"integration_type": "netsuite", "external_customer_id": str(number)}
        ]
    if number % 6 == 0:
        found["invoice_custom_section_codes"] = ["bank"]
    return found


@pytest.fixture(scope="module")
def account(tarn):
    """The key of the organization that plays the Lago account."""
    tarn.apply(SETUP.format(code="moving", prefix="LAG-1234") + CONFIGURATION)
    client = tarn.client(tarn.create_api_key("moving"))
    for number in range(CUSTOMERS):
        answer = client.post("/api/v1/customers", json={"customer": wish(number)})
        assert answer.status == 200, answer.body
    assert client.delete("/api/v1/customers/c-1").status == 200
    client.close()
    return client.key


@pytest.fixture(scope="module")
def target():
    """The server that it moves to."""
    with served() as server:
        yield server


@pytest.fixture
def command(tarn, account, target, tmp_path):
    """Return the words and the surroundings of a command on the server it moves to."""

    def of(name, organization, *words):
        return {
            "args": [
                sys.executable, str(ROOT / "manage.py"), name, "--url", tarn.address,
                "--insecure-http", "--organization", organization, *words,
            ],
            "env": _environment(target.data) | {"LAGO_API_KEY": account, "LOG_LEVEL": "ERROR"},
            "cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True,
        }  # fmt: skip

    return of


def run(command):
    done = subprocess.run(**command, check=False, timeout=_PATIENCE)
    return done.returncode, done.stdout


class TestMove:
    def test_moves_an_account_from_server_to_server(self, tarn, command, account, target):
        target.apply(SETUP.format(code="moved", prefix="NEW"))

        code, said = run(command("import_lago", "moved"))

        assert code == 0, said
        assert "119 customers: 119 new" in said
        assert "119 customers at Lago, 119 here: 119 the same" in said
        here, there = target.client(target.create_api_key("moved")), tarn.client(account)
        for external_id in ("c-6", "crm%2F35.x", "c-118"):
            path = f"/api/v1/customers/{external_id}"
            theirs, ours = (one.get(path).json()["customer"] for one in (there, here))
            for one in (theirs, ours):
                # Times come in whole seconds; of one second, ids say who is first.
                one["taxes"].sort(key=lambda tax: tax["code"])
            same = theirs.keys() - {"updated_at", "applicable_invoice_custom_sections"}
            assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}
        next_one = here.post("/api/v1/customers", json={"customer": {"external_id": "next"}})
        assert next_one.json()["customer"]["slug"] == f"LAG-1234-{CUSTOMERS + 1}"
        here.close()
        there.close()

    def test_tells_the_two_apart_afterwards(self, tarn, command, account):
        tarn.client(account).post(
            "/api/v1/customers", json={"customer": {"external_id": "c-2", "city": "Ulm"}}
        )

        code, said = run(command("compare_lago", "moved"))

        assert code == 1, said
        assert "118 the same, 1 differ, 0 only at Lago, 1 only here" in said
        assert "  city: 1" in said

    def test_survives_being_killed_at_any_moment(self, command, target):
        """Advance no checkpoint with the customers, and somebody is written twice or not at all."""
        target.apply(SETUP.format(code="killed", prefix="NEW"))
        # Ids are taken by the organization of the test before; all else is kept.
        moments, words = random.Random(4), ()  # noqa: S311  # any seed does
        for _ in range(4):
            process = subprocess.Popen(**command("import_lago", "killed", *words))
            time.sleep(moments.uniform(4.0, 9.0))
            process.send_signal(signal.SIGKILL)
            said, _none = process.communicate(timeout=_PATIENCE)
            words = ("--resume",) if "Import " in said or words else ()

        code, said = run(command("import_lago", "killed", *words))
        if "nothing to resume" in said:
            code, said = run(command("import_lago", "killed"))

        assert code == 1, said  # the ids
        assert "119 customers at Lago, 119 here" in said
        assert "0 only at Lago, 0 only here" in said
        fields = {line.split(":")[0].strip() for line in said.splitlines() if line[:2] == "  "}
        assert fields <= {
            "lago_id", "metadata.*.lago_id", "metadata.*.created_at",
            "integration_customers.*.lago_id",
        }, said  # fmt: skip
