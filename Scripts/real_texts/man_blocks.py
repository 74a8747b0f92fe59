"""Manual pages in man(7)'s macros as blocks. It knows what the Linux man-pages use; pages in mdoc(7) are refused."""
import re

from corpus import Block, one_line

CHARACTERS = {
    "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "bu": "-", "em": "—", "en": "–", "ha": "^", "ti": "~", "rs": "\\",
    "ga": "`", "+-": "±", "mc": "µ", "de": "°", "dg": "†", "co": "©", "->": "→", "<-": "←", ">=": "≥", "<=": "≤", "mu": "×", "mi": "−",
    "fm": "'", "la": "⟨", "ra": "⟩", "sd": '"', "ua": "↑", "da": "↓", "ss": "ß", ":A": "Ä", ":O": "Ö", ":U": "Ü", ":a": "ä", ":o": "ö",
    ":u": "ü", "^o": "ô", "^a": "â", "'e": "é", "`e": "è", "'a": "á", "`a": "à", ",c": "ç", "~n": "ñ", "sc": "§", "at": "@", "sh": "#",
    "Do": "$", "or": "|", "12": "½", "14": "¼", "34": "¾", "if": "∞", "!=": "≠", "ua": "↑", "lB": "[", "rB": "]", "lC": "{", "rC": "}",
}
SINGLE = {
    "-": "-", "e": "\\", "&": "", "%": "", ":": "", "~": " ", " ": " ", "0": " ", "|": "", "^": "", "/": "", ",": "", "'": "'", "`": "`",
    "\\": "\\", "t": " ", "{": "", "}": "", ".": ".", "c": "", "!": "", "_": "_", "p": "", "r": "", "u": "", "d": "", ")": "", "E": "\\",
}
ESCAPE = re.compile(
    r'\\(?:f(?:\[[^\]]*\]|\(..|.)|s[+-]?\d+|\*(?:\[[^\]]*\]|\(..|.)|n(?:\[[^\]]*\]|\(..|[+-]?.)|[whvloLDNb]\'[^\']*\'|m\[[^\]]*\]'
    r'|\[([^\]]*)\]|\((..)|".*|#.*|(.))')
FONTS = {"B", "I", "SM", "SB", "BR", "BI", "RB", "RI", "IR", "IB"}
# Sections that say the same on every page, or nothing.
LEFT_OUT = {"COLOPHON", "SEE ALSO", "ATTRIBUTES", "LIBRARY", "AUTHOR", "AUTHORS", "COPYRIGHT", "REPORTING BUGS"}


def unescaped(text):
    """A line without roff's escapes."""
    def character(match):
        name = match[1] if match[1] is not None else match[2]
        if name is not None:
            if re.fullmatch(r"u[0-9A-F]{4,6}", name):
                return chr(int(name[1:], 16))
            return CHARACTERS.get(name, "")
        return SINGLE.get(match[3], match[3]) if match[3] is not None else ""

    return ESCAPE.sub(character, text)


def arguments(text):
    """A macro's arguments: words, or quoted."""
    return [
        quoted.replace('""', '"') if quoted or not word else word
        for quoted, word in re.findall(r'"((?:[^"]|"")*)"?|((?:\\ |\S)+)', text)
    ]


class ManPage:
    """Reads one page: `name`, `number` (its section of the manual) and `blocks`."""

    def __init__(self, source):
        self.name = self.number = None
        self.blocks, self.words, self.lines = [], [], []
        self.section = "NAME"
        self.is_filled, self.in_table, self.awaits_tag, self.ignores_block = True, False, False, False
        self.tag, self.glue = "", "\n\n"
        for line in re.sub(r"\\\n", "", source).split("\n"):
            self.read(line)
        self.flush()

    def read(self, line):
        if re.match(r"[.'] *\\\"", line) or line.startswith("'\\\""):
            return
        if self.ignores_block:
            self.ignores_block = not line.startswith("..")
            return
        macro = re.match(r"[.'][ \t]*([A-Za-z]+)[ \t]*(.*)", line)
        if self.in_table:
            self.in_table = not (macro and macro[1] == "TE")
        elif macro:
            self.macro(macro[1], re.sub(r'\s*\\".*', "", macro[2]))
        elif not line.startswith("."):
            self.text(unescaped(line))

    def text(self, line):
        if not self.is_filled:
            self.lines.append(line.expandtabs())
        elif not line.strip():
            self.flush()
        elif self.awaits_tag:
            self.tag, self.awaits_tag = one_line(line), False
        else:
            self.words.append(line.strip())

    def macro(self, name, rest):
        if name == "TH":
            parts = arguments(rest)
            self.name, self.number = unescaped(parts[0]), parts[1]
        elif name in ("SH", "SS"):
            self.flush()
            heading = one_line(unescaped(" ".join(arguments(rest))))
            if name == "SH":
                self.section = heading
            elif heading and self.section not in LEFT_OUT:
                self.blocks.append(Block(heading, self.known(), rank=2))
        elif name in FONTS:
            parts = [unescaped(part) for part in arguments(rest)]
            self.text(("" if len(name) == 2 and name[0] != "S" else " ").join(parts))
        elif name in ("PP", "P", "LP", "HP", "sp", "RE", "RS", "br"):
            self.flush()
        elif name in ("TP", "TQ"):
            self.flush()
            self.awaits_tag, self.glue = True, "\n\n" if name == "TP" else "\n"
        elif name == "IP":
            self.flush()
            mark = one_line(unescaped(arguments(rest)[0])) if arguments(rest) else ""
            self.tag, self.glue = mark, "\n"
        elif name in ("nf", "EX"):
            self.flush()
            self.is_filled = False
        elif name in ("fi", "EE"):
            self.flush_lines()
            self.is_filled = True
        elif name == "TS":
            self.flush()
            self.in_table = True
        elif name in ("UR", "MT"):
            # The address is in the words between; alone it is no English.
            pass
        elif name in ("UE", "ME") and rest and self.words:
            self.words[-1] += rest
        elif name == "de":
            self.ignores_block = True

    def known(self):
        return {"section": self.section[:1] + self.section[1:].lower() if self.section.isupper() else self.section}

    def flush_lines(self):
        lines, self.lines = "\n".join(line.rstrip() for line in self.lines).strip("\n"), []
        if lines.strip() and self.section not in LEFT_OUT and lines.count("\n") < 25:
            self.blocks.append(Block(lines, self.known(), is_code=True))

    def flush(self):
        if not self.is_filled:
            self.lines.append("")
            return
        text, self.words = one_line(" ".join(self.words)), []
        # A tag waits for what it names; without that it stands alone.
        if not text and not self.tag:
            return
        mark = self.tag
        if mark and text:
            text = f"{mark} {text}" if re.fullmatch(r"\W|\(?\w{1,2}[.)]", mark) else f"{mark}: {text}"
        text = text or mark
        if self.section not in LEFT_OUT:
            self.blocks.append(Block(text, self.known(), self.glue))
        self.tag, self.glue = "", "\n\n"

    def without_feature_tests(self):
        """The blocks without the macros that a program defines to get a function: half a synopsis of conditions."""
        kept, is_test = [], False
        for block in self.blocks:
            is_test = block.known["section"] == "Synopsis" and (is_test or block.text.startswith("Feature Test Macro"))
            if not is_test:
                kept.append(block)
        return kept


def manual_page(source):
    """A page; None for one that only points at another, or is written in mdoc(7)."""
    if re.match(r"\.so ", source) or re.search(r"^\.Dd ", source, re.M):
        return None
    page = ManPage(source)
    page.blocks = page.without_feature_tests()
    return page if page.name and page.blocks else None
