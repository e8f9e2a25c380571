"""What no decent client sends, byte by byte to a live server: JSON below 500, or a closed line."""

import json
import time

import pytest

from tests.conftest import Answer

BODY = b'{"customer":{"external_id":"raw"}}'
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


def get(target: bytes, *headers: bytes, verb: bytes = b"GET", host: bytes = b"x") -> bytes:
    """Return a request; `%(key)s` stands for a key that works."""
    lines = [b"Host: " + host, b"Authorization: Bearer %(key)s", b"Connection: close", *headers]
    return b"%s %s HTTP/1.1\r\n%s\r\n\r\n" % (verb, target, b"\r\n".join(lines))


def post(head: bytes, body: bytes = BODY) -> bytes:
    """Return an upsert with these lines in its head."""
    start = b"POST /api/v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %(key)s\r\n"
    return start + b"Connection: close\r\n" + head + b"\r\n" + body


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


LIST = b"/api/v1/customers"
REQUESTS = {
    # Bodies and their lengths.
    "chunks": (post(CHUNKED, chunks(BODY[:9], BODY[9:])), 200),
    "a chunk for each byte": (post(CHUNKED, chunks(*(BODY[i : i + 1] for i in range(34)))), 200),
    "chunks with a trailer": (post(CHUNKED, chunks(BODY)[:-2] + b"X-T: 1\r\n\r\n"), 200),
    "a chunk with an extension": (post(CHUNKED, b"22;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"), 200),
    "a chunk of no size": (post(CHUNKED, b"zz\r\nabc\r\n0\r\n\r\n"), 400),
    "a chunk of negative size": (post(CHUNKED, b"-5\r\nabc\r\n0\r\n\r\n"), 400),
    "a mebibyte and more in chunks": (post(CHUNKED, chunks(*[b" " * 65_536] * 17)), 413),
    "chunks and a length": (post(CHUNKED + LENGTH, chunks(BODY)), 400),
    "chunked twice": (post(CHUNKED * 2, chunks(BODY)), 400),
    "an unknown transfer coding": (post(b"Transfer-Encoding: br\r\n" + LENGTH), 400),
    "two lengths": (post(LENGTH + b"Content-Length: 3\r\n"), 400),
    "the same length twice": (post(LENGTH * 2), 400),
    "a list of lengths": (post(b"Content-Length: 34, 34\r\n"), 400),
    "a length with a sign": (post(b"Content-Length: +34\r\n"), 400),
    "a negative length": (post(b"Content-Length: -34\r\n"), 400),
    "a length in hexadecimal": (post(b"Content-Length: 0x22\r\n"), 400),
    "a length in other digits": (post("Content-Length: ٣\r\n".encode()), 400),
    "a length without end": (post(b"Content-Length: " + b"9" * 30 + b"\r\n"), 413),
    "a byte too many": (post(b"Content-Length: 1048577\r\n", b" " * 1_048_577), 413),
    "no length": (post(b"", b""), 400),
    "the promise of a body": (post(b"Expect: 100-continue\r\n" + LENGTH), 200),
    "the promise of something else": (post(b"Expect: 200-ok\r\n" + LENGTH), 417),
    "gzip": (post(b"Content-Encoding: gzip\r\n" + LENGTH), 415),
    "a charset": (post(b"Content-Type: application/json; charset=utf-7\r\n" + LENGTH), 415),
    "a charset that decompresses": (post(b"Content-Type: text/x; charset=zip\r\n" + LENGTH), 415),
    "a type that is no text": (post(b"Content-Type: \xff\xfe\r\n" + LENGTH), 415),
    # Heads.
    "an old protocol": (
        b"GET /api/v1/taxes HTTP/1.0\r\nAuthorization: Bearer %(key)s\r\n\r\n",
        200,
    ),
    "an older protocol": (b"GET /api/v1/taxes\r\n\r\n", 400),
    "a newer protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\0" * 80 + b"\r\n\r\n", 400),
    "noise": (b"\xff\xfe\xfd\r\n\r\n", 400),
    "two keys": (get(LIST, b"Authorization: Bearer %(key)s"), 401),
    "an Idempotency-Key that is no text": (post(b"Idempotency-Key: \xff\r\n" + LENGTH), 400),
    "a tag that is no text": (post(b'If-Match: "\xff"\r\n' + LENGTH), 412),
    "thousands of tags": (post(b'If-Match: "' + b'a","' * 1_900 + b'"\r\n' + LENGTH), 412),
    "headers that are no text": (get(LIST, b"X-Request-Id: \xff", b"Accept: \xff\xfe"), 200),
    "a NUL in a header": (get(LIST, b"X-Y: a\0b"), 400),
    "a header without a name": (get(LIST, b": a"), 400),
    "a header without a value": (get(LIST, b"XY"), 400),
    "a long header": (get(LIST, b"X-Y: " + b"x" * 9_000), 431),
    "many headers": (get(LIST, *(b"X-%d: 1" % number for number in range(200))), 431),
    "a host that is none": (get(LIST, host=b"a b<>"), 200),
    "two hosts": (get(LIST, b"Host: y"), 400),
    "another path in a header": (
        get(b"/api/v1/taxes", b"SCRIPT_NAME: /api", b"PATH_INFO: /x"),
        200,
    ),
    "another protocol in a header": (get(LIST, b"X-Forwarded-Proto: \xff", b"Upgrade: h2c"), 200),
    # Verbs and targets.
    "an absolute target": (get(b"http://other.test/api/v1/taxes"), 200),
    "CONNECT": (get(LIST, verb=b"CONNECT"), 405),
    "TRACE": (get(LIST, verb=b"TRACE"), 405),
    "OPTIONS": (get(LIST, verb=b"OPTIONS"), 405),
    "a verb of one's own": (get(LIST, verb=b"M-SEARCH"), 405),
    "a verb in lower case": (get(LIST, verb=b"get"), 400),
    "everything": (get(b"*"), 400),
    "another verb in a header": (post(b"X-HTTP-Method-Override: DELETE\r\n" + LENGTH), 200),
    "a slash too few": (get(b"/api/v1"), 404),
    "a slash too many": (get(b"//api/v1/customers"), 404),
    "a slash at the end": (get(b"/api/v1/customers/"), 404),
    "nothing behind the base": (get(b"/api/v1/"), 404),
    "a walk upwards": (get(b"/api/v1/x/../taxes"), 404),
    "an encoded base": (get(b"/%%61pi/v1/taxes"), 404),
    "an encoded NUL": (get(LIST + b"/a%%00b"), 404),
    "an encoded line end": (get(LIST + b"/a%%0d%%0aX:b"), 404),
    "bytes that are no text": (get(LIST + b"/%%ff%%fe"), 404),
    "a lone surrogate": (get(LIST + b"/%%ed%%a0%%80"), 404),
    "a percent sign alone": (get(LIST + b"/%%zz%%"), 404),
    "raw bytes in the path": (get(LIST + b"/\xe9"), 400),
    "a NUL in the path": (get(LIST + b"/a\0b"), 400),
    "a space in the path": (get(LIST + b"/a b"), 400),
    "bytes in the query that are no text": (get(LIST + b"?search_term=%%ff&metadata[%%ff]"), 200),
    "a lone surrogate in the query": (get(LIST + b"?external_id=%%ed%%a0%%80"), 200),
    "a long query": (get(LIST + b"?search_term=" + b"x" * 60_000), 200),
    "too long a query": (get(LIST + b"?search_term=" + b"x" * 70_000), 414),
    "a thousand parameters": (get(LIST + b"?" + b"&".join([b"a=1"] * 1_000)), 200),
    "a parameter more": (get(LIST + b"?" + b"&".join([b"a=1"] * 1_001)), 400),
    "a page of 5,000 digits": (get(LIST + b"?page=" + b"9" * 5_000), 200),
}  # fmt: skip


def assert_polite(answer: Answer) -> None:
    """Assert that an answer is JSON below 500 that names its own status."""
    assert answer.status < 500, answer.body
    assert answer.headers["content-type"] == "application/json", answer.body[:200]
    body = json.loads(answer.body)
    assert isinstance(body, dict)
    assert answer.status == 200 or (body["status"], bool(body["error"])) == (answer.status, True)


class TestOneRequest:
    @pytest.mark.parametrize("request_bytes, status", REQUESTS.values(), ids=REQUESTS.keys())
    def test_is_answered_in_json(self, tarn, live_key, request_bytes, status):
        sent = request_bytes.replace(b"%(key)s", live_key.encode()).replace(b"%%", b"%")

        [answer] = tarn.exchange(sent).answers()

        assert_polite(answer)
        assert answer.status == status, answer.body


class TestSeveralRequests:
    """One connection, several requests sent before the first answer."""

    @pytest.mark.parametrize(
        "first, status",
        [
            (b"GET /api/v1/taxes HTTP/1.1\r\n", 200),
            (b"POST /api/v1/organizations HTTP/1.1\r\nContent-Length: 34\r\n", 405),
            (b"GET /api/v1/nothing HTTP/1.1\r\nContent-Length: 34\r\n", 404),
            (b"DELETE /api/v1/customers/nobody HTTP/1.1\r\nContent-Length: 34\r\n", 404),
            (b"POST /api/v1/customers HTTP/1.1\r\nContent-Length: 34\r\n", 200),
        ],
    )
    def test_are_answered_in_turn(self, tarn, live_key, first, status):
        head = first + b"Host: x\r\nAuthorization: Bearer " + live_key.encode() + b"\r\n\r\n"
        body = BODY if b"Content-Length" in first else b""
        last = get(b"/api/v1/organizations").replace(b"%(key)s", live_key.encode())

        [*answers, final] = tarn.exchange((head + body) * 3 + last).answers()

        assert [answer.status for answer in answers] == [status] * 3
        assert final.json().keys() == {"organization"}

    def test_are_cut_off_after_a_body_that_nobody_reads(self, tarn, live_key):
        """The rest of a refused body must never be taken for a request."""
        smuggled = get(b"/api/v1/organizations").replace(b"%(key)s", live_key.encode())
        head = post(b"Content-Length: 2000000\r\n", b"").replace(b"Connection: close\r\n", b"")
        head = head.replace(b"%(key)s", live_key.encode())

        answers = tarn.exchange(head + smuggled * 5_000).answers()

        assert [answer.status for answer in answers] == [413]


class TestSilence:
    """Takes as long as TARN_CLIENT_TIMEOUT; without it, each of these would hold a thread."""

    def test_holds_no_thread_for_long(self, tarn, live_key, live):
        key = live_key.encode()
        began = time.monotonic()
        unfinished = [
            post(b"Content-Length: 100\r\n", b"abc"),
            post(CHUNKED, b"ff\r\nabc"),
            post(CHUNKED, b"f" * 30 + b"\r\nabc"),
        ]

        found = [tarn.exchange(one.replace(b"%(key)s", key)).answers() for one in unfinished]

        for [answer] in found:
            assert_polite(answer)
            assert answer.status == 400
        assert time.monotonic() - began < 19
        assert live.get("/api/v1/taxes").status == 200
