"""What pages that need nothing else are made of."""

import json


def in_script(data) -> str:
    """JSON between <script> and </script>: there nothing is escaped, and not only what would end the
    script changes how the rest is read."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
