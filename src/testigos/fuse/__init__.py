"""Reports to tracks: order, duplicates, what could not be reached, how sure each position is, and legs."""

from testigos.fuse.tracks import TracksNotes, tracks

__all__ = ["TracksNotes", "tracks"]
