"""The way to a host: SSH, one session of work, the document that goes there."""
