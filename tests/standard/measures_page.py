"""Makes docs/measures.md out of the catalogue: `python -m tests.standard.measures_page > docs/measures.md`."""

from collections.abc import Iterator

from telephony.standard.measures import Measure
from telephony.standard.measures_catalogue import CATALOGUE
from telephony.standard.verdict import Bound

LIMITS = {
    "abandonment": "standard.abandonment",
    "unanswered": "standard.abandonment",
    "mean_wait": "standard.mean_wait_seconds",
    "within_three_rings": "standard.three_rings_share",
    "complaint_rate": "standard.complaint_rate",
}
"""Where each limit is configured."""
SIDES = {Bound.AT_MOST: "at most", Bound.BELOW: "less than", Bound.AT_LEAST: "at least"}
HEAD = """\
# Measures

Each measure is defined once, in `telephony/standard/measures_catalogue.py`; this page is made from it, and a test compares. The
first page, `/api/v1/measures`, `/api/docs` and reports show the same definitions. What the words mean (call, visit, offer, rings, lost …)
stands in [definitions.md](definitions.md). A measure whose meaning changes gets another version.
"""
TAIL = """\
## What counts where
- **A call** counts in the interval in which it **ended**, once all its visits are decided, and belongs to the queue or line that it sought
  first; so do its branch and PBX follow. Until then it is `calls_undecided`.
- **A visit** counts where its wait ended, **an offer** where that phone stopped ringing, **a talk** where it was over; each belongs to its own
  queue or line. A talk is over when somebody hung up, or with the call. It is that of the agent who answered first.
- **Arrivals** (`calls_arrived`, `visits_arrived`) count where they began. Who was refused never joined: his call arrived, no visit did.
- **An agent** has offers and talks only. Calls and visits are nobody's until he answers.
- **A number** counts once in each group and interval, from the last time it gave up there. Who hides his number is none. Callers choose
  their numbers: of more than 50,000 nothing is told. Called back is who was dialled by exactly the text that the PBX had as his number: an
  outside line that needs a prefix must have it taken off (`dialled`), or no call back is found.
- **Lost** visits and calls are in no rate and stand beside it (`left_out`), with waits and rings that nobody knows. **Shorts** are out of
  both sides; with the threshold 0 there are none.
- **Ratios of a group come from sums**: every value is `numerator / denominator`, so values of several intervals are put together by adding
  both. The longest wait is a maximum, and has no numerator.
- **No data is `null`**, never 0; then nothing is met or missed.
- A call that had gone on for more than 24 hours when it ended is not found any more.

## Intervals
`15m`, `hour`, `day` and `month` are cut at the wall clock of the site (`timezone`): a day has 23 or 25 hours where clocks change, an hour that
comes twice is two intervals. The first and the last are as short as `from` and `to` leave them. Intervals and groups without calls are there.

## The API
`GET /api/v1/measures` with the token of a `[[supervisor]]` as `Authorization: Bearer`, or signed in. A program may have a `[[supervisor]]` of
its own. Errors are problem details (RFC 9457). `/api/docs` and `/api/openapi.json` describe the answer.

| parameter | meaning | else |
|---|---|---|
| `from`, `to` | RFC 3339, or a date or time in the zone of the site; `to` is not included | the day of `to`, until now |
| `interval` | `15m`, `hour`, `day` or `month` | one interval |
| `group` | a row for each `queue`, `line`, `agent`, `pbx` or `branch` | `all` together |
| `queue`, `line`, `agent`, `pbx`, `branch` | only these; each may be repeated; `queue` and `line` together are either | everything |
| `measure` | only these; may be repeated; without `final_lost` it is quicker | every measure |

At most 10,000 rows (groups times intervals), 60 seconds a question, one question at a time and eight waiting: more is refused with what to
ask instead, or when to come again (`Retry-After`).

**Only the database is asked.** What the service has heard and not saved yet is waited for, up to two seconds (it needs a twentieth of one).
`saved_until` says up to when all that was heard is in the answer. `complete` is false, and `reasons` say why, when the time asked for is not
over, the database lags, a PBX is not heard (for the last 24 hours), calls were forgotten (`database.keep_days`) or given up, or of some call that has
ended it is not decided how. Each row has a `complete` of its own.

`GET /api/v1/live` (`?branch=`) tells who waits now, since when, and what each phone can do, by queue, line and branch. Of a PBX that is not heard
every number is `null`. What a line's phone does is known if it serves a queue, too.
"""


def row(measure: Measure) -> str:
    """One line of the table."""
    asked = ""
    if measure.limit is not None:
        asked = f"{SIDES[measure.limit.bound]} `{LIMITS[measure.name]}`"
    threshold = f"`{measure.threshold}`" if measure.threshold else ""
    what = f"{measure.definition} {measure.untold}".rstrip()
    cells = (
        f"`{measure.name}`", str(measure.version), f"{measure.title}<br>{measure.title_zh}", measure.clause,
        measure.unit.value, measure.population.value, f"{what}<br>{measure.definition_zh}", asked, threshold,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def page() -> Iterator[str]:
    """The page, in pieces."""
    yield HEAD
    yield "| name | version | | clause | unit | of | definition | asked | depends on |\n|---|---|---|---|---|---|---|---|---|"
    yield from map(row, CATALOGUE)
    yield f"\n{TAIL}"


if __name__ == "__main__":
    print("\n".join(page()), end="")
