"""What an agent sees of a call while his phone rings: pure state and wire format, and the screens it goes to."""
