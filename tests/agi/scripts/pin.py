#!/usr/bin/env python
# ruff: noqa: ANN201, EXE001, F403, F405, UP031
# Asks for a PIN, as scripts do that people post.
import sys

from asterisk.agi import *

PINS = {"1234": "alice"}


def main():
    agi = AGI()
    agi.verbose("script started: %s" % sys.argv[1:])
    agi.answer()
    for _ in range(3):
        digits = agi.get_data("enter-pin", 5000, 4)
        if digits in PINS:
            agi.set_variable("PIN_OK", PINS[digits])
            sys.exit(0)
    agi.hangup()
    sys.exit(0)


if __name__ == "__main__":
    main()
