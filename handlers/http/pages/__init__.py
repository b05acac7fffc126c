"""What people look at: HTML in two languages, nothing inline, nothing of a caller's ever markup."""

from handlers.http.pages.languages import Language, message
from handlers.http.pages.shell import Pages

__all__ = ["Language", "Pages", "message"]
