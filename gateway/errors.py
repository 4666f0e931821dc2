"""Every error of the gateway, sorted by whose fault it is and who can mend it.

GatewayError                     exit code (sysexits.h)
├── BadRequest                   65  what an operator or a kiosk gave; nothing was done
│   ├── BadKioskId
│   ├── NoSuchKiosk
│   ├── BadToken                     unknown, used, too old, or for another kiosk
│   ├── BadCertificateRequest        not a CSR that this authority signs
│   ├── BadHost                      not a name or an address of a machine
│   ├── Revoked                      this kiosk was
│   └── TooOften                 75  asked again too soon
├── ConfigError                  78  the operator's file; names file, section and key
├── AuthorityError               74  the authority's folder: not there, not readable, there already
├── DatabaseError                74  the database cannot be used
│   ├── DatabaseAway             69  not reachable now; it may come back
│   ├── DatabaseFull             74
│   └── DatabaseOther            74  of another version, or not the gateway's
├── BrokerGone                   69  the broker cannot be reached, or refuses us
├── CannotWrite                  73  a file that an operator named
├── PortInUse                    69
├── ClockWrong                   71  the clock of this machine
├── NotInstalled                 69  a package that only this command needs
└── NothingArrived               76  a rehearsal in which the gateway was told nothing
"""

from __future__ import annotations


class GatewayError(Exception):
    """Something went wrong that we have a name for. Its text is a whole sentence: what, where, what to do."""

    exit_code = 70
    http_status = 500


class BadRequest(GatewayError):
    """What was asked for cannot be done; nothing was."""

    exit_code = 65
    http_status = 422


class BadKioskId(BadRequest):
    """Not 3 to 32 of a-z, 0-9 and "-", or a name that is not a kiosk's."""


class NoSuchKiosk(BadRequest):
    """The gateway knows no kiosk of this id."""

    http_status = 404


class BadToken(BadRequest):
    """A token that is unknown, was used, is too old, or is another kiosk's."""

    http_status = 403


class BadCertificateRequest(BadRequest):
    """Not a certificate signing request (RFC 2986) that this authority signs."""


class BadHost(BadRequest):
    """Not a name or an address of a machine."""


class Revoked(BadRequest):
    """This kiosk was revoked."""

    http_status = 403


class TooOften(BadRequest):
    """Whoever asks has asked too often; later it may work."""

    exit_code = 75
    http_status = 429


class ConfigError(GatewayError):
    """A configuration file that cannot be used; names the file, section and key."""

    exit_code = 78


class AuthorityError(GatewayError):
    """The folder of the certificate authority cannot be used."""

    exit_code = 74


class DatabaseError(GatewayError):
    """The database cannot be used; nothing of the transaction was written."""

    exit_code = 74
    http_status = 503


class DatabaseAway(DatabaseError):
    """It cannot be reached now."""

    exit_code = 69


class DatabaseFull(DatabaseError):
    """Its disk is full."""


class DatabaseOther(DatabaseError):
    """It is of another version of the gateway, or of another program."""


class BrokerGone(GatewayError):
    """The broker cannot be reached, or does not let us in."""

    exit_code = 69


class ClockWrong(GatewayError):
    """This machine's clock cannot be right, and kiosks would take its time."""

    exit_code = 71


class CannotWrite(GatewayError):
    """A file that an operator named cannot be written."""

    exit_code = 73


class PortInUse(GatewayError):
    """An address that we should listen on is taken."""

    exit_code = 69


class NotInstalled(GatewayError):
    """A package that only one command needs is not here."""

    exit_code = 69


class NothingArrived(GatewayError):
    """A rehearsal after which the gateway has nothing."""

    exit_code = 76
