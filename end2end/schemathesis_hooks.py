"""What schemathesis does not know by itself."""

import schemathesis

# The media type of tus pieces is bytes.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

#: Waits that a query can ask for: the longest that may be asked for, and the longest that is. One past its bound stays.
WAITS = {"wait": (60, 1), "delay_ms": (30_000, 20), "gap_ms": (2_000, 1)}


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Long waits are left out."""
    for name, (bound, longest) in WAITS.items():
        asked = str((case.query or {}).get(name))
        if asked.isascii() and asked.isdecimal() and longest < int(asked) <= bound:
            case.query[name] = longest
    # A job that is held, or waited for, takes as long as it is.
    if isinstance(case.body, dict) and isinstance(asked := case.body.get("work_ms"), (int, float)):
        if 20 < asked <= (30_000 if case.body.get("work") == "cpu" else 300_000):
            case.body["work_ms"] = 20
