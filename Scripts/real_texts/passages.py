"""Documents cut into passages at their natural borders, and what is known of each passage."""
import re

from corpus import Block, share

LEAST, MOST = 100, 400  # words of a passage
SHORTEST = 200  # characters


def sentences(block):
    """A long paragraph as blocks of whole sentences, none of more than `MOST` words where sentences allow it."""
    if block.words <= MOST or block.is_code:
        return [block]
    pieces, count = [[]], 0
    for sentence in re.split(r"(?<=[.!?;])[\"”')\]]*\s+(?=\S)", block.text):
        size = len(sentence.split())
        if count and count + size > 250:
            pieces.append([])
            count = 0
        pieces[-1].append(sentence)
        count += size
    return [Block(" ".join(piece), block.known, block.glue if not index else " ") for index, piece in enumerate(pieces)]


def is_border(before, after):
    """Whether a passage may end between two blocks: not behind a heading or what announces something, nor inside an entry."""
    if before.rank or before.text.endswith(":"):
        return False
    return after.glue == "\n\n" or after.known != before.known


def cut(document, seed=0):
    """The passages of a document, each a list of blocks: 100 to 400 words, the aim drawn for each."""
    passages, words = [[]], 0
    aim = lambda: 120 + 200 * share(seed, document.id, len(passages))
    for block in (piece for whole in document.blocks for piece in sentences(whole)):
        current = passages[-1]
        if current and words >= LEAST:
            full = words + block.words > MOST
            if full or is_border(current[-1], block) and (words >= aim() or block.rank):
                # A heading goes with what stands under it.
                carried = [current.pop()] if current[-1].rank and len(current) > 1 else []
                passages.append(carried)
                words = sum(entry.words for entry in carried)
        passages[-1].append(block)
        words += block.words
    while passages and all(block.rank for block in passages[-1]):
        passages.pop()
    if len(passages) > 1 and sum(map(lambda block: block.words, passages[-1])) < LEAST:
        if sum(block.words for block in passages[-2] + passages[-1]) <= MOST:
            last = passages.pop()
            passages[-1].extend(last)
    return [passage for passage in passages if passage]


def text(blocks):
    """A passage's text, and the bytes at which each block begins in it."""
    written, starts, length = [], [], 0
    for index, block in enumerate(blocks):
        part = (block.glue if index else "") + block.text
        starts.append(length + len(part.encode()) - len(block.text.encode()))
        length += len(part.encode())
        written.append(part)
    return "".join(written), starts


def known(document, blocks):
    """What holds of the whole passage: the document's fields, and those in which all its blocks agree."""
    fields = dict(document.known)
    for name in {name: None for block in blocks for name in block.known}:
        values = {block.known.get(name) for block in blocks}
        if len(values) == 1:
            fields[name] = values.pop()
    return fields


def facts(document, blocks):
    """What is known, as the facts that `nla data store` keeps: each with the bytes over which it holds.

    A fact of a block holds until the next block of which another holds. `stated_from` is where words have said it.
    """
    whole, starts = text(blocks)
    whole = whole.encode()
    found = [fact(name, value, 0, None, whole) for name, value in document.known.items()]
    for name in {name: None for block in blocks for name in block.known}:
        runs = []
        for start, block in zip(starts, blocks):
            value = block.known.get(name)
            if not runs or runs[-1][0] != value:
                runs.append((value, start))
        ends = [start for _, start in runs[1:]] + [None]
        found += [fact(name, value, start, end, whole) for (value, start), end in zip(runs, ends) if value is not None]
    return found


def fact(name, value, start, end, whole):
    value = str(value)
    # The grammar of claims quotes values.
    entry = {"subject": "the text", "relation": name.replace("_", " "), "value": value.replace('"', "'"), "from": start}
    if end is not None:
        entry["until"] = end
    stretch = whole[start:end].decode(errors="ignore")
    said = re.search(rf"(?<!\w){re.escape(value)}(?!\w)", stretch, re.I)
    if said:
        entry["stated_from"] = start + len(stretch[:said.end()].encode())
    return entry


COMMON = set("the of and to in a is that it for as with be by on or are this an not from at was which you if his he".split())


def fault(passage):
    """Why a passage is of no use; None where it is good."""
    written, _ = text(passage)
    if len(written) < SHORTEST or len(written.split()) < 40:
        return "short"
    if "\ufffd" in written:
        return "damaged characters"
    if sum(len(block.text) for block in passage if block.is_code) > len(written) / 2:
        return "code"
    if sum(character.isalpha() or character == " " for character in written) < 0.8 * len(written):
        return "symbols"
    if re.search(r"permission is granted to (?:copy|make|redistribute)", written, re.I):
        return "licence"
    words = re.findall(r"[a-z]+", written.lower())
    if sum(word in COMMON for word in words) < 0.12 * len(words):
        return "no prose"
    return None
