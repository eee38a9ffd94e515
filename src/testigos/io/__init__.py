"""Where bytes come from, and how they become reports that can be traced back to them."""

from testigos.io.documents import Document, Source, Sources, documents
from testigos.io.excerpts import Excerpt, excerpts, reports_from_excerpts, write_excerpts
from testigos.io.read import Account, reports

__all__ = [
    "Account",
    "Document",
    "Excerpt",
    "Source",
    "Sources",
    "documents",
    "excerpts",
    "reports",
    "reports_from_excerpts",
    "write_excerpts",
]
