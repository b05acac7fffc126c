"""FastAGI: the PBX asks, during a call, and waits for what we say."""
