"""Names as people write them, made comparable."""

import re
import unicodedata

__all__ = ["fold", "variants"]

_EXPAND = {"st": "saint", "ste": "saint", "mt": "mount", "intl": "international", "afb": "air force base"}
#: Words that say what a place is rather than which; a name is also found without them.
_KIND_WORDS = (
    r"^(the |los |las |islas? de |islas? |isles? of |iles? de |iles? |ilhas? de |ilhas? |archipelago |archipielago "
    r"|island of )+",
    r"( islands?| isles?| archipelago| airport| airfield)+$",
)


def fold(name: str) -> str:
    """A name without case, accents and punctuation, with common abbreviations written out.

    >>> fold("St. Vincent & the  Grenadines"), fold("Curaçao")
    ('saint vincent and the grenadines', 'curacao')
    """
    plain = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("Ø", "O").replace("&", " and "))
    letters = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    words = re.sub(r"[^\w]+", " ", letters.replace("'", "").replace("’", "")).split()
    return " ".join(_EXPAND.get(w, w) for w in words)


def variants(name: str) -> list[str]:
    """The folded name, then the same without words such as "island", where that leaves anything.

    >>> variants("Isla de Margarita")
    ['isla de margarita', 'margarita']
    """
    whole = fold(name)
    bare = whole
    for pattern in _KIND_WORDS:
        bare = re.sub(pattern, "", bare).strip()
    return [whole] if not bare or bare == whole else [whole, bare]
