"""Manuals: Python, PostgreSQL, Debian, Octave, Maxima, the Linux man-pages, and the Anarchist FAQ, which is laid out like one."""
import glob, gzip, html, os, re

from corpus import Document, one_line, title
from html_blocks import Layout, page
from man_blocks import manual_page


def read(path):
    return open(path, encoding="utf-8", errors="replace").read()


def paths(root, pattern, left_out=r"(?!)"):
    """The files that a pattern names, in order, with their names below the pattern's last fixed folder."""
    folder = os.path.join(root, pattern.split("*")[0].rpartition("/")[0])
    for path in sorted(glob.glob(os.path.join(root, pattern), recursive=True)):
        name = os.path.relpath(path, folder)
        if not re.fullmatch(left_out, name):
            yield path, name


def without(blocks, pattern):
    """The blocks but for those whose whole text is of no use."""
    return [block for block in blocks if block.is_code or not re.fullmatch(pattern, block.text, re.S)]


SPHINX = Layout(
    root_class="body", definition_classes={"py", "c", "std", "cpp"},
    skipped_classes={"headerlink", "contents", "toctree-wrapper", "sphinxsidebar", "related", "linenos", "footnote", "topic", "clearer"})
PYTHON_BOOKS = {
    "library": "The Python Standard Library", "tutorial": "The Python Tutorial", "howto": "Python HOWTOs",
    "c-api": "Python/C API Reference Manual", "reference": "The Python Language Reference",
    "extending": "Extending and Embedding the Python Interpreter", "faq": "Python Frequently Asked Questions",
    "whatsnew": "What's New in Python", "using": "Python Setup and Usage", "distutils": "Distributing Python Modules",
    "install": "Installing Python Modules", "installing": "Installing Python Modules", "distributing": "Distributing Python Modules",
}


def python(root):
    # Lists of every change, of every book's pages, and of licences.
    left_out = r"_.*|whatsnew/(?:changelog|index)\.html|.*/index\.html|[^/]*\.html"
    for path, name in paths(root, "usr/share/doc/python3.11/html/**/*.html", left_out):
        source = read(path)
        chapter, blocks = page(source, SPHINX)
        folder = name.split("/")[0]
        if folder not in PYTHON_BOOKS or not chapter:
            continue
        known = {"kind": "Python documentation", "book": PYTHON_BOOKS[folder], "chapter": chapter.split(" — ")[-1]}
        module = re.search(r'id="module-([\w.]+)"', source)
        if module and folder == "library":
            known["module"] = module[1]
        blocks = without(blocks, r"Source code: .*|Footnotes|Availability: .{0,60}\.")
        yield from parts(Document(f"python/{name.removesuffix('.html')}", "python3.11-doc", known, blocks))


DOCBOOK = Layout(
    root_class="", definition_classes={"variablelist"},
    skipped_classes={"navheader", "navfooter", "toc", "table", "table-contents", "figure", "footnotes", "indexterm", "legalnotice"})


def postgresql(root):
    left_out = r"(?:release|sql-keywords|errcodes|features|unsupported|biblio|bookindex|legalnotice|index|contrib-prog|sql-commands)[^/]*\.html"
    for path, name in paths(root, "usr/share/doc/postgresql-doc-15/html/*.html", left_out):
        source = read(path)
        _, blocks = page(source, DOCBOOK)
        chapter = re.search(r'<th width="60%"[^>]*>(.*?)</th>', source)
        head = re.search(r"<title>(.*?)</title>", source)
        if not blocks or not head:
            continue
        known = {"kind": "PostgreSQL documentation", "book": "PostgreSQL 15 documentation"}
        chapter = title(html.unescape(re.sub("<[^>]*>", "", chapter[1]))) if chapter else ""
        if chapter and not chapter.startswith("PostgreSQL 15"):
            known["chapter"] = chapter
        for block in blocks:
            block.known.setdefault("section", title(html.unescape(head[1])))
        yield Document(f"postgresql/{name.removesuffix('.html')}", "postgresql-doc-15", known, blocks)


def debian(root):
    for path, name in paths(root, "usr/share/debian-reference/ch*.en.html"):
        yield from debian_page(path, "Debian Reference", DOCBOOK, "debian-reference-en", name)
    left_out = r"(?:index|genindex|search|developers-reference)\.html"
    for path, name in paths(root, "usr/share/developers-reference/*.html", left_out):
        yield from debian_page(path, "Debian Developer's Reference", SPHINX, "developers-reference", name)


def debian_page(path, book, layout, package, name):
    chapter, blocks = page(read(path), layout)
    known = {"kind": "Debian manual", "book": book}
    if chapter:
        known["chapter"] = chapter
    return parts(Document(f"{package}/{name.split('.')[0]}", package, known, blocks))


def parts(document):
    """The sections of a long page, down to headings of the second rank, as documents of their own."""
    sections = [[]]
    for block in document.blocks:
        if block.rank in (1, 2) and any(not before.rank for before in sections[-1]):
            sections.append([])
        sections[-1].append(block)
    for number, blocks in enumerate(sections):
        yield Document(f"{document.id}/{number}", document.package, document.known, blocks)


TEXINFO = Layout(
    root_class="", definition_classes={"def"},
    skipped_classes={"header", "section-toc", "copiable-anchor", "categorybox", "menu", "contents", "shortcontents", "footnote", "nav-panel"})


def mathematics(root):
    left_out = r"XREF.*|.*Index.*|index\.html|Copying\.html|Contributors.*|Preface\.html|Acknowledgements\.html"
    sources = [
        ("usr/share/doc/octave/octave.html/*.html", "GNU Octave manual", "octave-doc", left_out),
        ("usr/share/doc/maxima-doc/html/maxima_*.html", "Maxima manual", "maxima-doc", r"maxima_(?:toc|ovr|abt|37[789]|38\d)\.html"),
    ]
    for pattern, book, package, left_out in sources:
        for path, name in paths(root, pattern, left_out):
            chapter, blocks = page(read(path), TEXINFO)
            if not chapter:
                continue
            for block in blocks:
                block.text = re.sub(r"^(?:Function|Option variable|System variable|Variable|Operator|Special operator|Package|Property"
                                    r"|Constant|Declaration|Scene \w+|Plot option|Graphic \w+|Object): (?=\S)", "", block.text)
            known = {"kind": "mathematics software manual", "book": book}
            yield Document(f"{package}/{name.removesuffix('.html')}", package, known, without(blocks, r"\d\.\s*|Go to the .*|See also: .*"))


FAQ = Layout(root_class="content", skipped_classes={"book-navigation", "page-links"})


def essays(root):
    left_out = r"(?:.*links|biblio|contact|new|pdf|index|book|translations|quotes|supplementary)\.html"
    for path, name in paths(root, "usr/share/doc/anarchism/html/*.html", left_out):
        chapter, blocks = page(read(path), FAQ)
        known = {"kind": "political essay", "book": "An Anarchist FAQ"}
        if chapter:
            known["chapter"] = chapter
        yield from parts(Document(f"anarchism/{name.removesuffix('.html')}", "anarchism", known, without_contents(blocks)))


def without_contents(blocks):
    """Blocks without headings that stand above further headings alone: a table of contents."""
    kept = []
    for index, block in enumerate(blocks):
        follows = blocks[index + 1] if index + 1 < len(blocks) else None
        if index and block.rank and follows is not None and follows.rank and follows.rank <= block.rank:
            continue
        kept.append(block)
    return kept


MANUAL_SECTIONS = {
    "1": "user commands", "2": "system calls", "3": "library functions", "4": "devices", "5": "file formats", "6": "games",
    "7": "overviews and conventions", "8": "administration commands",
}


def manual_pages(root):
    for path, name in paths(root, "usr/share/man/man*/*.gz"):
        if name.startswith("/") or os.path.islink(path):
            continue
        found = manual_page(gzip.open(path, "rt", encoding="utf-8", errors="replace").read())
        if found is None:
            continue
        name = os.path.basename(path).removesuffix(".gz")
        known = {"kind": "manual page", "book": "Linux man-pages", "headword": found.name}
        area = MANUAL_SECTIONS.get(found.number[:1])
        if area:
            known["subject"] = area
        yield Document(f"man/{name}", os.path.basename(root), known, found.blocks)
