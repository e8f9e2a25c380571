"""What a column is meant to fill, guessed from what people call things."""

import difflib
import unicodedata
from collections.abc import Mapping

from customers.imports.targets import TARGETS


def normalized(name: str) -> str:
    """Return what matters of a column's name: its letters and digits, without accents or case."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


# What people call things, in the forms of `normalized`.
_CALLED: Mapping[str, str] = {
    "external_id": "id customerid customernumber customerno accountnumber accountcode "
                   "kundennummer kundennr numeroclient codeclient reference clientid debitor",
    "name": "customer customername displayname fullname kunde client nomclient",
    "legal_name": "company companyname legalname firma firmenname societe raisonsociale "
                  "organization organisation business",
    "firstname": "first givenname vorname prenom",
    "lastname": "last surname familyname nachname nomdefamille",
    "email": "mail emailaddress emails billingemail emailadresse courriel",
    "phone": "telephone tel telefon phonenumber mobile",
    "url": "website web site homepage internet siteweb",
    "tax_identification_number": "vat vatid vatnumber taxid taxnumber ustid ustidnr steuernummer "
                                 "numerotva tvaintra businessvatid vatregistrationnumber",
    "legal_number": "registrationnumber companynumber siren siret handelsregister hrb",
    "address_line1": "address address1 street street1 line1 strasse rue adresse billingaddress1 "
                     "billingstreet addressline1 billingaddressline1",
    "address_line2": "address2 street2 line2 adresse2 complement addressline2 billingaddressline2",
    "zipcode": "zip postcode postalcode plz postleitzahl codepostal cp billingzip",
    "city": "town ort stadt ville commune billingcity",
    "state": "province region county bundesland stateprovince billingstate",
    "country": "land pays countrycode billingcountry",
    "currency": "currencycode waehrung devise preferredcurrencycode",
    "timezone": "tz zone zeitzone",
    "net_payment_term": "paymentterm paymentterms terms days netterms nettermdays netdays "
                        "zahlungsziel delaidepaiement",
    "tax_codes": "taxes taxcode taxrates steuersatz",
    "billing_configuration.document_locale": "language locale sprache langue documentlanguage",
    "billing_configuration.invoice_grace_period": "graceperiod",
    "shipping_address.address_line1": "shippingstreet shippingaddress shippingaddress1 shipto",
    "shipping_address.address_line2": "shippingaddress2 shippingstreet2",
    "shipping_address.city": "shippingtown",
    "shipping_address.zipcode": "shippingzip shippingpostcode shippingpostalcode",
    "shipping_address.state": "shippingprovince",
    "shipping_address.country": "shippingcountrycode",
}  # fmt: skip
_BY_NAME = {normalized(target): target for target in TARGETS} | {
    name: target for target, names in _CALLED.items() for name in names.split()
}
_BY_NAME |= {
    normalized(target.replace("_address.", "")): target
    for target in TARGETS
    if target.startswith("shipping_address.")
}


def known_target(name: str) -> str | None:
    """Return what columns of this very name fill, None if nobody calls a field so."""
    return _BY_NAME.get(normalized(name))


def suggest_target(name: str) -> str | None:
    """Return what a column of this name most likely fills, None if nothing is near."""
    if (known := known_target(name)) is not None:
        return known
    normal = normalized(name)
    near = difflib.get_close_matches(normal, _BY_NAME, n=1, cutoff=0.8) if len(normal) > 3 else []
    return _BY_NAME[near[0]] if near else None
