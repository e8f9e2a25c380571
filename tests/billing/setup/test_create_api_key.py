"""`manage.py create_api_key ORGANIZATION`."""

import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from billing.api.keys import has_valid_tail, hash_key
from billing.api.models import ApiKey
from tests.billing.traces import everything


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_api_key", *arguments, stdout=out)
    return out.getvalue()


class TestCreateApiKey:
    def test_prints_the_key_alone_in_the_last_line(self, organization, anonymous):
        key = run("acme").splitlines()[-1]

        made = ApiKey.objects.get()
        assert has_valid_tail(key)
        assert bytes(made.key_hash) == hash_key(key)
        assert (made.permissions, made.expires_at, made.name) == (None, None, "")
        headers = {"Authorization": f"Bearer {key}"}
        assert anonymous.get("/api/v1/taxes", headers=headers).status == 200

    def test_takes_name_permissions_and_end(self, organization):
        run(
            "acme",
            "--name=Importer",
            "--permission=customer:write",
            "--permission=customer:read",
            "--permission=tax:read",
            "--expires-at=2030-01-31T00:00:00Z",
        )

        made = ApiKey.objects.get()
        assert made.name == "Importer"
        assert made.permissions == {"customer": ["read", "write"], "tax": ["read"]}
        assert made.expires_at == datetime(2030, 1, 31, tzinfo=UTC)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["acme", "--permission", "customer:read", "tax:read"],
            ["--permission", "customer:read", "tax:read", "acme"],
            ["acme", "--permission", "customer:read", "--permission", "tax:read"],
        ],
    )
    def test_takes_several_permissions_in_any_order(self, organization, arguments):
        run(*arguments)

        assert ApiKey.objects.get().permissions == {"customer": ["read"], "tax": ["read"]}

    @pytest.mark.parametrize(
        "arguments, words",
        [
            ([], "Say whose key this is: create_api_key ORGANIZATION."),
            (["--permission=tax:read"], "Say whose key this is: create_api_key ORGANIZATION."),
            (["acne"], "There is no organization acne. Did you mean acme?"),
            (["acme", "--permission=tex:read"], "There is no resource tex. Did you mean tax?"),
            (["acme", "--permission=tax"], "tax must end with :read or :write."),
            (["acme", "--permission=tax:all"], "tax:all must end with :read or :write."),
            (
                ["acme", "--expires-at=soon"],
                "“soon” is no time. Write it like 2030-01-31T00:00:00Z.",
            ),
            (
                ["acme", "--name=" + "x" * 256],
                "name: This is too long. Shorten it; nothing was cut off.",
            ),
        ],
    )
    def test_refuses_in_one_sentence(self, organization, arguments, words):
        before = everything()

        with pytest.raises(CommandError) as refusal:
            run(*arguments)

        assert str(refusal.value) == words
        assert refusal.value.returncode == 1
        assert everything() == before
