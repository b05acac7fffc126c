"""How Asterisk reads a command: written after its parse_args(), and after nothing of ours."""

NAMES = ("GET FULL VARIABLE", "CONTROL STREAM FILE", "WAIT FOR DIGIT")
"""Those commands whose names have three words; the others have one or two."""
ROOM = 127


def parse_args(line: str) -> list[str]:
    """The words, character by character, with Asterisk's three flags."""
    words: list[str] = []
    quoted = escaped = False
    blank = True
    for char in line.removesuffix("\n"):
        if char == '"' and not escaped:
            quoted = not quoted
            if quoted and blank:
                words.append("")
                blank = False
            continue
        if char in " \t" and not quoted and not escaped:
            blank = True
            continue
        if char == "\\" and not escaped:
            escaped = True
            continue
        if blank:
            if len(words) >= ROOM:
                continue
            words.append("")
            blank = False
        words[-1] += char
        escaped = False
    return words
