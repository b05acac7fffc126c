"""The way from a call into another program: an address of the configuration, filled in. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import quote


def filled(template: str, values: Mapping[str, str]) -> str:
    """The address, with each `{name}` percent-encoded, so that nothing of a call can choose where it leads.

    Args:
        template: checked by the configuration: placeholders behind the host alone.
        values: by placeholder, hostile text.
    """
    return re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe=""), template)
