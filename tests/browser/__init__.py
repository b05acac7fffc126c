"""Pages in a real Chromium.

One Chromium runs for all tests (`chromium`); each test drives it through a connection of its own (`browser`), so that
it may live in whatever event loop it likes, and opens windows with `open_page`, each with cookies and storage of its
own. Whatever a page says in anger (an error in its console, an exception, something that the Content-Security-Policy
refused) fails the test that opened it, unless that test said beforehand that it will come::

    async def test_the_page_greets(open_page: OpenPage) -> None:
        page = await open_page("http://127.0.0.1:8080/", size=PHONE, dark=True, locale="en-GB")
        await expect(page.get_by_role("heading")).to_have_text("Hello")
        await accessible(page)

With `THREERINGS_PICTURES=DIR`, `picture(page, "name")` leaves DIR/name.png to be looked at.
"""
