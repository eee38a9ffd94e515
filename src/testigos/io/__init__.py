"""Where bytes come from, and how they become reports that can be traced back to them."""

from testigos.io.documents import Document, Source, Sources, documents
from testigos.io.excerpts import Excerpt, excerpts, reports_from_excerpts, write_excerpts
from testigos.io.follow import follow
from testigos.io.live import is_live
from testigos.io.read import Account, reports
from testigos.io.summary import Summary

__all__ = [
    "Account",
    "Document",
    "Excerpt",
    "Source",
    "Sources",
    "Summary",
    "documents",
    "excerpts",
    "follow",
    "is_live",
    "reports",
    "reports_from_excerpts",
    "write_excerpts",
]
