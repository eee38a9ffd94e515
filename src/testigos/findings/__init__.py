"""Kinds of claim, one file each: tracks in, findings out.

A file here with ``KIND``, ``RANK``, ``METHOD``, ``find(tracks, scene)`` and ``sentence(finding, names, unit)`` is a
finder by its name; nothing else needs to know of it.
"""

from testigos.findings.scene import Scene, find_all, scene
from testigos.findings.survey import Surveyed, survey_all

__all__ = ["Scene", "Surveyed", "find_all", "scene", "survey_all"]
