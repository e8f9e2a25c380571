"""The door of payment providers: `/webhooks/<type>/<organization>` (contract: section 3.1)."""

from http import HTTPStatus
from uuid import UUID

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views import View

from billing.api.refusals import Refused, answer_to, error_answer
from billing.api.view import MAX_BODY_BYTES
from customers.providers.adapter import Forged
from customers.providers.inbound import find_connection, receive

log = structlog.get_logger(__name__)


class ProviderWebhookView(View):
    """Takes what a provider tells us; the signature stands for a key."""

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer in JSON, whatever happens."""
        try:
            if request.method != "POST":
                raise Refused(405, "method_not_allowed", headers={"Allow": "POST"})
            return super().dispatch(request, *args, **kwargs)
        except Forged as forged:
            # Never the body: it may be a stranger's.
            log.warning("provider webhook turned away", reason=str(forged))
            return error_answer(400, words=str(forged))
        except Exception as error:  # the edge: nothing but JSON leaves it
            return answer_to(error, "webhooks")

    def post(self, request: HttpRequest, kind: str, organization_id: UUID) -> HttpResponse:
        """Take one webhook."""
        code = request.GET.get("code") or None
        connection = find_connection(organization_id, kind, code)
        headers = {name.lower(): value for name, value in request.headers.items()}
        taken = receive(connection, headers, _body(request))
        return HttpResponse(taken, status=HTTPStatus.OK, content_type="text/plain")


def _body(request: HttpRequest) -> bytes:
    """Return the raw bytes, no more than the limit.

    :raises Refused: 413.
    """
    declared = request.META.get("CONTENT_LENGTH") or "0"
    length = int(declared) if declared.isascii() and declared.isdigit() else 0
    body = b"" if length > MAX_BODY_BYTES else request.read(MAX_BODY_BYTES + 1)
    if length > MAX_BODY_BYTES or len(body) > MAX_BODY_BYTES:
        raise Refused(413, "payload_too_large")
    return body
