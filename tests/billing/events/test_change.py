"""Which events an endpoint may ask for (contract: resources.md 4)."""

import pytest
from pydantic_core import PydanticCustomError

from billing.events.change import event_types
from billing.events.names import EVENT_NAMES
from billing.values import JsonNumber


class TestEventTypes:
    @pytest.mark.parametrize(
        "sent, stored",
        [
            (None, None),
            (["*"], None),
            ([" * ", "*"], None),
            ([], []),
            (["", "  "], []),
            (["Customer.Created ", "customer.created"], ["customer.created"]),
            (["invoice.paid_credit_added", "order.x"], ["invoice.paid_credit_added", "order.x"]),
            (["quote.a.b", "order_form."], ["quote.a.b", "order_form."]),
        ],
    )
    def test_normalizes(self, sent, stored):
        assert event_types(sent) == stored

    @pytest.mark.parametrize("sent", ["customer.created", {}, True, JsonNumber("1"), ""])
    def test_must_be_an_array(self, sent):
        with pytest.raises(PydanticCustomError) as refusal:
            event_types(sent)

        assert refusal.value.type == "must_be_array"

    @pytest.mark.parametrize(
        "element",
        ["customer", "customer.*", "orders.x", "order." + "x" * 60, None, 1, [], JsonNumber("1")],
    )
    def test_refuses_unknown_names(self, element):
        with pytest.raises(PydanticCustomError) as refusal:
            event_types(["customer.created", element])

        assert refusal.value.type == "value_is_invalid"

    def test_knows_the_names_of_the_contract(self):
        assert len(EVENT_NAMES) == 67
        assert all(event_types([name]) == [name] for name in EVENT_NAMES)
