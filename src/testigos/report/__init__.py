"""Findings to what people read: sentences, a page with maps, tables, and evidence that can be checked."""

from testigos.report.bundle import Written, paragraph_text, sentences, write_report
from testigos.report.published import json_schema
from testigos.report.verify import Problem, verify

__all__ = ["Problem", "Written", "json_schema", "paragraph_text", "sentences", "verify", "write_report"]
