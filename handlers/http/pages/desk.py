"""`/desk`: the agent's page. It is the same for everybody: who he is, and who calls, comes over the WebSocket."""

from aiohttp import web

from handlers.http.gate import open_to_all, stranger_or
from handlers.http.pages.languages import message
from handlers.http.pages.shell import Pages
from telephony.people.roles import Permission, holds

WORDS = (
    message("Not known"),
    message("Not signed in"),
    message("Ready"),
    message("Wrap-up"),
    message("Paused"),
    message("The telephone system is not heard. Go on at your phone; this page follows when it is heard again."),
    message("Choose your phone and your queues, then sign in."),
    message("Your phone is not registered: switch it on, or ask your administrator."),
    message("Wait for a call. It appears below."),
    message("Pick up your phone and greet the caller with the line below."),
    message("Help the caller. Choose here what comes after the call."),
    message("When you are back, say that you are ready."),
    message("The telephone system is not heard at the moment. Try again when it is."),
    message("Sign in first."),
    message("You are signed in already; sign out first."),
    message("Not while your phone rings or you talk."),
    message("That is so already."),
    message("Choose a reason from the list."),
    message("A number has digits, * and #, perhaps a + in front."),
    message("This phone is not yours. Your administrator can change that."),
    message("Choose at least one of your queues."),
    message("This is not switched on for your telephone system. Your administrator can do that."),
    message("One thing after the other: the last one is still under way."),
    message("The telephone system refused it."),
    message("It was not sent: there is no connection to the telephone system. Try again."),
    message("No answer in time. It may have been done: look at your state above, then try again."),
    message("Help the caller. After the call: {reason}."),
    message("Finish the case, then say that you are ready."),
    message("Finish the case. You are ready by yourself in {length}."),
    message("Call back agreed, until {time}."),
    message("The caller shows no number: ask for one, and note it."),
    message("It could not be written down. Try again, or note it."),
    message("Number withheld"),
    message("Case {number}"),
    message("waited {length}"),
    message("{count} of {limit}"),
    message("of {limit} rings"),
    message("Talk"),
    message("Beyond the standard"),
    message("The last ring within the standard"),
    message("dialled {number}"),
    message("Thank you for calling. Goodbye."),
    message("Hello, how may I help you?"),
    message("At the end, say, and let the caller hang up first"),
    message("Answer with"),
    message("Asking…"),
    message("Who calls is not known at the moment."),
    message("Open; {owner} sees to it"),
    message("Open; nobody sees to it yet"),
    message("No customer has this number."),
    message("Several customers share this number:"),
    message("and others"),
    message("The caller shows no number, so nobody can be looked up."),
    message("Not available at the moment: the database does not answer."),
    message("None: this number calls for the first time."),
    message("talked {length}"),
    message("Your phone rings"),
    message("Connected"),
    message("Connecting…"),
    message("Not connected"),
    message("Telephone system not heard"),
    message("Cut off for {length}."),
    message("Unknown since {time}"),
    message("Not known at the moment"),
    message("Today"),
    message("Yesterday"),
    message("Ringing"),
    message("In talk"),
    message("Ended"),
    message("Withdrawn"),
    message("A colleague has answered"),
    message("It rang and was not answered"),
    message("The caller has hung up"),
    message("Your phone was busy, or refused it"),
    message("The call has left your phone"),
    message("The caller"),
    message("You"),
    message("The telephone system"),
    message("Answered"),
    message("Gave up"),
    message("Not answered in time"),
    message("Left by a key"),
    message("No agent left"),
    message("Moved away"),
    message("Busy"),
    message("Phone unreachable"),
    message("No common codec"),
    message("Ended by the PBX"),
    message("Queue was full"),
    message("No agent there"),
    message("Left unanswered"),
    message("End not known"),
    message("Still going on, or its end is not known"),
    message("You have no desk: your account is bound to no agent. Your administrator can do that."),
    message("Nobody has this token."),
    message("Too many wrong tokens came from your address. Wait a minute, then try again."),
)
"""What its scripts say by themselves; a test holds this against them."""


class DeskPage:
    """The page; it holds nobody's data, so that it needs no signing in to be loaded. Who is, needs no token.

    Args:
        pages: renders it.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [web.get("/desk", self.show)]

    @open_to_all(looks=True)
    async def show(self, request: web.Request) -> web.Response:
        """The page with the words of its scripts."""
        return self._pages.render(request, "desk.html", words=self._words(request))

    def _words(self, request: web.Request) -> dict[str, object]:
        language = self._pages.language(request)
        messages = {text: language.gettext(text) for text in WORDS}
        person = stranger_or(request)
        signed_in = person is not None and person.account and holds(person, Permission.DESK)
        return {"tag": language.tag, "zone": language.zone.key, "messages": messages, "signed_in": signed_in}
