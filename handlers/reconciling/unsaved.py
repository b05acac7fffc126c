"""What a journal holds that is not in the database yet: whoever writes the database meanwhile knows less."""

from pathlib import Path

from handlers.holding import is_overtaken
from handlers.journalcopies import marked_in
from handlers.resume import MARK, Resume
from telephony.cases.lease import Take
from telephony.journal.reader import extent


def unsaved(folder: Path, take: Take) -> int:
    """How many records the next start will read of this journal, which nobody writes now, and then save what they mean.

    Args:
        folder: of the journal.
        take: how we had the lease of its PBX: of a journal that was overtaken since, nothing is read again.

    Raises:
        OSError: the journal cannot be read.
    """
    marks = marked_in(folder).marks
    resume = Resume.load(marks.get(MARK))
    if resume is None or is_overtaken(marks, take):
        return 0
    return max(0, extent(folder).last - resume.saved)
