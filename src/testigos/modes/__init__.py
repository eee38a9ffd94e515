"""Mode S: what 56 or 112 bits say, over many messages at once. No bytes of any wire format are known here."""
