"""A package, so that its fixtures end with its last test and not with the process."""
