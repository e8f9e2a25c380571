import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config import start

ROOT = Path(__file__).parents[2]
SECRETS = {
    "SECRET_KEY": "a long random text that nobody else knows, with 60 characters",
    "TARN_ENCRYPTION_KEYS": "dGVzdHMgb25seSB0ZXN0cyBvbmx5IHRlc3RzIG9ubHk=",
}


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py in an environment that holds only what is given."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


class TestRun:
    @pytest.mark.parametrize(
        "url, sentence",
        [
            ("mysql://u:canary@h/x", "DATABASE_URL must look like postgres://"),
            ("postgres://u:canary@127.0.0.1:1/x", "The database at DATABASE_URL cannot be reached"),
        ],
    )
    @pytest.mark.parametrize("command", ["serve", "migrate"])
    def test_says_in_one_sentence_what_is_wrong_with_the_database(self, command, url, sentence):
        port = {"PORT": "0"} if command == "serve" else {}

        done = manage(command, DATABASE_URL=url, **SECRETS, **port)

        assert done.returncode == 1
        assert done.stderr.startswith(sentence)
        assert done.stderr.count("\n") == 1
        assert "canary" not in done.stderr + done.stdout

    @pytest.mark.parametrize("missing", SECRETS)
    def test_serves_without_the_demo_only_with_keys_of_ones_own(self, missing, tmp_path):
        keys = {name: value for name, value in SECRETS.items() if name != missing}

        done = manage("serve", TARN_DATA_DIR=str(tmp_path / "data"), **keys)

        assert done.returncode == 1
        assert done.stderr.startswith(f"{missing} is not set")
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "data").exists()


class TestDeploy:
    def test_passes_djangos_check_in_production_mode(self):
        done = manage("check", "--deploy", "--fail-level", "WARNING",
                      ALLOWED_HOSTS="tarn.example", TARN_PUBLIC_URL="https://tarn.example",
                      **SECRETS)  # fmt: skip

        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("address", "words"),
        [("", "tarn.E001"), ("tarn.example", "tarn.E001"), ("http://localhost:8000", "tarn.W001")],
    )
    def test_complains_of_an_address_that_links_cannot_lead_to(self, address, words):
        done = manage("check", "--deploy", "--fail-level", "WARNING",
                      ALLOWED_HOSTS="tarn.example", TARN_PUBLIC_URL=address, **SECRETS)  # fmt: skip

        assert done.returncode == 1
        assert words in done.stderr

    def test_refuses_to_serve_without_a_database(self):
        done = subprocess.run(
            [sys.executable, "-c", "import config.wsgi"],
            env={"PATH": os.environ["PATH"], **SECRETS},
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip

        assert "DATABASE_URL is not set" in done.stderr.splitlines()[-1]


class TestDemoKeys:
    def test_are_made_once_and_kept_private(self, tmp_path):
        first = start.demo_keys(tmp_path / "data")

        again = start.demo_keys(tmp_path / "data")

        assert again == first
        assert stat.S_IMODE(start.keys_file(tmp_path / "data").stat().st_mode) == 0o600

    def test_differ_from_place_to_place(self, tmp_path):
        assert start.demo_keys(tmp_path / "a") != start.demo_keys(tmp_path / "b")

    def test_are_not_made_anew_where_they_are_damaged(self, tmp_path):
        start.keys_file(tmp_path).write_text('{"SECRET_')

        with pytest.raises(SystemExit, match=r"demo-keys\.json is damaged"):
            start.demo_keys(tmp_path)

        assert start.keys_file(tmp_path).read_text() == '{"SECRET_'

    def test_are_missed_in_a_sentence_where_the_place_is_no_directory(self, tmp_path):
        place = tmp_path / "file"
        place.touch()

        with pytest.raises(SystemExit, match="TARN_DATA_DIR"):
            start.demo_keys(place)


class TestWantsDemo:
    @pytest.mark.parametrize(
        "words, expected",
        [
            ([], False),
            (["--demo"], True),
            (["--no-demo"], False),
            (["--demo", "--no-demo"], False),
        ],
    )
    def test_goes_by_the_last_word(self, words, expected):
        assert start.wants_demo(["manage.py", "serve", *words]) is expected
