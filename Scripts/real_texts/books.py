"""The Bible, quotations, and the founding documents of the United States."""
import gzip, os, re

from corpus import Block, Document, one_line, plain
from lzw import expand

BOOKS = """Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth 1_Samuel 2_Samuel 1_Kings 2_Kings 1_Chronicles
2_Chronicles Ezra Nehemiah Esther Job Psalms Proverbs Ecclesiastes Song_of_Solomon Isaiah Jeremiah Lamentations Ezekiel Daniel Hosea
Joel Amos Obadiah Jonah Micah Nahum Habakkuk Zephaniah Haggai Zechariah Malachi Matthew Mark Luke John Acts Romans 1_Corinthians
2_Corinthians Galatians Ephesians Philippians Colossians 1_Thessalonians 2_Thessalonians 1_Timothy 2_Timothy Titus Philemon Hebrews
James 1_Peter 2_Peter 1_John 2_John 3_John Jude Revelation"""
BOOKS = [book.replace("_", " ") for book in BOOKS.split()]


def bible_text(data):
    """The text in the package's file: a header of 72 bytes, five numbers, then the windows' offsets and the windows."""
    number = lambda place: int.from_bytes(data[place:place + 4], "big")
    # The window's size and the count of windows stand at 0x54 and 0x58; the offsets, one more than windows, behind.
    count = number(0x58)
    offsets = [number(0x5C + 4 * index) for index in range(count + 1)]
    return b"".join(expand(data[begin:end]) for begin, end in zip(offsets, offsets[1:])).decode("latin-1")


def verses(text):
    """(book, chapter, verse, words) of each line. Books come in their order, each with an abbreviation of its own."""
    order = {}
    for line in text.split("\n"):
        match = re.match(r"(\d?[A-Za-z]+)(\d+):(\d+) (.*)", line)
        if match:
            book = BOOKS[order.setdefault(match[1], len(order))]
            yield book, int(match[2]), int(match[3]), one_line(re.sub(r"[\[\]<>{}]", "", match[4]))


def bible(root):
    data = open(os.path.join(root, "usr/lib/bible.data"), "rb").read()
    chapters = {}
    for book, chapter, verse, words in verses(bible_text(data)):
        blocks = chapters.setdefault((book, chapter), [])
        blocks.append(Block(words, {"verse": verse}, "\n"))
    for (book, chapter), blocks in chapters.items():
        testament = "Old Testament" if BOOKS.index(book) < 39 else "New Testament"
        known = {"kind": "scripture", "book": book, "testament": testament, "chapter": chapter}
        yield Document(f"bible/{book} {chapter}", "bible-kjv-text", known, blocks)


# Pictures, other languages, and jokes at the cost of peoples, women or addicts.
LEFT_OUT = {"ascii-art", "translate-me", "ethnic", "men-women", "drugs"}
COARSE = re.compile(r"\b(?:fuck|shit|screw your|bitch|whore|nigger|cunt|rape|orgasm|penis|vagina|faggot|tits|dick)", re.I)


def quotation(text):
    """A saying as (its words, the line that names its source or None, the speaker or None)."""
    match = re.search(r"\n\s*(?:--+|―|—)\s*(\S.*)\Z", text, re.S)
    body, source = (text[:match.start()], one_line(match[1])) if match else (text, None)
    speaker = None
    if source:
        name = re.split(r"[,(\"“;:\[]|\s+(?:in|on|to|at|from|about)\s+", source)[0].strip(" .-")
        if re.fullmatch(r"(?:[A-Z][\w.'’-]*|de|von|van|of|the|la|le|du|bin)(?:\s+(?:[A-Z][\w.'’-]*|de|von|van|of|the|la|le|du|bin)){0,4}", name):
            speaker = name if len(name) > 2 and not re.match(r"(?:To|From|In|On|At|By|For|An?|The|Anon\w*|Unknown)\b", name) else None
    return "\n\n".join(filter(None, map(unbroken, re.split(r"\n\s*\n", plain(body.expandtabs()))))), source, speaker


def unbroken(paragraph):
    """A paragraph without the line breaks of a narrow screen; verse and talk keep theirs."""
    lines = [" ".join(line.split()) for line in paragraph.strip("\n").split("\n")]
    is_prose = sum(len(line) > 55 for line in lines) * 2 >= len(lines)
    return (" " if is_prose else "\n").join(lines).strip()


def fortunes(root):
    folder = os.path.join(root, "usr/share/games/fortunes")
    for name in sorted(os.listdir(folder)):
        if "." in name or name in LEFT_OUT:
            continue
        text = open(os.path.join(folder, name), encoding="utf-8", errors="replace").read()
        sayings = [quotation(part) for part in re.split(r"^%\n?", text, flags=re.M)]
        sayings = [saying for saying in sayings if saying[0] and not COARSE.search(saying[0])]
        # Sayings about one thing stand together: thirty of them are a document.
        for first in range(0, len(sayings), 30):
            blocks = []
            for body, source, speaker in sayings[first:first + 30]:
                known = {"speaker": speaker} if speaker else {}
                blocks.append(Block(body + (f"\n-- {source}" if source else ""), known))
            known = {"kind": "quotation", "section": name}
            yield Document(f"fortunes/{name}/{first // 30}", "fortunes", known, blocks)


DOCUMENTS = {
    "us-constitution.gz": "Constitution of the United States", "us-declaration.gz": "United States Declaration of Independence",
}


def founding_documents(root):
    for name, book in DOCUMENTS.items():
        text = plain(gzip.open(os.path.join(root, "usr/share/state", name), "rt", encoding="latin-1").read())
        articles, article, section = {}, "Preamble", None
        for paragraph in re.split(r"\n\s*\n", text):
            paragraph = one_line(paragraph)
            if re.fullmatch(r"(?:Article|Amendment|ARTICLE|AMENDMENT)\s+[IVXLC]+\.?", paragraph):
                article, section = paragraph.rstrip("."), None
            elif re.fullmatch(r"Section \d+\.?", paragraph):
                section = paragraph.rstrip(".")
            elif paragraph:
                articles.setdefault(article, []).append(Block(paragraph, {"section": section} if section else {}))
        for article, blocks in articles.items():
            known = {"kind": "founding document", "book": book}
            if len(articles) > 1:
                known["chapter"] = article
            yield Document(f"miscfiles/{name.split('.')[0]}/{article}", "miscfiles", known, blocks)


def capitals(root):
    """The capital of each country, from the list in the package of miscellaneous files."""
    found = {}
    for line in gzip.open(os.path.join(root, "usr/share/misc/countries.gz"), "rt", encoding="utf-8"):
        parts = line.strip().split(":")
        if not line.startswith("#") and len(parts) == 5 and parts[4] and re.fullmatch(r"[\w .'-]+", parts[3] + parts[4]):
            found[parts[3]] = parts[4]
    return found
