"""Statements held against tracks: read, judged, and told in forms that others exchange."""

from testigos.claims.english import FORMS, parse, say
from testigos.claims.exchange import claim_files, lines
from testigos.claims.judge import judge
from testigos.claims.model import Claim, Verdict
from testigos.claims.read import kept, places, read_claims, resolved

__all__ = [
    "FORMS", "Claim", "Verdict", "claim_files", "judge", "kept", "lines", "parse", "places", "read_claims", "resolved",
    "say",
]  # fmt: skip
