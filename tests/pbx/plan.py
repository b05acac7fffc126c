"""Names for numbers: what a story calls a thing, and what is dialled for it (etc/extensions.conf)."""

from __future__ import annotations

import re

QUEUES = {
    "support": "01",  # the shipped example: round robin, each phone rings 15 s
    "ring-all": "02",
    "linear": "03",  # phones in order, 3 s each
    "announced": "04",  # 3.3 s of speech to the agent before he is connected
    "keyed": "05",  # key 1 leaves
    "leave-empty": "06",  # callers leave when no member remains
    "join-empty": "07",  # callers are refused when there is no member
    "one-place": "08",  # maxlen=1
    "wrapped": "09",  # wrapuptime=5
    "impatient": "10",  # round robin, each phone rings 3 s
    "unavailable": "11",  # refuses callers when no phone is free
    "slow": "12",  # memberdelay=1
    "sales": "13",
    "market": "14",
    "north": "15",  # everything that can become of a caller: 6 s a phone, 6 places, key 1, none let in without members
    "south": "16",  # the same
}
WAYS = {
    "": "40",  # waits up to 60 s; QueueResult is told
    "brief": "41",  # gives up after 4 s; QueueResult is told
    "untold": "42",  # gives up after 4 s; only queue_log knows
    "limited": "43",  # the whole call is ended by TIMEOUT(absolute) after 4 s
    "unanswered": "44",  # the call is not answered while waiting: the caller hears ringing
    "overflow": "45",  # after 4 s on to the queue `overflow`
    "twice": "46",  # 4 s in the queue, and once more 4 s in the same one
    "transferable": "48",  # the agent may transfer by key, which AMI Atxfer needs
    "local": "57",  # reached by way of a Local channel with /n
    "local-optimized": "58",  # the same without: it vanishes after the answer
    "asked": "61",  # Three Rings is asked first, by FastAGI
    "asked-twice": "62",  # and once more 5 s later, then 4 s in the queue
    "asked-local": "63",  # beyond a Local channel with /n
    "asked-local-optimized": "64",  # beyond one without
    "asked-only": "65",  # asked, answered, hung up: no queue
    "asked-limited": "67",  # and the whole call is ended by TIMEOUT(absolute) after 4 s
    "agent-script": "66",  # the queue runs the script `agent` when a phone has answered
    "raw": "47",  # the caller's number goes in uncleaned
}
OTHERS = {"two-at-once": "5300", "one-after-the-other": "5400", "no-such-queue": "4900", "elsewhere": "7000"}
OFFICE = {
    "phone": "51",  # phone:1001 rings 20 s
    "brief-phone": "52",  # 3 s
    "greeted-phone": "55",  # the PBX answers first, then the phone rings
    "phone-then-support": "56",  # 3 s, then the queue `support`
    "limited-phone": "59",  # the whole call is ended by TIMEOUT(absolute) after 3 s
    "local-phone": "60",  # by way of a Local channel with /n
}


def dialled(name: str) -> str:
    """The number for a name: `support`, `support/brief`, `phone:1001`, `do:SCRIPT`, …; digits stay what they are."""
    if re.fullmatch(r"[0-9+*#]+", name):
        return name
    if name in OTHERS:
        return OTHERS[name]
    kind, _, phone = name.partition(":")
    if kind in ("do", "did", "raw", "short"):
        return f"{kind}_{phone}"
    if phone:
        return OFFICE[kind] + phone[2:]
    queue, _, way = name.partition("/")
    return WAYS[way] + QUEUES[queue]


def queue_of(name: str) -> str | None:
    """The queue that a named number leads to first, None for everything else."""
    queue = name.partition("/")[0]
    return queue if queue in QUEUES else None
