# ruff: noqa: ANN001, ANN201, ARG001, E722, SIM105, UP031
import asyncio
import os
import sys
import time

from asterisk.agi import AGIException

IMPORTED = []
IMPORTED.append(1)


def check(agi):
    """The function form."""
    agi.set_variable("FORM", "function %s" % agi.get_variable("WHO"))
    agi.set_variable("IMPORTED", len(IMPORTED))


async def wait(agi):
    await agi.answer()
    await asyncio.sleep(0.01)
    await agi.set_variable("FORM", f"coroutine {await agi.get_variable('WHO')} {sys.argv[1:]}")


def fails(agi):
    agi.answer()
    raise ValueError("no such\nthing")


def exits(agi):
    agi.answer()
    sys.exit(3)


def talk(agi):
    """Talks until the caller hangs up."""
    while True:
        agi.wait_for_digit(1000)


def tolerant(agi):
    while True:
        try:
            agi.wait_for_digit(1000)
        except AGIException:
            agi.verbose("still there?")


def bare(agi):
    while True:
        try:
            agi.wait_for_digit(1000)
        except:
            pass


async def bare_coroutine(agi):
    while True:
        try:
            await agi.wait_for_digit(1000)
        except:
            pass


def sleep(agi):
    agi.answer()
    time.sleep(60)


def spin(agi):
    agi.answer()
    while True:
        pass


async def slow(agi):
    await asyncio.sleep(30)


def die(agi):
    agi.answer()
    os._exit(7)


def say(agi):
    agi.answer()
    print("on the console")
    print("one\x1b[31mred", file=sys.stderr)
    agi.answer()
