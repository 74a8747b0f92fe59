"""HTML pages as blocks: what a reader of the page reads, without navigation, tables and markup."""
import re, textwrap
from dataclasses import dataclass, field
from html.parser import HTMLParser

from corpus import Block, one_line, plain, title

HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
BREAKS = HEADINGS | {
    "p", "div", "li", "ul", "ol", "dl", "dt", "dd", "pre", "blockquote", "table", "tr", "td", "th", "section", "article", "center",
    "hr", "body", "aside",
}
EMPTY = {"br", "hr", "img", "meta", "link", "input", "col", "area", "base"}
# Titles of boxes: they go in front of what the box says.
BOXES = {"note", "tip", "warning", "caution", "important", "see also", "hint"}


@dataclass
class Layout:
    """What a kind of page looks like: classes that are no text, where the text begins, and which lists define words."""

    skipped_classes: set = field(default_factory=set)
    skipped_tags: set = field(default_factory=lambda: {"script", "style", "head", "nav", "footer", "sup"})
    # Tables are left out, but for those with one of these summaries: boxes.
    kept_tables: set = field(default_factory=lambda: {"Tip", "Note", "Warning", "Caution", "Important"})
    root_class: str = ""
    definition_classes: set = field(default_factory=set)
    longest_code: int = 25


class PageReader(HTMLParser):
    """Reads one page into `blocks`. Each block knows its section, and its headword where it defines one."""

    def __init__(self, layout):
        super().__init__(convert_charrefs=True)
        self.layout, self.blocks, self.headings = layout, [], []
        self.parts, self.prefix, self.glue = [], "", "\n\n"
        self.skipping, self.skip_depth = None, 0
        self.root_tag, self.root_depth, self.is_inside = None, 0, not layout.root_class
        self.code_depth, self.heading, self.in_term = 0, None, False
        # One for each list around: the word that is being defined, None for another list; and counters of ordered lists.
        self.words, self.lists = [], []
        self.section = None

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        classes = set((attributes.get("class") or "").split())
        if self.skipping:
            self.skip_depth += tag == self.skipping
            return
        if not self.is_inside:
            if self.layout.root_class in classes:
                self.root_tag, self.root_depth, self.is_inside = tag, 1, True
            return
        if tag == self.root_tag:
            self.root_depth += 1
        if self.is_skipped(tag, classes, attributes):
            if tag not in EMPTY:
                self.skipping, self.skip_depth = tag, 1
            return
        if tag == "br":
            self.parts.append("\n" if self.code_depth else " ")
        if tag in BREAKS and not self.code_depth:
            self.flush()
        self.open(tag, classes, attributes)

    def is_skipped(self, tag, classes, attributes):
        if tag == "table":
            return (attributes.get("summary") or "") not in self.layout.kept_tables
        return tag in self.layout.skipped_tags or bool(classes & self.layout.skipped_classes)

    def open(self, tag, classes, attributes):
        if tag == "pre":
            self.code_depth += 1
        elif tag in HEADINGS:
            self.heading = tag
        elif tag in ("ul", "ol"):
            self.lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self.glue = "\n"
            if self.lists and self.lists[-1] is not None:
                self.lists[-1] += 1
                self.prefix = f"{self.lists[-1]}. "
            else:
                self.prefix = "- "
        elif tag == "dl":
            self.words.append({"word": None} if classes & self.layout.definition_classes else None)
        elif tag == "dt" and self.words:
            self.in_term = True
            if self.words[-1] is not None:
                self.words[-1]["id"] = attributes.get("id") or ""
        elif tag == "dd":
            self.glue = "\n"

    def handle_endtag(self, tag):
        if self.skipping:
            self.skip_depth -= tag == self.skipping
            if not self.skip_depth:
                self.skipping = None
            return
        if not self.is_inside:
            return
        if tag == "pre" and self.code_depth:
            self.flush_code()
        elif tag in BREAKS and not self.code_depth:
            self.flush(is_term=tag == "dt")
        if tag == "dl" and self.words:
            self.words.pop()
        if tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.glue, self.prefix = "\n\n", ""
        if tag == "dt":
            self.in_term = False
        if tag in HEADINGS:
            self.heading = None
        if tag == self.root_tag:
            self.root_depth -= 1
            self.is_inside = self.root_depth > 0

    def handle_data(self, data):
        if self.is_inside and not self.skipping:
            self.parts.append(data)

    def known(self):
        known = {"section": self.section} if self.section else {}
        word = next((entry["word"] for entry in reversed(self.words) if entry and entry.get("word")), None)
        if word:
            known["headword"] = word
        return known

    def flush(self, is_term=False):
        text, self.parts = one_line("".join(self.parts)), []
        if not text:
            return
        if text.rstrip(":").lower() in BOXES:
            self.prefix = f"{text.rstrip(':')}: "
            return
        if self.heading:
            text = title(text)
            # The first heading is the page's, of which every section is a part.
            self.headings.append((int(self.heading[1]), text))
            self.section, self.prefix, self.glue = text, "", "\n\n"
            self.blocks.append(Block(text, self.known(), rank=int(self.heading[1])))
            return
        if is_term:
            text = text.removeprefix(": ")
            if self.words and self.words[-1] is not None:
                self.words[-1]["word"] = defined_word(self.words[-1].get("id", ""), text)
        self.blocks.append(Block(self.prefix + text, self.known(), self.glue))
        self.prefix, self.glue = "", "\n\n"

    def flush_code(self):
        self.code_depth -= 1
        if self.code_depth:
            return
        text, self.parts = textwrap.dedent(plain("".join(self.parts).expandtabs())).strip("\n"), []
        text = "\n".join(line.rstrip() for line in text.splitlines())
        if text.strip() and text.count("\n") < self.layout.longest_code:
            self.blocks.append(Block(text, self.known(), "\n\n", is_code=True))
        self.prefix, self.glue = "", "\n\n"

    def close(self):
        super().close()
        self.flush()


def defined_word(identifier, text):
    """The word that a term of a list of definitions defines: its id where that is a name, else the term up to its arguments."""
    if identifier.startswith("index-"):
        word = re.sub(r"_([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), identifier.removeprefix("index-"))
        return re.sub(r"-\d+$", "", word)
    if re.fullmatch(r"[A-Za-z_][\w.]*", identifier):
        return identifier.removeprefix("c.")
    word = re.split(r"\s*[(\[]", text)[0].strip()
    return word if 0 < len(word) <= 40 and '"' not in word else None


def page(html, layout):
    """A page's title (None without a heading) and its blocks."""
    reader = PageReader(layout)
    reader.feed(html)
    reader.close()
    return (reader.headings[0][1] if reader.headings else None), reader.blocks
