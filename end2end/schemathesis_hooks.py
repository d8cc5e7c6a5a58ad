"""What schemathesis does not know by itself: the media type of tus pieces is bytes."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
