"""The shell of every page: its language, its headers, its look; and what people see instead of an error code."""

from collections.abc import Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

import aiohttp_jinja2
from aiohttp import hdrs, web
from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from yarl import URL

from handlers.http.gate import stranger_or
from handlers.http.health import ERROR_PAGE
from handlers.http.pages.languages import Language, Languages
from handlers.http.pages.static import FOLDER, StaticFiles

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        # Not `no-referrer`: with it browsers say `Origin: null` with our own forms, as with those of strangers.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
LANGUAGE_COOKIE = "threerings_lang"
FILTERS = ("number", "share", "seconds", "clock", "hour", "day")
A_YEAR = 365 * 24 * 3600


class Pages:
    """Renders templates of `templates/`, each in the language of who asks.

    In a template: `_("…")` and `ngettext`, `static("base.css")`, the filters `number`, `share`, `seconds`, `clock`,
    `hour` and `day` (see `Language`), and `language`, `other_languages`, `version`, `path`, `door`,
    and `person`: who is signed in, shown with a way to sign out. A name that was
    not given is an error.

    Args:
        zone: in which times are shown.
        version: of the product, shown small.
        door: where who is not signed in is sent.
    """

    def __init__(self, zone: ZoneInfo, version: str, door: str = "/sign-in") -> None:
        self._version = version
        self.door = door
        self._languages = Languages(zone)
        self.static = StaticFiles(FOLDER)

    def setup(self, app: web.Application) -> None:
        """Make the application able to render, and serve what pages need."""
        environment = aiohttp_jinja2.setup(
            app,
            loader=FileSystemLoader(FOLDER.parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
        environment.filters.update({name: _filter(name) for name in FILTERS})
        environment.globals["static"] = self.static.url
        app.router.add_routes([self.static.route()])
        app[ERROR_PAGE] = self.error

    def language(self, request: web.Request) -> Language:
        """Which language this request is answered in."""
        asked, remembered = request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE)
        return self._languages.choose(asked, remembered, request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))

    def render(self, request: web.Request, template: str, *, status: int = 200, **context: object) -> web.Response:
        """One page.

        Args:
            request: what it answers.
            template: name in `templates/`.
            status: of HTTP.
            context: what else the template names.
        """
        language = self.language(request)
        known = {
            "language": language,
            "other_languages": [
                (other, str(here(request).update_query(lang=other.code)))
                for other in self._languages.all.values()
                if other is not language
            ],
            "version": self._version,
            "person": stranger_or(request),
            "door": self.door,
            "path": request.path,
        }
        text = aiohttp_jinja2.render_string(template, request, known | context)
        response = web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)
        if request.query.get("lang") == language.code:
            response.set_cookie(LANGUAGE_COOKIE, language.code, max_age=A_YEAR, path="/", samesite="Lax", httponly=True)
        return response

    def error(self, request: web.Request, error: web.HTTPError) -> web.StreamResponse:
        """What a person sees instead of an error code; who is not signed in is asked to."""
        if error.status == web.HTTPUnauthorized.status_code and request.method == hdrs.METH_GET:
            where = URL(self.door).with_query(next=str(here(request)))
            return web.Response(status=303, headers={**HEADERS, hdrs.LOCATION: str(where)})
        response = self.render(request, "error.html", status=error.status, code=error.status)
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response


def here(request: web.Request) -> URL:
    """Path and query that were asked for, never with a host: browsers take what follows two slashes for one."""
    return URL.build(path="/" + request.path.lstrip("/\\"), query=request.query)


def _of(context: Context) -> Language:
    language = context["language"]
    assert isinstance(language, Language)  # noqa: S101 - `render` has put it there
    return language


@pass_context
def _gettext(context: Context, text: str) -> str:
    return _of(context).gettext(text)


@pass_context
def _ngettext(context: Context, one: str, many: str, count: int) -> str:
    return _of(context).ngettext(one, many, count)


def _filter(name: str) -> object:
    """A filter that calls the method of the page's language."""

    @pass_context
    def apply(context: Context, *arguments: object) -> str:
        return str(getattr(_of(context), name)(*arguments))

    return apply
