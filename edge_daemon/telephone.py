"""Telephone numbers as people give them, made international. The rules of each country are libphonenumber's."""

from __future__ import annotations

from collections.abc import Collection

from edge_daemon.diagnosis import E164
from edge_daemon.errors import BadTelephone

MANY_DIGITS = 10
"""A sender of fewer is a service's short code, whatever numbers there are of that length."""


def normalise(given: str, country: str, allowed: Collection[str] = ()) -> str:
    """The number in E.164 form, such as "+919812345678"; without a country code it is one of `country` (ISO 3166-1).

    allowed: short or premium numbers that may be texted, taken as they are, exactly so written.
    Raises BadTelephone for what no SMS can reach: no number, not a possible one, a fixed line, a short or premium code.
    """
    if given.strip() in allowed:
        return given.strip()
    import phonenumbers  # 30 ms that `krishi-kiosk --help` need not pay

    try:
        number = phonenumbers.parse(given, country)
    except phonenumbers.NumberParseException as why:
        raise BadTelephone(f"{given!r} is not a telephone number. Give all its digits, such as 98123 45678.") from why
    if not phonenumbers.is_valid_number(number):
        raise BadTelephone(
            f"{given!r} is not a number that exists in the numbering plan of {country}. Check its digits."
        )
    mobile = {phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.PREMIUM_RATE:
        raise BadTelephone(
            f"{given!r} is a premium number: an SMS to it costs more. Only [sms] allowed_numbers may be."
        )
    if phonenumbers.number_type(number) not in mobile:
        raise BadTelephone(f"{given!r} is not a mobile number: an SMS would not arrive. Give a mobile number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def sender(number: str, country: str) -> str | None:
    """Who sent an SMS, in E.164 form; None for a short code, a name, and what no reply would reach.

    Some networks name a sender without the country code, or with it and no plus (3GPP TS 23.040, 9.1.2.5: a type of
    number that is national, or unknown).
    """
    if E164.fullmatch(number):
        return number
    if not number.isdecimal() or len(number) < MANY_DIGITS:
        return None
    try:
        return normalise(number, country)
    except BadTelephone:
        return None
