"""`/wall`: the wallboard. The page is the same for everybody; what it shows comes over the WebSocket (docs/wall.md)."""

from aiohttp import web

from handlers.http.gate import open_to_all
from handlers.http.pages.languages import message
from handlers.http.pages.shell import Pages

WORDS = (
    message("Waiting"),
    message("Longest"),
    message("Agents"),
    message("{count} ready"),
    message("Queue or line"),
    message("now"),
    message("Unanswered today"),
    message("by the hour, with its limit"),
    message("{count} in all"),
    message("{first} to {last} of {count}"),
    message("On other pages somebody waits too long: {names}."),
    message("{name}: unanswered in the last 45 to 60 minutes {value}"),
    message("of {count} calls"),
    message("Figures since {time}. Earlier calls of today are not known: the database has not answered."),
    message("{name} over the day; the last 15 minutes: {value}"),
    message("Before: {outlook}."),
    message("Cut off from the service since {time}; the figures are those of then."),
    message("PBX {name} is not heard since {time}; the figures may lack calls."),
    message("Connecting…"),
    message("The service has no place for this wall at the moment."),
    message("The service cannot be reached from this page."),
    message("{seconds} s"),
    message("Kept"),
    message("At risk"),
    message("Missed"),
    message("No calls yet"),
    message("No live data"),
    message("Within {rings} rings"),
    message("Given up"),
    message("Unanswered"),
    message("Mean wait"),
    message("at most {limit}"),
    message("less than {limit}"),
    message("at least {limit}"),
    message("Too many callers give up."),
    message("Lately too many callers give up."),
    message("Giving up is near its limit."),
    message("Too many calls stay unanswered."),
    message("Lately too many calls stay unanswered."),
    message("Unanswered calls are near their limit."),
    message("Callers wait too long."),
    message("Lately callers wait too long."),
    message("The mean wait is near its limit."),
    message("Phones ring too long."),
    message("Lately phones ring too long."),
    message("Answering in time is near its limit."),
    message("{count} more"),
    message("By themselves not: {names}."),
    message("Every measure of today is within its limit."),
    message("Other queues"),
    message("Other telephones"),
    message("{count} ringing"),
    message("{count} talking"),
    message("{count} wrapping up"),
    message("{count} paused"),
    message("Heard as it happened: {share}"),
    message("in part: {share}"),
    message("reconstructed from logs: {share}"),
    message("by an uncertain clock: {share}"),
    message("left out, end not known: {count}"),
    message("wait not known: {count}"),
    message("rings not known: {count}"),
    message("Nobody has this token."),
    message("Too many wrong tokens came from your address. Wait a minute, then try again."),
    message("Sound on"),
    message("Sound off"),
)
"""What its scripts say by themselves; a test holds this against them."""


class WallPage:
    """The page; it holds nobody's data, so that it needs no signing in to be loaded.

    Args:
        pages: renders it.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/wall", self.show)]

    @open_to_all()
    async def show(self, request: web.Request) -> web.Response:
        """The page with the words of its scripts."""
        language = self._pages.language(request)
        messages = {text: language.gettext(text) for text in WORDS}
        words = {
            "tag": language.tag,
            "zone": language.zone.key,
            "assets": self._pages.static.version,
            "messages": messages,
        }
        return self._pages.render(request, "wall.html", words=words)
