"""The relay: every net that can be heard in, one picture, and to each customer what it may have in its own format."""
