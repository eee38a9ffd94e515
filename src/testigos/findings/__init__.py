"""Kinds of claim, one file each: tracks in, findings out.

A file here with ``KIND``, ``RANK``, ``METHOD``, ``find(tracks, scene)`` and ``sentence(finding, names, unit)`` is a
finder by its name; nothing else needs to know of it.
"""

from testigos.findings.scene import Scene, find_all, scene

__all__ = ["Scene", "find_all", "scene"]
