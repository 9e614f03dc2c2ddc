"""What pages that need nothing else are made of."""

import json
from pathlib import Path


def in_script(data) -> str:
    """JSON between <script> and </script>: there nothing is escaped, and not only what would end the
    script changes how the rest is read."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def timeline() -> str:
    """Of a page with tracks on a canvas, the script to put before its own."""
    return Path(__file__).with_name("timeline.js").read_text()
