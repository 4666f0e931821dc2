"""Who may not come in: from the database into the broker's files, and the broker told of it.

Commands and the enrolment server may do this at once. Each takes the lock before it looks into the database, so that
the lists that stand in the end are the newest.
"""

from __future__ import annotations

from gateway import broker_files, files
from gateway.authority import Authority, now_utc
from gateway.config import Config
from gateway.errors import AuthorityError
from gateway.fleet import Fleet

LOCK = "lists.lock"
LOCK_DEADLINE_S = 20.0


def renew(config: Config, authority: Authority, fleet: Fleet, *, only_news: bool = False) -> str | None:
    """Write access list and revocation list anew, and have the broker read them.

    What the operator has to do or mend for the broker to know; None: it knows. only_news: the operator is to do
    nothing where the lists say what they said before. A command of theirs runs all the same: its last run may have
    failed. Raises AuthorityError, DatabaseError.
    """
    folder = config.state.path() / broker_files.FOLDER
    try:
        with files.locked(authority.folder / LOCK, LOCK_DEADLINE_S):
            before = broker_files.said(folder)
            authority.write_list(fleet.revoked_certificates(), now_utc())
            broker_files.write_lists(folder, authority.folder, fleet.revoked_kiosks())
            is_news = broker_files.said(folder) != before
    except OSError as why:
        raise AuthorityError(f"{authority.folder / LOCK}: cannot be locked: {why}.") from why
    if not config.broker.reload:
        if only_news and not is_news:
            return None
        return f"Have the broker read {folder} anew, unless it does so by itself: send it SIGHUP, or reload its unit."
    trouble = broker_files.reload(config.broker.reload)
    return trouble and f"The broker does not know yet: {trouble} Reload it by hand."
