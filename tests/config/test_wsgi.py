import contextlib

import pytest
from django.db import DatabaseError, connection
from django.http import JsonResponse
from django.urls import get_script_prefix, path, set_script_prefix

from config.wsgi import application, undecoded_path
from tests.conftest import environ


def echo(request):
    """Answer with what a view of the API sees of its request."""
    return JsonResponse({"path": request.path_info, "body": request.read().decode()})


def lose(request):
    """Answer as if nothing were wrong, and leave a connection behind that is."""
    with connection.cursor() as cursor, contextlib.suppress(DatabaseError):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    return JsonResponse({})


urlpatterns = [
    path("api/v1/lose", lose),
    path("api/v1/<path:rest>", lambda request, rest: echo(request)),
]
handler404 = "config.pages.not_found"


class TestUndecodedPath:
    @pytest.mark.parametrize(
        "target, expected",
        [
            ("/api/v1/customers/a%2Fb?name=/x", "/api/v1/customers/a%2Fb"),
            ("/api/v1/customers/%2E%2E", "/api/v1/customers/%2E%2E"),
            ("http://localhost:8000/api/v1/taxes?x", "/api/v1/taxes"),
            ("http://localhost", "/"),
            ("*", "/"),
            ("//api/v1/taxes", "//api/v1/taxes"),
        ],
    )
    def test_is_the_path_as_it_was_sent(self, target, expected):
        assert undecoded_path({"RAW_URI": target, "PATH_INFO": "/other"}) == expected

    def test_is_encoded_anew_where_the_server_hides_the_target(self):
        decoded = "/api/v1/customers/ä b%".encode().decode("latin-1")

        assert undecoded_path({"PATH_INFO": decoded}) == "/api/v1/customers/%C3%A4%20b%25"

    def test_leaves_the_prefix_of_a_mounted_application_out(self):
        environ = {"RAW_URI": "/tarn/api/v1/a%2Fb", "SCRIPT_NAME": "/tarn", "PATH_INFO": "/"}

        assert undecoded_path(environ) == "/api/v1/a%2Fb"


@pytest.mark.urls(__name__)
class TestApplication:
    def test_routes_the_api_by_the_undecoded_target(self, anonymous):
        answer = anonymous.get("/api/v1/customers/a%2Fportal_url")

        assert answer.json()["path"] == "/api/v1/customers/a%2Fportal_url"

    def test_finds_nothing_behind_an_encoded_prefix(self, anonymous):
        answer = anonymous.get("/%61pi/v1/customers/a%252Fb")

        assert answer.status == 404
        assert answer.json() == {"status": 404, "error": "Not Found", "code": "resource_not_found"}

    def test_hands_a_body_without_a_length_over_as_far_as_the_limit_and_a_byte(
        self, anonymous, settings
    ):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 8
        chunked = {"Transfer-Encoding": "chunked"}

        small = anonymous.post("/api/v1/x", body=b"12345678", headers=chunked)
        large = anonymous.post("/api/v1/x", body=b"1234567890", headers=chunked)

        assert (small.json()["body"], large.json()["body"]) == ("12345678", "123456789")

    def test_says_how_long_the_answer_is(self, anonymous):
        answer = anonymous.get("/api/v1/x")

        assert answer.headers["content-length"] == str(len(answer.body))

    def test_sets_no_cookie_and_needs_no_csrf_token_under_the_api(self, anonymous):
        answer = anonymous.post("/api/v1/x", json={})

        assert answer.status == 200
        assert "set-cookie" not in answer.headers

    @pytest.mark.django_db(transaction=True)
    def test_leaves_no_broken_connection_to_the_next_request(self, anonymous):
        """Red without the look at the connection after each request."""
        anonymous.get("/api/v1/lose")

        assert connection.connection is None

    def test_tells_prefixes_of_a_mounted_application_to_what_builds_links(self, anonymous):
        """Red if the prefix of the request at hand is not set."""
        sent = environ("GET", "/tarn/api/v1/x", None, {})

        application(sent | {"SCRIPT_NAME": "/tarn"}, lambda *_: None)

        assert get_script_prefix() == "/tarn/"
        set_script_prefix("/")
