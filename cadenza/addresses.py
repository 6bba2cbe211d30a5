"""Addresses as they are stored and compared: one spelling for each mailbox, number and profile."""

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat

_LONGEST = 500
_PROFILE = re.compile(r"^(?:https?://)?(?:[a-z]+\.)?linkedin\.com/in/([^/?#\s]+)/?.*$", re.I)
_PROFILE_ID = re.compile(r"^[\w%.-]{1,200}$")


def email_address(text: str) -> str:
    """Lower-cased and normalised. Raises ValueError that says what is wrong, without the text."""
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError("is not an email address") from error


def mail_domain(text: str) -> str:
    """`@Example.COM` or `example.com` → `example.com`, as it stands in addresses. ValueError."""
    name = text.strip().removeprefix("@")
    try:
        return validate_email(f"anybody@{name}", check_deliverability=False).domain.lower()
    except EmailNotValidError as error:
        raise ValueError("is not the name of a domain") from error


def phone_number(text: str, country: str | None = None) -> str:
    """E.164. country: how a number without +… is read. Raises ValueError."""
    try:
        number = phonenumbers.parse(text[:_LONGEST], country)
    except NumberParseException as error:
        raise ValueError("is not a phone number: write +33…, or give the country") from error
    if not phonenumbers.is_possible_number(number):
        raise ValueError("is not a possible phone number")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def linkedin_profile(text: str) -> str:
    """The public identifier, out of it or of the profile's web address. Raises ValueError."""
    match = _PROFILE.match(text)
    identifier = match[1] if match else text
    if not _PROFILE_ID.match(identifier):
        raise ValueError("is neither a LinkedIn profile address nor its identifier")
    return identifier
