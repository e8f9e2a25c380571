"""What Tarn asks of a payment provider or an integration, in the same words of each.

An adapter speaks with one account. It holds nothing, writes nothing, and knows no table but those
it reads the customer from; `customers.providers.mirror` keeps what becomes of its calls. It never
repeats a call by itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, TypeVar

import structlog

from billing.connections.models import Connection
from billing.models import Integration, PaymentProvider
from customers.models import Customer, IntegrationLink, ProviderLink
from customers.providers.failures import Failure, Refused, Unauthorized

log = structlog.get_logger(__name__)

Body = dict[str, Any]
"""What is sent, by our own names (`email`, `name`, `city`, ...): JSON, without blank values."""

Link = ProviderLink | IntegrationLink
ADDRESS = ("address_line1", "address_line2", "city", "zipcode", "state", "country")
# What most are told of, by the paths of the wire.
CONTACT = frozenset({"name", "firstname", "lastname", "email", "phone", *ADDRESS})
# Fields of a customer that the other side may know better.
COMPARED = CONTACT | {
    *("legal_name", "legal_number", "tax_identification_number", "url"),
    *(f"shipping_address.{part}" for part in ADDRESS),
}


class Subject(NamedTuple):
    """Whom a call is about: a customer with its link to the adapter's connection."""

    customer: Customer
    link: Link

    @property
    def remote_id(self) -> str | None:
        """Return what the other side calls the customer."""
        if isinstance(self.link, ProviderLink):
            return self.link.provider_customer_id
        return self.link.external_customer_id


class Method(NamedTuple):
    """A stored way to pay."""

    remote_id: str
    kind: str
    brand: str | None = None
    last_four: str | None = None
    expires_year: int | None = None
    expires_month: int | None = None


class Notice(NamedTuple):
    """Something a provider told us by a webhook, reduced to the facts that we act on (JSON).

    Without any facts it is of no interest, whatever its type.
    """

    remote_id: str
    type: str
    happened_at: datetime
    facts: dict[str, Any]


class Forged(Exception):
    """A webhook that can't be trusted: its signature, its time or its form is not right."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a step is tried when it fails for no fault of the data.

    :param throttled: how often it may meet a limit of calls; None if that counts as any failure.
    """

    attempts: int = 6
    throttled: int | None = None
    delays: tuple[int, ...] = field(default=(10, 60, 300, 1_800, 7_200))  # seconds

    def delay(self, attempt: int) -> int:
        """Return the seconds to wait after an attempt, counted from 1."""
        return self.delays[min(attempt, len(self.delays)) - 1]


class Listener(ABC):
    """One account of which we hear by webhooks; a subclass is one kind of them."""

    # As people write it.
    name: ClassVar[str]
    # The answer to a webhook that was taken.
    taken: ClassVar[bytes] = b""
    # What is done with each kind of notice; others are ignored. See `customers.providers.inbound`.
    handlers: ClassVar[Mapping[str, Callable[..., None]]] = {}

    def __init__(self, connection: Connection, timeout: float = 20.0) -> None:
        self.connection: Any = connection
        self.timeout = timeout

    def secret(self, name: str) -> str:
        """Return a secret of the connection.

        :raises Unauthorized: if it is missing or can't be opened.
        """
        try:
            found: str | None = self.connection.secrets.reveal().get(name)
        except ValueError as error:
            raise Unauthorized(
                f"The secrets of the connection {self.connection.code} can't be opened with the "
                "keys of this server: enter them again.",
                "secrets_unreadable",
            ) from error
        if not found:
            raise Unauthorized(
                f"The connection {self.connection.code} has no {name}: enter it on its page.",
                f"{name}_missing",
            )
        return found

    def credential(self, name: str) -> str:
        """Return a secret that is sent with each call.

        :raises Unauthorized: as `secret` does, or if no header can carry it.
        """
        found = self.secret(name)
        if not found.isascii() or not found.isprintable():
            raise Unauthorized(
                f"The {name} of the connection {self.connection.code} has characters that can't be "
                "sent: enter it again.",
                f"{name}_malformed",
            )
        return found

    def signing_key(self, name: str) -> str:
        """Return the secret that webhooks are signed with.

        :raises Forged: if it is missing or can't be opened; what is wrong goes to the log.
        """
        try:
            return self.secret(name)
        except Refused as error:
            # The sender may be a stranger: the name of the connection is for our own log.
            log.warning("webhooks can't be verified", reason=error.message)
            raise Forged("no webhook can be verified here") from error

    @contextmanager
    def discreet(self) -> Iterator[None]:
        """Let no failure of a call repeat a secret, whatever they answer."""
        try:
            yield
        except Failure as failure:
            with suppress(ValueError):
                failure.leave_out(self.secrets_sent())
            failure.shorten()
            raise

    def secrets_sent(self) -> list[str]:
        """Return the secrets that an answer could repeat.

        :raises ValueError: if those of the connection can't be opened.
        """
        return list(self.connection.secrets.reveal().values())

    def setting(self, name: str) -> Any:
        """Return a setting of the connection, None if it has none."""
        return self.connection.settings.get(name)

    def notices(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Notice]:
        """Return what a webhook says, once its signature over the raw bytes has been verified.

        :param headers: by their names in lower case.
        :raises Forged: if it can't be trusted or read.
        """
        raise Forged(f"{self.name} sends no webhooks here")


class Adapter(Listener):
    """One account at a provider or an integration; a subclass is one kind of them."""

    # False: the customer comes into being there by paying or by its first invoice (Adyen, Anrok).
    creates: ClassVar[bool] = True
    # Where `creates` is False: how long a checkout link waits for the customer.
    awaits: ClassVar[timedelta | None] = None
    # Whether later changes of the customer are sent, and changes of what.
    updates: ClassVar[bool] = True
    told_of: ClassVar[frozenset[str]] = CONTACT
    # The secrets that every call is sent with.
    credentials: ClassVar[tuple[str, ...]] = ()
    # Whether `read` can be asked, so that both sides can be compared.
    reads: ClassVar[bool] = False
    # By which field of the customer a field of `body` is known, where it has another name; one of
    # the shipping address is `shipping_address.city`.
    paths: ClassVar[Mapping[str, str]] = {}
    # Lists of which the other side is told the first only.
    told_the_first: ClassVar[frozenset[str]] = frozenset({"email"})
    # What `creation` has beside the body.
    only_at_creation: ClassVar[frozenset[str]] = frozenset({"lago_customer_id", "external_id"})
    has_checkout: ClassVar[bool] = False
    has_methods: ClassVar[bool] = False
    # How long the provider knows an idempotency key; None is for good. Later, `find` is asked.
    key_lifetime: ClassVar[timedelta | None] = None
    retries: ClassVar[Retries] = Retries()

    def refusal(self) -> Refused | None:
        """Return the refusal of every call, where nobody need be asked for it."""
        try:
            for name in self.credentials:
                self.secret(name)
        except Refused as refused:
            return refused
        return None

    @abstractmethod
    def body(self, subject: Subject) -> Body:
        """Return the fields of a customer that the other side is to have; blank ones left out."""

    def creation(self, subject: Subject) -> Body:
        """Return what a creation sends: the body, and whatever never changes beside it."""
        return self.body(subject)

    def create(self, creation: Body, key: str) -> str:
        """Make the remote customer and return its id.

        Called with the same two values again until the outcome is known.

        :param key: the idempotency key.
        :raises Failure: as its kinds say.
        """
        raise self._not_offered()

    def update(self, remote_id: str, body: Body) -> None:
        """Change the remote customer; None in the body empties a field.

        :raises Failure: as its kinds say.
        """
        raise self._not_offered()

    def find(self, creation: Body) -> str | None:
        """Return the id of the remote customer that this creation made, if there is one.

        :raises Failure: as its kinds say.
        """
        return None

    def read(self, remote_id: str) -> Body:
        """Return what the other side has, in the names of `body`, to be shown beside ours.

        :raises Failure: as its kinds say.
        """
        raise self._not_offered()

    def wish(self, subject: Subject, name: str, theirs: str | None) -> Body | None:
        """Return the change of our customer that takes over a field as the other side has it.

        :param name: the field, as `body` and `read` call it.
        :return: what the API would be sent, or None if no field of ours stands for it.
        """
        path = self.paths.get(name, name)
        if path not in COMPARED:
            return None
        if path in self.told_the_first:
            _, comma, others = (getattr(subject.customer, path) or "").partition(",")
            return {path: (theirs or "") + comma + others if theirs else others.strip() or None}
        structure, _, part = path.rpartition(".")
        return {structure: {part: theirs}} if structure else {part: theirs}

    def _not_offered(self) -> Refused:
        """Return what a kind says that was asked for what it does not offer."""
        return Refused(f"{self.name} is not asked for this.", "not_offered")

    def has_checkout_for(self, subject: Subject) -> bool:
        """Say whether this customer has anything to set up by a checkout."""
        return self.has_checkout

    def checkout_url(self, subject: Subject, key: str | None = None) -> str:
        """Make a page where the customer sets up how to pay, and return its address.

        :param key: an idempotency key, if the call may be repeated.
        :raises Failure: as its kinds say.
        """
        raise self._not_offered()

    def default_method(self, subject: Subject) -> Method | None:
        """Return the way to pay that is the default there.

        :raises Failure: as its kinds say.
        """
        return None

    def funding_details(self, subject: Subject) -> str | None:
        """Return the bank details to print on this customer's invoices, if the provider has some.

        :raises Failure: as its kinds say.
        """
        return None


_Found = TypeVar("_Found", bound=Listener)
_CLASSES: dict[str, type[Listener]] = {}
# Where the class of each type is.
_MODULES = {
    "stripe": "customers.providers.stripe",
    "gocardless": "customers.providers.gocardless",
    "adyen": "customers.providers.adyen",
    "cashfree": "customers.providers.listeners",
    "flutterwave": "customers.providers.listeners",
    "moneyhash": "customers.providers.listeners",
    "netsuite": "customers.providers.netsuite",
    "xero": "customers.providers.xero",
}


def adapts(
    kind: PaymentProvider.Type | Integration.Type,
) -> Callable[[type[_Found]], type[_Found]]:
    """Make a class the adapter of this type of connection, or what listens to it."""

    def register(found: type[_Found]) -> type[_Found]:
        _CLASSES[kind.value] = found
        return found

    return register


def listener_class(kind: str) -> type[Listener] | None:
    """Return what hears of the webhooks of a type; None where there are none."""
    if kind in _MODULES and kind not in _CLASSES:
        # Loaded when first used: the clients of providers are large.
        import_module(_MODULES[kind])
    return _CLASSES.get(kind)


def adapter_class(kind: str) -> type[Adapter] | None:
    """Return the adapter of a type; None where links are stored and nothing else."""
    found = listener_class(kind)
    return found if found is not None and issubclass(found, Adapter) else None


def listener_of(connection: Connection) -> Listener | None:
    """Return what hears of this connection's webhooks."""
    found = listener_class(str(connection.type))  # type: ignore[attr-defined]  # both kinds have it
    return found(connection) if found else None


def adapter_of(connection: Connection, timeout: float = 20.0) -> Adapter | None:
    """Return an adapter that speaks with the account of this connection."""
    found = adapter_class(str(connection.type))  # type: ignore[attr-defined]  # both kinds have it
    return found(connection, timeout) if found else None
