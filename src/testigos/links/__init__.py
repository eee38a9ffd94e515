"""Wire formats, one file each: ``split``, ``decode`` and, where it can speak, ``encode``.

A file here is a link by its name; nothing else needs to know of it. Modules that begin with an underscore
are shared kernels of several formats.
"""
