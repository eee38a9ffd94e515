"""The archive of raw frames, the Parquet tables made from it, and files of rows."""

from testigos.store.archive import Archive, IngestAccount
from testigos.store.record import record_live

__all__ = ["Archive", "IngestAccount", "record_live"]
