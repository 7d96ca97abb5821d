"""Which nodes and netgroups are banned, and for how long.

A ban names a node id, or a whole netgroup once several ids of that group misbehaved (ids cost nothing). Only what an
authenticated connection did counts, so nobody can have another node banned by forging its address. Time-outs, early
blocks and unknown parents are never offences: a hiccup bans nobody.
"""

from __future__ import annotations

from quip.net.address import is_nearby, netgroup
from quip.net.limits import (
    BAN_STEPS_S,
    BANS_KEPT,
    FORGIVEN_AFTER_S,
    GROUP_OFFENDERS,
    GROUP_OFFENDERS_WITHIN_S,
    OFFENDING_GROUPS,
)
from quip.net.link import Link, Purpose
from quip.net.ports import Ban, PeerStorage
from quip.primitives.bounded_dict import BoundedDict


def node_subject(node_id: bytes) -> str:
    """How a ban names a node."""
    return f"node:{node_id.hex()}"


def group_subject(host: str) -> str:
    """How a ban names the netgroup of an IP address."""
    return f"net:{netgroup(host)}"


def is_excused(link: Link, ban: Ban) -> bool:
    """A peer that the operator named may connect although its netgroup is banned."""
    return link.purpose is Purpose.MANUAL and ban.subject.startswith("net:")


class Bans:
    """The bans in force and the offences remembered; every change is saved at once."""

    def __init__(self, storage: PeerStorage) -> None:
        self._storage = storage
        self._bans: BoundedDict[str, Ban] = BoundedDict(BANS_KEPT)
        self._offenders: BoundedDict[str, dict[bytes, int]] = BoundedDict(OFFENDING_GROUPS)
        self.reload()

    def reload(self) -> list[Ban]:
        """Read the storage again; returns the bans that are new or longer than before."""
        before = dict(self._bans)
        self._bans.clear()
        added = []
        for ban in self._storage.bans():
            self._bans[ban.subject] = ban
            old = before.get(ban.subject)
            if old is None or old.until_unix_s < ban.until_unix_s:
                added.append(ban)
        return added

    def against(self, node_id: bytes, host: str, now_s: int) -> Ban | None:
        """The ban in force against a node at an IP address at Unix time `now_s`, if any."""
        subjects = [node_subject(node_id)] if node_id else []
        if not is_nearby(netgroup(host)):
            subjects.append(group_subject(host))
        for subject in subjects:
            ban = self._bans.get(subject)
            if ban is not None and ban.until_unix_s > now_s:
                return ban
        return None

    def punish(self, node_id: bytes, host: str, reason: str, now_s: int) -> list[Ban]:
        """Ban a node for what it did, and its netgroup if it is one of several there. Returns the bans made."""
        made = [self._impose(node_subject(node_id), reason, now_s)]
        group = netgroup(host)
        if not is_nearby(group) and self._offenders_of(group, node_id, now_s) >= GROUP_OFFENDERS:
            self._offenders.pop(group, None)
            made.append(self._impose(f"net:{group}", f"{GROUP_OFFENDERS} nodes of it misbehaved", now_s))
        return made

    def _offenders_of(self, group: str, node_id: bytes, now_s: int) -> int:
        recent = {
            offender: at
            for offender, at in (self._offenders.get(group) or {}).items()
            if at > now_s - GROUP_OFFENDERS_WITHIN_S
        }
        recent[node_id] = now_s
        self._offenders[group] = recent
        return len(recent)

    def _impose(self, subject: str, reason: str, now_s: int) -> Ban:
        old = self._bans.get(subject)
        if old is not None and old.until_unix_s > now_s:
            return old
        forgiven = old is None or old.until_unix_s + FORGIVEN_AFTER_S <= now_s
        offences = 1 if forgiven or old is None else old.offences + 1
        length_s = BAN_STEPS_S[min(offences, len(BAN_STEPS_S)) - 1]
        ban = Ban(subject, now_s + length_s, reason[:200], offences)
        self._bans.pop(subject, None)
        self._bans[subject] = ban
        self._storage.save_ban(ban)
        return ban

    def __len__(self) -> int:
        return len(self._bans)
