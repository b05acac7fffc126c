"""Values that must come back as they went."""

QUOTING = [
    "plain",
    "",
    " blanks around ",
    'say "hi"',
    "back\\slash",
    'both \\" of \\\\ them "',
    "a,b|c;d&e",
    "${EXTEN} $[1+1] {x}",
    "(a) b) (c",
    "ends in a bracket)",
    "endpos=77 result=1 (no)",
    "percent %41 #*+",
    "长治营业部 é ß 🕿 " + "长" * 400,
    "x" * 1990,
]
