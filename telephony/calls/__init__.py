"""The pure core: what happened (`facts`), what it means (`tracker`), what is to be done (`effects`).

No input or output, no clock, no log, no asyncio. To test a rule, write facts and read effects.
"""
