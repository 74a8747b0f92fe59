"""Writes Sources/Tokenization/Text/UnicodeTables.swift: what the `tokenizers` package knows of Unicode.

usage: make_unicode_tables.py > Sources/Tokenization/Text/UnicodeTables.swift
needs: pip install tokenizers

The package draws on several Unicode versions at once (normalization is at 9, its regular expressions at 16), none of which need be
those of the machine. So it is asked about every character; where it cannot be asked directly (combining classes, pairs that compose),
what this Python's `unicodedata` says is kept as far as the package acts on it.
"""

import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CHARACTERS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
NFC, NFD, NFKD = normalizers.NFC(), normalizers.NFD(), normalizers.NFKD()


def normalized(normalizer, characters):
    return normalizer.normalize_str("".join(map(chr, characters)))


def canonical(c):
    """The canonical decomposition in one step, or []."""
    fields = unicodedata.decomposition(chr(c)).split()
    if c in HANGUL or not fields or fields[0].startswith("<") or normalized(NFD, [c]) == chr(c):
        return []
    return [int(field, 16) for field in fields]


def combining_class(c):
    """The class, or 0 where the package puts nothing in order because of it."""
    known = unicodedata.combining(chr(c))
    if known == 0 or len(normalized(NFD, [c])) > 1:
        return 0
    moved = [ord("a"), c, 0x334] if known > 1 else [ord("a"), 0x300, c]
    return known if normalized(NFD, moved) != "".join(map(chr, moved)) else 0


def runs(mapping):
    """Lines `first:value,value,…` for neighbouring keys."""
    lines, last = [], None
    for key in sorted(mapping):
        value = mapping[key]
        if last is not None and key == last + 1 and len(lines[-1]) + len(value) < 118:
            lines[-1] += "," + value
        else:
            lines.append(f"{key:X}:{value}")
        last = key
    # Short lines share one, apart by a semicolon.
    return packed(lines, ";")


def packed(words, separator):
    lines = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < 118:
            lines[-1] += separator + word
        else:
            lines.append(word)
    return lines


def set_lines(members, width=None):
    """The set as pairs of hexadecimal numbers: how many characters are skipped, and how many follow that belong to it.

    With a width, every line begins to count afresh."""
    words, end, members = [], 0, sorted(members)
    index = 0
    while index < len(members):
        start = index
        while index + 1 < len(members) and members[index + 1] == members[index] + 1:
            index += 1
        if width and words and sum(map(len, words)) + len(words) > width:
            return [" ".join(words)] + set_lines(members[start:], width)
        words.append(f"{members[start] - end:x}+{index - start + 1:x}")
        end = members[index] + 1
        index += 1
    return packed(words, " ")


# For each category, characters of three and of four bytes that were always in it.
STAND_INS = {
    "Lu": (0xA722, 0x10400), "Ll": (0xA723, 0x10428), "Lm": (0xA717, 0x16B40), "Lo": (0xA840, 0x10280), "Mn": (0x900, 0x11001),
    "Mc": (0x903, 0x11000), "Nd": (0x966, 0x104A0), "Nl": (0x16EE, 0x10140), "No": (0x9F4, 0x10107), "Pd": (0x2010, 0x10EAD),
    "Po": (0x964, 0x10100), "Sm": (0x2044, 0x1D6C1), "Sc": (0x20A0, 0x1ECB0), "Sk": (0x1FBD, 0x1F3FB), "So": (0x2100, 0x10137),
    "Cf": (0x2060, 0x110BD), "Han": (0x4E00, 0x20000),
}


def later_lines():
    """Characters that regular expressions know and this Python does not yet: what may stand in for them, and where they are."""
    unassigned = [c for c in CHARACTERS if unicodedata.category(chr(c)) == "Cn"]

    def members(expression):
        matches = pre_tokenizers.Split(Regex(expression), "removed")
        return {c for c in unassigned if not matches.pre_tokenize_str(chr(c))}

    han, lines = members(r"\p{Han}"), []
    for category, (short, long) in STAND_INS.items():
        found = han if category == "Han" else members(rf"\p{{{category}}}") - han
        for stand_in, some in [(short, {c for c in found if c < 0x10000}), (long, {c for c in found if c >= 0x10000})]:
            assert not some or category in ("Han", unicodedata.category(chr(stand_in)))
            lines += [f"{stand_in:x}: {line}" for line in set_lines(some, 105)]
    rest = members(r"\p{Cn}") | members(r"\p{Co}")
    known = {c for category in STAND_INS if category != "Han" for c in members(rf"\p{{{category}}}")}
    assert set(unassigned) <= rest | known, sorted(set(unassigned) - rest - known)[:9]
    return lines


def splits(pre_tokenizer, c):
    return len(pre_tokenizer.pre_tokenize_str("a" + chr(c))) == 2


def literal(name, comment, lines):
    print(f"    /// {comment}")
    print(f'    static let {name} = """')
    for line in lines:
        print(f"        {line}")
    print('        """\n')


def main():
    step = {c: decomposition for c in CHARACTERS if (decomposition := canonical(c))}
    compatible = {
        c: text for c in CHARACTERS
        if c not in HANGUL and (text := normalized(NFKD, [c])) != normalized(NFD, [c])
    }
    classes = {c: known for c in CHARACTERS if (known := combining_class(c))}
    composed = {c for c, pair in step.items() if len(pair) == 2 and normalized(NFC, pair) == chr(c)}
    apart = [c for c, pair in step.items() if len(pair) == 2 and c not in composed]
    punctuation, digits, words = pre_tokenizers.Punctuation("isolated"), pre_tokenizers.Digits(True), pre_tokenizers.Whitespace()
    bert = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    bert_accents = normalizers.BertNormalizer(**{**bert, "strip_accents": True})
    bert_clean = normalizers.BertNormalizer(**{**bert, "clean_text": True})

    print(f"// Made by Scripts/make_unicode_tables.py from tokenizers {tokenizers.__version__}. Not to be edited.\n")
    print("/// What the `tokenizers` package knows of Unicode, which is not one version of it. Numbers are hexadecimal.")
    print("enum UnicodeTables {")
    literal("canonicalDecompositions", "`first:decomposition,…;…`: canonical decompositions in one step, but for Hangul.",
            runs({c: " ".join(f"{d:X}" for d in pair) for c, pair in step.items()}))
    literal("compatibilityDecompositions", "Compatibility decompositions in full, where they differ from the canonical ones.",
            runs({c: " ".join(f"{ord(d):X}" for d in text) for c, text in compatible.items()}))
    literal("combiningClasses", "Canonical combining classes other than 0.", runs({c: f"{known:X}" for c, known in classes.items()}))
    literal("compositionExclusions", "What decomposes into two characters and is not composed of them.",
            packed([f"{c:X}" for c in apart], " "))
    literal("marks", "What `StripAccents` takes out. Sets are pairs: so many are not in it, so many are.",
            set_lines([c for c in CHARACTERS if normalized(normalizers.StripAccents(), [0x78, c]) == "x"]))
    literal("bertAccents", "What `BertNormalizer` takes out of decomposed text with `strip_accents`.",
            set_lines([c for c in CHARACTERS if bert_accents.normalize_str("x" + chr(c)) == "x"]))
    literal("bertControls", "What `BertNormalizer` takes out with `clean_text`.",
            set_lines([c for c in CHARACTERS if bert_clean.normalize_str(chr(c)) == ""]))
    literal("punctuation", "What `Punctuation` and `BertPreTokenizer` split at.",
            set_lines([c for c in CHARACTERS if splits(punctuation, c)]))
    literal("numeric", "What `Digits` splits at.", set_lines([c for c in CHARACTERS if splits(digits, c)]))
    literal("words", "`\\w` of the pre-tokenizer `Whitespace` and of added tokens that match single words only.",
            set_lines([c for c in CHARACTERS if words.pre_tokenize_str("a" + chr(c))[0][0] == "a" + chr(c)]))
    literal("laterCharacters", f"Characters that came after Unicode {unicodedata.unidata_version}: an older one that may stand in for them, and a set.",
            later_lines())
    print("}")


sys.stdout.reconfigure(encoding="utf-8")
main()
