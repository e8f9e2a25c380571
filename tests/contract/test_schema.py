"""The API against its own description: what schemathesis makes of /api/schema/."""

import schemathesis
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract.hostile import EXAMPLES

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))


class TestEveryOperation:
    @schema.parametrize()
    @settings(
        max_examples=max(EXAMPLES // 8, 10),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def test_keeps_what_the_schema_says(self, case, tarn, live_key):
        headers = {"Authorization": f"Bearer {live_key}"}

        case.call_and_validate(tarn.address, headers=headers, checks=CHECKS, timeout=20)
