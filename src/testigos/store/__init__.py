"""The archive of raw frames and the Parquet tables made from it."""

from testigos.store.archive import Archive, IngestAccount

__all__ = ["Archive", "IngestAccount"]
