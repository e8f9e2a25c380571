"""Applying set-up files as the command line does."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.billing.setup.files import SECRET
from tests.billing.traces import everything


@pytest.fixture
def apply(db, tmp_path: Path, monkeypatch):
    """Return a function that applies a text and returns what the command printed."""
    monkeypatch.setenv("TARN_TEST_SECRET", SECRET)
    monkeypatch.setenv("TARN_TEST_KEY", SECRET + "-key")

    def run(text: str) -> str:
        file = tmp_path / "setup.yaml"
        file.write_text(text)
        out = io.StringIO()
        call_command("apply", str(file), stdout=out)
        assert "canary" not in out.getvalue()
        return out.getvalue()

    return run


@pytest.fixture
def problems(apply):
    """Return a function that applies a text that is refused, and returns the problems."""

    def run(text: str) -> list[str]:
        before = everything()
        with pytest.raises(CommandError) as refusal:
            apply(text)
        assert everything() == before
        head, *lines = str(refusal.value).splitlines()
        assert head.endswith("was not applied; nothing was changed.")
        assert "canary" not in str(refusal.value)
        return [line.strip() for line in lines]

    return run
