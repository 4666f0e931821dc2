"""Every error of the kiosk, sorted by whose fault it is and who can mend it.

    KrishiError                      exit code (sysexits.h)
    ├── BadInput                     65  what the visitor or the caller gave; ask again
    │   ├── PhotoUnreadable              not an image, empty, cut short
    │   ├── PhotoTooLarge                more bytes or pixels than a kiosk can hold
    │   ├── PoorPhoto                    an image, but no leaf can be judged in it: .fault, .hint
    │   ├── UnknownCrop
    │   ├── UnknownLanguage
    │   ├── BadTelephone
    │   ├── BadText                      nothing to send, or more than an SMS should be
    │   ├── OptedOut                     this number wants no more SMS
    │   ├── NoSuchSms
    │   ├── NoSuchReport                 no report that was parked has this number
    │   ├── BadPeriod                64  the days of a report
    │   ├── BadCommand                   not for the modem, or not by this way
    │   ├── NoSuchVisit
    │   ├── WrongInvitation              to enrol, but for another kiosk
    │   ├── EnrolmentRefused             the gateway gives no certificate: the token was used, the kiosk revoked
    │   ├── NoDiagnosisYet               the visit has no photo that could be judged
    │   └── NothingToShare               nobody may be asked for this visit's picture, or it is gone
    ├── ConfigError                  78  the technician's file; names file, section and key
    │   └── NoGateway                    none is named, and the kiosk was not enrolled
    ├── ModelError                   72  the shipped model
    │   ├── ModelMissing
    │   ├── ModelCorrupt                 another file than its manifest says
    │   ├── ModelMismatch                labels, input or outputs are not what the kiosk can use
    │   ├── AdviceFaulty                 the catalogue of advice breaks its form or a rule of safety
    │   └── WordsFaulty                  the words that farmers answer with break their form or mean two things
    ├── StateError                   74  the state folder
    │   ├── StateReadOnly            73
    │   ├── StateFull                74
    │   ├── StateInUse               75  another krishi-kiosk has it
    │   ├── StateDamaged             74
    │   │   └── IdentityDamaged          key or certificate of the kiosk
    │   └── NoStateYet               66  no kiosk has worked with this folder
    ├── PortInUse                    69  the visit API's address is taken
    ├── SmsUnderWay                  75  an SMS to a farmer is being sent; they can be erased after it
    ├── KioskBusy                    75  too many ask for the camera, a report, or by the control socket
    ├── LinkHeld                     75  the link to the gateway is not opened now
    ├── KioskNotRunning              69
    ├── DeviceError                  69  a device that may come back: its part begins again
    │   ├── CameraTimeout, CameraGone, CameraEmpty
    │   ├── ModemMute, ModemGone, ModemSick
    │   ├── ModemNotReady                no network, no coverage
    │   │   └── SimTrouble               a person has to look at the SIM
    │   ├── SendFailed                   this message not now; the channel holds, the next one goes
    │   │   └── PlanRefuses              the SIM's credit or plan; no remedy of the modem helps
    │   ├── AggregatorGone
    │   ├── EnrolmentAway                the gateway gives no certificate now
    │   └── BrokerGone                   the link to the gateway
    │       ├── GatewayMute              it holds, but the gateway acknowledges nothing
    │       └── CertificateRefused       the broker does not take this kiosk's certificate
    └── Refused                      65  this message will never be taken: park it, go on

A DeviceError makes the supervisor begin its part again, but for SendFailed, after which one message waits. Refused
parks one message. All others reach whoever asked:
the command line prints them and exits with their code, the visit API answers with their status. What is no
KrishiError is a bug, keeps its traceback and ends the process, which systemd begins again.
"""

from __future__ import annotations


class KrishiError(Exception):
    """Something went wrong that we have a name for. Its text is a whole sentence: what, where, what to do."""

    exit_code = 70
    http_status = 500

    @property
    def name(self) -> str:
        """The error's name as the visit API and `--json` give it, such as "poor_photo"."""
        words = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(self).__name__)
        return words.removeprefix("_")


class BadInput(KrishiError):
    """What the visitor or the caller gave cannot be used; nothing was recorded."""

    exit_code = 65
    http_status = 422


class PhotoUnreadable(BadInput):
    """The bytes are not an image that this kiosk reads, or only a part of one."""


class PhotoTooLarge(BadInput):
    """More bytes or pixels than a kiosk's memory should be asked to hold."""


class PoorPhoto(BadInput):
    """A sound image in which no leaf can be judged.

    fault: "dark", "bright", "blurred", "glare" or "no_leaf"; hint: what to do, for the visitor, in plain English.
    """

    def __init__(self, fault: str, hint: str) -> None:
        super().__init__(f"The photo cannot be judged ({fault.replace('_', ' ')}): {hint}")
        self.fault = fault
        self.hint = hint


class UnknownCrop(BadInput):
    """A crop that the model does not know."""


class UnknownLanguage(BadInput):
    """A language that the catalogue does not have."""


class BadTelephone(BadInput):
    """Not a number that an SMS can reach."""


class BadText(BadInput):
    """A text that no SMS can carry, or that takes more parts than [sms] most_parts allows."""


class OptedOut(BadInput):
    """Whoever has this number wants no more SMS; nothing was queued."""

    http_status = 403


class NoSuchSms(BadInput):
    """No SMS has this number, or it cannot be sent again."""

    http_status = 404


class NoSuchReport(BadInput):
    """No report that was parked has this number."""

    http_status = 404


class BadPeriod(BadInput):
    """No day, or a period that ends before it begins."""

    exit_code = 64
    http_status = 400


class BadCommand(BadInput):
    """A command or code that is not passed on to the modem."""


class NoSuchVisit(BadInput):
    """No visit has this id, or it is long over."""

    http_status = 404


class WrongInvitation(BadInput):
    """An invitation to enrol that is for another kiosk."""


class EnrolmentRefused(BadInput):
    """The gateway gives this kiosk no certificate, or gave one that was not asked for. Its operator has to act."""


class NoDiagnosisYet(BadInput):
    """Advice was asked for before any photo of the visit could be judged."""

    http_status = 409


class NothingToShare(BadInput):
    """There is no picture of this visit that may be asked for."""

    http_status = 409


class ConfigError(KrishiError):
    """A configuration file that cannot be used; names the file, section and key."""

    exit_code = 78


class NoGateway(ConfigError):
    """Nobody has said where the gateway is."""


class ModelError(KrishiError):
    """The model cannot be used."""

    exit_code = 72
    http_status = 503


class ModelMissing(ModelError):
    """No model, or no manifest beside it."""


class ModelCorrupt(ModelError):
    """The model's bytes are not those that its manifest names."""


class ModelMismatch(ModelError):
    """Labels, input or outputs are not what the manifest or the kiosk's catalogue says."""


class AdviceFaulty(ModelError):
    """The catalogue of advice breaks its form or a rule of safety: no farmer shall get it."""


class WordsFaulty(ModelError):
    """The list of words that farmers answer with breaks its form, or has one word under two meanings."""


class StateError(KrishiError):
    """The state folder cannot be used."""

    exit_code = 74
    http_status = 507


class StateReadOnly(StateError):
    """The state folder cannot be written."""

    exit_code = 73


class StateFull(StateError):
    """No room is left, and there is no photo left to remove."""


class StateInUse(StateError):
    """Another process drains this state folder."""

    exit_code = 75


class StateDamaged(StateError):
    """The database cannot be read, its disk fails, or it is of a newer version than this program."""


class IdentityDamaged(StateDamaged):
    """The kiosk's key or certificate, or what it knows of its gateway, cannot be used."""


class NoStateYet(StateError):
    """There is nothing to read yet."""

    exit_code = 66


class PortInUse(KrishiError):
    """The visit API's address is taken."""

    exit_code = 69


class SmsUnderWay(KrishiError):
    """An SMS to this farmer is being sent at this moment, so nothing was erased."""

    exit_code = 75
    http_status = 409


class KioskBusy(KrishiError):
    """Too many ask at once for the camera, which works one photo at a time, for a report, or by the control socket."""

    exit_code = 75
    http_status = 503


class LinkHeld(KrishiError):
    """The link to the gateway is not opened now: the day's bytes are spent, or the gateway asked us to wait."""

    exit_code = 75
    http_status = 503


class KioskNotRunning(KrishiError):
    """No daemon works with this state folder."""

    exit_code = 69
    http_status = 503


class DeviceError(KrishiError):
    """A device or link that fails now and may come back.

    in_doubt: it failed after a message was handed over, so that nobody knows whether that went.
    """

    exit_code = 69
    http_status = 503
    in_doubt = False


class CameraTimeout(DeviceError):
    """The camera gave no picture in time; its program was ended and will be begun again."""


class CameraGone(DeviceError):
    """The camera or its program is not there, or talks nonsense."""


class CameraEmpty(DeviceError):
    """The folder that plays the camera holds no photo."""


class ModemMute(DeviceError):
    """The modem did not answer in time."""


class ModemGone(DeviceError):
    """The modem's port is not there any more."""


class ModemNotReady(DeviceError):
    """The modem answers but cannot send now: no SIM, locked SIM, or not registered with a network."""


class SimTrouble(ModemNotReady):
    """No SIM, or it is locked or broken. Nothing that we could say to the modem mends that."""


class ModemSick(DeviceError):
    """The modem answers, but it takes no message, or has begun anew by itself."""


class SendFailed(DeviceError):
    """The network or the modem did not take this message now; later it may. Others may go."""


class PlanRefuses(SendFailed):
    """The operator takes nothing from this SIM now: no credit, or not in its plan. Somebody has to top it up."""


class AggregatorGone(DeviceError):
    """The HTTP aggregator cannot be reached, or does not answer in time."""


class EnrolmentAway(DeviceError):
    """The gateway cannot be reached to ask for a certificate, or gives none now."""


class BrokerGone(DeviceError):
    """The gateway's broker cannot be reached, or does not let us in."""


class CertificateRefused(BrokerGone):
    """The broker does not take this kiosk's certificate: it has ended, was revoked, or is another gateway's."""


class GatewayMute(BrokerGone):
    """The broker took what was sent, but the gateway did not acknowledge it in time."""


class Refused(KrishiError):
    """This message will never be taken: park it, keep its reason, go on with the next."""

    exit_code = 65
    http_status = 422
