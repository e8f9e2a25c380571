"""customers.md 1.1: what the undecoded path says."""

from uuid import UUID

import pytest

from billing.api.routing import NO_SUCH_ID, CodeConverter, IdConverter, decode
from billing.values import NO_SUCH_CODE

pytestmark = pytest.mark.urls("tests.billing.api.urls")


class TestDecode:
    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            ("a", "a"),
            ("a+b", "a+b"),
            ("a%2Bb%20c", "a+b c"),
            ("a%2Fb", "a/b"),
            ("%2E%2E", ".."),
            ("c%C3%A9", "c\u00e9"),
            ("c\u00e9", "c\u00e9"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%2525", "%25"),
            ("%F0%9F%8D%BA" * 255, "\U0001f37a" * 255),
            ("%F0%9F%8D%BA" * 256, NO_SUCH_CODE),
            ("a" * 256, NO_SUCH_CODE),
            ("a%00b", NO_SUCH_CODE),
            ("%FF", NO_SUCH_CODE),
            ("%ED%A0%80", NO_SUCH_CODE),
            ("%C0%AF", NO_SUCH_CODE),
        ],
    )
    def test_reads_any_text_and_nothing_else(self, part, expected):
        assert decode(part) == expected

    @pytest.mark.parametrize("code", ["a/b", "a b+c", "\u00e9", "%41", "..", "?#&"])
    def test_undoes_what_makes_an_address(self, code):
        assert decode(CodeConverter().to_url(code)) == code


class TestIdConverter:
    ID = "7c1f6a52-0b3e-4d8f-9a47-2f5e8c60d913"

    def test_reads_a_uuid_in_any_case(self):
        assert IdConverter().to_python(self.ID.upper()) == UUID(self.ID)
        assert IdConverter().to_python("%37" + self.ID[1:]) == UUID(self.ID)
        assert IdConverter().to_url(UUID(self.ID)) == self.ID

    @pytest.mark.parametrize("part", ["1", ID.replace("-", ""), "{" + ID + "}", ID + "/", "%00"])
    def test_takes_anything_else_for_an_id_that_nothing_has(self, part):
        assert IdConverter().to_python(part) == NO_SUCH_ID


class TestRoutes:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("things/a%2Fpart", {"code": "a/part"}),
            ("things/a/b", {"code": "a/b"}),
            ("things/a/", {"code": "a/"}),
            ("things//", {"code": "/"}),
            ("things/a.json", {"code": "a.json"}),
            ("things/a%3Fb?c=d", {"code": "a?b"}),
            ("things/%2E%2E", {"code": ".."}),
            ("things/a%0Ab", {"code": "a\nb"}),
        ],
    )
    def test_give_the_rest_of_the_path_to_the_code(self, api, path, expected):
        assert api.get(f"/api/v1/{path}").json() == expected

    def test_end_with_a_part_only_where_the_slash_is_plain(self, api):
        assert api.post("/api/v1/things/a%2Fb/part").json() == {"part": "a/b", "payload": None}
        assert api.post("/api/v1/things/a%2Fpart").status == 405
        assert api.post("/api/v1/things/a/p%61rt").status == 405

    @pytest.mark.parametrize(
        "path", ["", "things/", "thing", "Things", "own/", "things%2Fa", "%74hings"]
    )
    def test_answer_an_unknown_path_without_a_key(self, anonymous, path):
        for method in ("GET", "POST", "OPTIONS"):
            answer = anonymous.request(method, f"/api/v1/{path}")

            assert answer.status == 404
            assert answer.json() == {
                "status": 404,
                "error": "Not Found",
                "code": "resource_not_found",
            }
