"""The desks of all agents: what each does, what he may, and his wishes as actions on the PBX.

The PBX's own word is what counts: nothing here remembers that somebody signed in or paused. After a wish the page shows
what the line of the events tells, not what was asked for.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from handlers.desk.hands import Hands
from telephony.ami.acting import Answer, Result
from telephony.calls.deskwork import NUMBER, UNKNOWN, Standing, Why, Wish, WrapUps, standing_of, why_not
from telephony.calls.facts import Interface, Member
from telephony.config import Config
from telephony.people.roles import Person

LOOK_EVERY = 0.25
AT_ONCE = 100
"""After so many desks somebody else has a turn."""
_FAILED = {
    Result.REFUSED: Why.REFUSED,
    Result.NOT_SENT: Why.NOT_SENT,
    Result.UNSURE: Why.UNSURE,
    Result.BAD: Why.REFUSED,
}


class Floor(Protocol):
    """What one PBX tells: `handlers.follow.Follower`."""

    @property
    def synchronised(self) -> bool:
        """Whether all of it is known."""
        ...

    def places(self) -> Iterable[Member]:
        """Every place of an agent in a queue."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """A desk as the configuration has it: its agent's phones, and the queues that are named for him."""

    name: str
    phones: tuple[str, ...]
    queues: tuple[str, ...] = ()
    pbx: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a wish. `why`: None: it was done. `said`: the PBX's own words about it."""

    why: Why | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A wish. `phone` and `queues` of who signs in, `reason` of a pause, `number` of a call."""

    wish: Wish
    phone: str = ""
    queues: tuple[str, ...] = ()
    reason: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all desks: reasons of pauses, the one of wrap-up, all names that are wrap-up (casefolded)."""

    pauses: tuple[str, ...]
    wrap_up: str
    wrap_ups: frozenset[str]
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Now:
    """A desk now. `pbx`: where he serves, or would. `left`: of his wrap-up; None: it ends when he says so."""

    standing: Standing
    pbx: str | None = None
    left: timedelta | None = None


class AgentDesks:
    """All of them.

    Args:
        posts: the desks.
        floors: what each PBX tells, by name; filled before anything runs.
        hands: what acts on it, by name.
        terms: for all desks.
        branches: the branch of a queue; all queues that are known.
        clock: monotonic.
        counted: is told PBX, wish and result.
        changed: is told a desk that is otherwise than before.
    """

    def __init__(  # noqa: PLR0913 - what it is put together from
        self,
        posts: Iterable[Post],
        floors: Mapping[str, Floor],
        hands: Mapping[str, Hands],
        terms: Terms,
        branches: Mapping[str, str | None],
        *,
        clock: Callable[[], timedelta],
        counted: Callable[[str, str, str], None] = lambda _pbx, _wish, _result: None,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.posts = {post.name: post for post in posts}
        self.terms, self.changed = terms, changed
        self._floors, self._hands, self._branches = floors, hands, branches
        self._clock, self._counted = clock, counted
        self._wraps = WrapUps(terms.lasts)
        self._now: dict[str, Now] = {}
        self._busy: set[tuple[str, bool]] = set()
        self._log = structlog.get_logger(__name__)

    # --- what is ---

    def now(self, desk: str) -> Now:
        """What he does; asked anew."""
        return self._look(self.posts[desk], self._members())

    def queues_of(self, desk: str, person: Person | None) -> tuple[str, ...]:
        """The queues that he may serve: those named for him, of these his account's branches'."""
        queues = self.posts[desk].queues or tuple(self._branches)
        bound = person is not None and not person.everywhere
        return tuple(
            queue for queue in queues if not bound or person is None or self._branches.get(queue) in person.branches
        )

    def can(self, desk: str) -> tuple[bool, bool]:
        """Whether his PBX has accounts for queues, and for calls."""
        hands = self._hands.get(self._pbx(self.posts[desk], Now(UNKNOWN)))
        return (False, False) if hands is None else (hands.acting is not None, hands.calling is not None)

    async def run(self) -> None:
        """Keep the lines up, see what changes, and end wrap-ups, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for hands in self._hands.values():
                tasks.create_task(hands.run(), name=f"hands {hands.pbx}")
            tasks.create_task(self._watch(), name="desks")

    async def look(self) -> None:
        """See what changed, and end the wrap-ups whose time is over."""
        members = self._members()
        over: list[tuple[Post, Now]] = []
        for number, post in enumerate(self.posts.values(), 1):
            before, now = self._now.get(post.name), self._look(post, members)
            self._now[post.name] = now
            if before is None or before.standing != now.standing:
                self.changed(post.name)
            if now.left == timedelta() and (post.name, False) not in self._busy:
                over.append((post, now))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        if over:
            async with asyncio.TaskGroup() as tasks:
                for post, _ in over[:AT_ONCE]:
                    tasks.create_task(self.wish(post.name, Asked(Wish.READY)), name="wrap-up is over")

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    def _members(self) -> dict[tuple[str, Interface], list[Member]]:
        found: dict[tuple[str, Interface], list[Member]] = {}
        for pbx, floor in self._floors.items():
            if floor.synchronised:
                for member in floor.places():
                    found.setdefault((pbx, member.interface), []).append(member)
        return found

    def _look(self, post: Post, members: Mapping[tuple[str, Interface], list[Member]]) -> Now:
        pbxs = [pbx for pbx in self._floors if post.pbx in {None, pbx}]
        found = Now(UNKNOWN)
        for pbx in pbxs:
            its = [one for phone in post.phones for one in members.get((pbx, Interface(phone)), ())]
            if its or (self._floors[pbx].synchronised and found.pbx is None):
                found = Now(standing_of(its, self.terms.wrap_ups), pbx)
            if its:
                break
        return Now(found.standing, found.pbx, self._wraps.look(post.name, found.standing, self._clock()))

    # --- what is wished ---

    async def wish(self, desk: str, asked: Asked, person: Person | None = None) -> Said:
        """Do it, or say why not; within the limit of the actions that it takes. One at a time of each desk."""
        post, now = self.posts[desk], self.now(desk)
        pbx = self._pbx(post, now)
        said = Said(Why.ONE_AT_A_TIME)
        turn = desk, asked.wish is Wish.CALL  # a phone that rings keeps nobody from pausing
        if turn not in self._busy:
            self._busy.add(turn)
            try:
                said = await self._done(post, now.standing, pbx, asked, person)
            finally:
                self._busy.discard(turn)
        self._counted(pbx, asked.wish.value, "done" if said.why is None else said.why.value)
        if said.why in {Why.REFUSED, Why.NOT_SENT, Why.UNSURE}:
            self._log.warning("desk_action_failed", pbx=pbx, action=asked.wish.value, why=said.why.value)
        return said

    async def _done(self, post: Post, standing: Standing, pbx: str, asked: Asked, person: Person | None) -> Said:
        hands = self._hands.get(pbx)
        if hands is None or (hands.calling if asked.wish is Wish.CALL else hands.acting) is None:
            return Said(Why.OFF)
        reason = self.terms.wrap_up if asked.wish is Wish.WRAP_UP else asked.reason
        why = why_not(standing, asked.wish, reason) or self._forbidden(post, asked, person)
        if why is not None:
            return Said(why)
        return _told(await self._act(hands, post, standing, asked))

    def _forbidden(self, post: Post, asked: Asked, person: Person | None) -> Why | None:
        """Why this is not his to ask for."""
        match asked.wish:
            case Wish.SIGN_IN if asked.phone not in post.phones:
                return Why.NOT_YOUR_PHONE
            case Wish.SIGN_IN if not asked.queues or not set(asked.queues) <= set(self.queues_of(post.name, person)):
                return Why.NOT_YOUR_QUEUE
            case Wish.PAUSE if asked.reason not in self.terms.pauses:
                return Why.NO_REASON
            case Wish.CALL if NUMBER.fullmatch(asked.number) is None:
                return Why.BAD_NUMBER
            case _:
                return None

    async def _act(self, hands: Hands, post: Post, standing: Standing, asked: Asked) -> Answer:
        match asked.wish:
            case Wish.SIGN_IN:
                return await hands.sign_in(asked.phone, post.name, tuple(dict.fromkeys(asked.queues)))
            case Wish.SIGN_OUT:
                return await hands.sign_out(standing.phone, standing.queues)
            case Wish.READY:
                return await hands.ready(standing.phone)
            case Wish.PAUSE:
                return await hands.pause(standing.phone, asked.reason)
            case Wish.WRAP_UP:
                return await hands.pause(standing.phone, self.terms.wrap_up)
            case Wish.CALL:
                return await hands.call(standing.phone, asked.number)

    def _pbx(self, post: Post, now: Now) -> str:
        return now.pbx or post.pbx or next(iter(self._floors), "")


def _told(answer: Answer) -> Said:
    return Said() if answer.done else Said(_FAILED[answer.result], answer.said)


def terms_of(config: Config) -> Terms:
    """By the configuration."""
    desk = config.desk
    names = frozenset(name.casefold() for name in config.standard.wrap_up_pauses)
    return Terms(desk.pauses, desk.wrap_up_pause, names, timedelta(seconds=desk.wrap_up_seconds))


def posts_of(config: Config) -> list[Post]:
    """Each `[[agent]]`."""
    return [Post(one.name, one.interfaces, one.queues, one.pbx) for one in config.agent]


def queues_of(config: Config) -> dict[str, str | None]:
    """Every queue that the configuration names, and its branch."""
    found: dict[str, str | None] = {queue.name: None for queue in config.queue}
    return found | {queue: branch.name for branch in config.branch for queue in branch.queues}
