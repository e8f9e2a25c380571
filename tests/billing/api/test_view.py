"""customers.md 1.1 to 1.5: the order of checks."""

import io
from itertools import pairwise

import pytest
from django.test import RequestFactory

from billing.api import keys
from billing.api.models import ApiKey
from tests.billing.api.urls import ThingsView
from tests.conftest import API_KEY, Client, environ

pytestmark = pytest.mark.urls("tests.billing.api.urls")

THINGS = "/api/v1/things"
MIB = 1_048_576
JSON_TYPE = "application/json"
JSON = {"Content-Type": JSON_TYPE}
THING = b'{"thing":{"name":"x"}}'


def error(status, words, code=None):
    body = {"status": status, "error": words}
    return body | ({"code": code} if code else {})


MISSING = error(400, "BadRequest: param is missing or the value is empty or invalid: thing")
UNSUPPORTED = error(415, "Unsupported Media Type", "unsupported_media_type")


class TestVerbs:
    @pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "FOO", "get"])
    def test_refuses_another_verb_before_the_key(self, anonymous, method):
        answer = anonymous.request(method, THINGS)

        expected = 401 if method == "get" else 405
        assert answer.status == expected
        if expected == 405:
            assert answer.json() == error(405, "Method Not Allowed", "method_not_allowed")
            assert answer.headers["Allow"] == "GET, HEAD, POST"

    def test_takes_patch_for_put(self, api):
        assert api.patch("/api/v1/things/a", json={"b": 1}).json() == {
            "code": "a",
            "payload": {"b": "1"},
        }

    def test_answers_head_like_get_without_the_body(self, api):
        get, head = api.get(THINGS), api.request("HEAD", THINGS)

        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(get.body))

    @pytest.mark.parametrize("target", [THINGS, "/api/v1/nothing", "/api/v1/things/a/part"])
    def test_answers_head_without_a_body_when_it_refuses(self, anonymous, target):
        answer = anonymous.request("HEAD", target)

        assert answer.status in (401, 404, 405)
        assert answer.body == b""


class TestKey:
    @pytest.mark.parametrize(
        "header",
        [
            None,
            "",
            f"Basic {API_KEY}",
            API_KEY,
            "Bearer unknown_unknown_1",
            f"Bearer {API_KEY},Bearer {API_KEY}",
            "Bearer \x00" + "k" * 20,
        ],
    )
    def test_refuses_a_request_without_a_known_key(self, api, header):
        api.key = None
        headers = {} if header is None else {"Authorization": header}

        answer = api.post(THINGS, body=b"{bad", headers=headers)

        assert (answer.status, answer.json()) == (401, error(401, "Unauthorized"))
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_reads_no_key_from_the_query_or_a_cookie(self, api):
        api.key = None

        answer = api.get(
            f"{THINGS}?api_key={API_KEY}&authorization=Bearer%20{API_KEY}",
            headers={"Cookie": f"authorization=Bearer {API_KEY}"},
        )

        assert answer.status == 401

    def test_lets_a_key_in_with_the_scheme_in_any_case(self, api, organization):
        answer = api.get(THINGS, headers={"Authorization": f"bEARER {API_KEY}"})

        assert answer.json() == {
            "organization": str(organization.id),
            "actor": "tests",
            "query": None,
        }

    def test_refuses_a_key_right_after_its_end(self, api, organization):
        keys.create_api_key(organization)
        assert api.get(THINGS).status == 200

        keys.revoke_api_key(ApiKey.objects.get(name="tests"))

        assert api.get(THINGS).status == 401


class TestPermission:
    @pytest.mark.parametrize(
        ("permissions", "method", "mode"),
        [
            ({"tax": ["write"]}, "GET", "read"),
            ({"tax": ["write"]}, "HEAD", None),
            ({"tax": ["read"]}, "POST", "write"),
            ({"customer": ["read", "write"]}, "POST", "write"),
        ],
    )
    def test_refuses_what_the_key_may_not_do(self, organization, permissions, method, mode):
        _, text = keys.create_api_key(organization, permissions=permissions)

        answer = Client(text).request(method, THINGS, body=b"{bad")

        assert answer.status == 403
        if mode:
            assert answer.json() == error(403, "Forbidden", f"{mode}_action_not_allowed_for_tax")

    @pytest.mark.parametrize("modes", [["read"], ["write"]])
    def test_lets_pass_what_it_may_do(self, organization, modes):
        _, text = keys.create_api_key(organization, permissions={"tax": modes})

        method, body = ("GET", None) if modes == ["read"] else ("POST", THING)

        assert Client(text).request(method, THINGS, body=body).status == 200


class TestContentType:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Content-Type": ""},
            {"Content-Type": "application/json"},
            {"Content-Type": "Application/JSON ; Charset=UTF-8"},
            {"Content-Type": 'application/json; charset="utf-8"; v=1'},
            {"Content-Encoding": "identity"},
            {"Content-Encoding": ""},
        ],
    )
    def test_takes_json_in_utf_8(self, api, headers):
        assert api.post(THINGS, body=THING, headers=headers).status == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "multipart/form-data; boundary=x"},
            {"Content-Type": "application/jsonx"},
            {"Content-Type": "application/vnd.api+json"},
            {"Content-Type": "application/json; charset=utf-16"},
            {"Content-Type": "application/json; charset=utf-7"},
            {"Content-Type": "application/json; charset=unicode_escape"},
            {"Content-Type": "application/json; charset="},
            {"Content-Type": "application/json, text/plain"},
            JSON | {"Content-Encoding": "gzip"},
            JSON | {"Content-Encoding": "deflate, gzip"},
        ],
    )
    def test_refuses_anything_else(self, api, headers):
        answer = api.post(THINGS, body=b"{bad", headers=headers | {"Idempotency-Key": "a b"})

        assert (answer.status, answer.json()) == (415, UNSUPPORTED)

    def test_does_not_matter_without_a_body(self, api):
        headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}

        assert api.post("/api/v1/things/a/part", headers=headers).status == 200
        assert api.get("/api/v1/things/a", body=b"x", headers=headers).status == 200
        assert api.post(THINGS, body=b"", headers=headers).status == 400


class TestSize:
    def body(self, size):
        return THING + b" " * (size - len(THING))

    def test_takes_a_mebibyte(self, api):
        assert api.post(THINGS, body=self.body(MIB), headers=JSON).status == 200

    @pytest.mark.parametrize("chunked", [False, True])
    def test_refuses_a_byte_more(self, api, chunked):
        headers = {"Transfer-Encoding": "chunked"} if chunked else {}

        answer = api.post(THINGS, body=self.body(MIB + 1), headers=JSON | headers)

        assert answer.status == 413
        assert answer.json() == error(413, "Payload Too Large", "payload_too_large")

    def test_reads_chunks_without_a_length(self, api):
        headers = {"Transfer-Encoding": "chunked"}

        assert api.post(THINGS, body=THING, headers=headers).status == 200
        assert api.post(THINGS, body=self.body(MIB), headers=headers).status == 200
        assert api.post("/api/v1/things/a/part", body=b"", headers=headers).status == 200

    def test_reads_no_more_than_it_must(self, api):
        from config.wsgi import application

        stream = io.BytesIO(b" " * 5 * MIB)
        sent = environ("POST", THINGS, None, {"Authorization": f"Bearer {API_KEY}"})
        sent |= {"wsgi.input": stream, "HTTP_TRANSFER_ENCODING": "chunked"}

        application(sent, lambda *_: None)

        assert stream.tell() == MIB + 1

    def test_refuses_a_type_before_a_size_and_a_size_before_a_key(self, api):
        big, key = self.body(MIB + 1), {"Idempotency-Key": "a b"}

        assert api.post(THINGS, body=big, headers=key | {"Content-Type": "a/b"}).status == 415
        assert api.post(THINGS, body=big, headers=key).status == 413
        assert api.post(THINGS, body=b"{bad", headers=key).json()["code"] == (
            "invalid_idempotency_key"
        )

    def test_answers_a_caller_who_stops_sending(self, api):
        class Broken(io.BytesIO):
            def read(self, size=-1):
                raise ConnectionResetError

        from config.wsgi import application

        sent = environ("POST", THINGS, THING, {"Authorization": f"Bearer {API_KEY}"})
        began = []
        application(sent | {"wsgi.input": Broken()}, lambda *head: began.append(head))

        assert began[0][0].startswith("400")


class TestBody:
    @pytest.mark.parametrize("body", [b"", b"{bad", b"{} x", b"\xff", b"[NaN]", b"[" * 30])
    def test_refuses_what_is_not_json(self, api, body):
        answer = api.post(THINGS, body=body, headers=JSON)

        assert answer.status == 400
        assert list(answer.json()) == ["status", "error"]
        assert answer.json()["error"].startswith("BadRequest: ")

    @pytest.mark.parametrize(
        "body",
        [
            b"null",
            b"[]",
            b'"thing"',
            b"1",
            b"{}",
            b'{"thing":null}',
            b'{"thing":[]}',
            b'{"thing":"name"}',
            b'{"thing":{}}',
            b'{"thing":{"nome":1}}',
            b'{"Thing":{"name":1}}',
        ],
    )
    def test_refuses_a_root_that_says_nothing(self, api, body):
        answer = api.post(THINGS, body=body)

        assert (answer.status, answer.json()) == (400, MISSING)

    def test_hands_the_root_over_as_it_is(self, api):
        answer = api.post(THINGS, body=b'{"thing":{"name":null,"other":[1]},"x":1}')

        assert answer.json() == {"thing": {"name": None, "other": ["1"]}}
        assert answer.headers["ETag"] == 'W/"7"'

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_ignores_a_body_where_none_belongs(self, api, method):
        big = {"Content-Type": "text/plain"}

        answer = api.request(method, "/api/v1/things/a", body=b"{" * (MIB + 1), headers=big)

        assert answer.status == 200
        assert answer.json().get("payload") is None

    def test_needs_none_where_the_view_says_so(self, api):
        part = "/api/v1/things/a/part"

        assert api.post(part).json() == {"part": "a", "payload": None}
        assert api.post(part, body=b'{"a":1}').json()["payload"] == {"a": "1"}
        assert api.post(part, body=b"{bad").status == 400


class TestDispatch:
    def test_needs_no_route(self, organization):
        _, text = keys.create_api_key(organization)
        bearer = {"Authorization": f"Bearer {text}"}
        request = RequestFactory().post("/", {"thing": {"raise": "bug"}}, JSON_TYPE, headers=bearer)

        assert ThingsView.as_view()(request).status_code == 500

    def test_leaves_no_state_between_requests(self, api):
        answers = [api.get(f"{THINGS}?q={n}").json()["query"] for n in range(3)]

        assert all(one != other for one, other in pairwise(answers))
