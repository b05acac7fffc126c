"""Three Rings: what every call on an Asterisk PBX was, exactly.

Reading order: `calls` (the pure core: facts in, effects out), then the adapters that turn one outside thing each into
facts or out of effects: `ami`, `queuelog`, `cases`, `metrics`. `handlers` puts them together.
"""
