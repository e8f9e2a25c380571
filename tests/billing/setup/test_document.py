"""Reading set-up files."""

from contextlib import suppress

import pytest

from billing.setup.document import read_document
from billing.setup.problems import SetupProblems, SetupRefused
from billing.values import JsonNumber


def read(text: str):
    """Return the plain value of a document without problems."""
    problems = SetupProblems()
    node = read_document(text, problems)
    assert problems.lines() == []
    return node.plain()


def problems_of(text: str) -> list[str]:
    """Return what is wrong with a document."""
    problems = SetupProblems()
    with suppress(SetupRefused):
        read_document(text, problems)
    return problems.lines()


class TestReadDocument:
    @pytest.mark.parametrize(
        "written, value",
        [
            ("NO", "NO"),
            ("yes", "yes"),
            ("0042", "0042"),
            ("1_000", "1_000"),
            ("0x1F", "0x1F"),
            ("1:30", "1:30"),
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
            ('"20"', "20"),
            ("true", True),
            ("False", False),
            ("~", None),
            ("null", None),
            ("", None),
            ('""', ""),
            ("[a, {b: c}]", ["a", {"b": "c"}]),
            ("&x a", "a"),
        ],
    )
    def test_takes_values_as_people_mean_them(self, written, value):
        assert read(f"key: {written}") == {"key": value}

    @pytest.mark.parametrize("written", ["20", "20.50", "-1", "0", "1e3"])
    def test_keeps_the_writing_of_numbers(self, written):
        found = read(f"key: {written}")["key"]

        assert isinstance(found, JsonNumber)
        assert found == written

    def test_reads_the_environment(self, monkeypatch):
        monkeypatch.setenv("TARN_TEST_VALUE", "a: b")

        assert read("key: env:TARN_TEST_VALUE") == {"key": "a: b"}
        assert read("key: env:not a name") == {"key": "env:not a name"}

    @pytest.mark.parametrize(
        "text, problem",
        [
            ("", "line 1: The file is empty."),
            ("# nothing", "line 1: The file is empty."),
            ("a: [1", "line 1: This is not YAML: expected ',' or ']', but got '<stream end>'."),
            ("a: 1\nb: *x", "line 2: This is not YAML: found undefined alias 'x'."),
            ("a: 1\n---\nb: 2", "line 2: This is not YAML: but found another document."),
            ("a: \x00", "line 1: This is not YAML: there is a character that can't be used."),
            ("a:\n  b: 1\n  b: 2", "a.b, line 3: This key stands in line 2 already."),
            ("a: 1\n[b]: 2", "line 2: A key must be a word."),
            (
                "a:\n- !!python/name:x y",
                (
                    "a[0], line 2: tag:yaml.org,2002:python/name:x is no kind of value that can be"
                    " used here."
                ),
            ),
            ("a: env:TARN_NONE", "a, line 1: The environment has no variable TARN_NONE."),
        ],
    )
    def test_tells_what_can_not_be_used(self, text, problem):
        assert problems_of(text) == [problem]

    def test_tells_everything_at_once(self):
        assert len(problems_of("a: env:TARN_NONE\nb: !x 1\na: 1")) == 3

    @pytest.mark.parametrize(
        "text",
        [
            "a: " + "[" * 25 + "]" * 25,
            "a: " + "[" * 20_000,
            "a: &x [*x]",
            "a: &a [b, b, b, b, b, b, b, b, b, b]\n"
            + "\n".join(
                f"{name}: &{name} [{', '.join(['*' + before] * 10)}]"
                for before, name in ("ab", "bc", "cd", "de", "ef", "fg")
            ),
        ],
    )
    def test_gives_up_on_bombs(self, text):
        [problem] = problems_of(text)

        assert "nested deeper" in problem or "too large" in problem or "not YAML" in problem
