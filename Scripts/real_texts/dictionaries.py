"""Dictionaries: DICT's format (GCIDE, FOLDOC, the Jargon File) and WordNet's data files.

Entries stand in alphabetical order. Those that begin with the same three letters are one document, and these letters alone draw its
split, so that no word is taught by one dictionary and tested by another.
"""
import gzip, os, re, unicodedata

from corpus import Block, Document, one_line, plain

DIGITS = {digit: value for value, digit in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}


def number(text):
    value = 0
    for digit in text:
        value = value * 64 + DIGITS[digit]
    return value


def entries(index, data):
    """The texts of a dictionary in their order, each once, however many words lead to it."""
    places = set()
    for line in index.split("\n"):
        parts = line.split("\t")
        if len(parts) >= 3 and not parts[0].startswith("00-database") and not parts[0].startswith("00database"):
            places.add((number(parts[1]), number(parts[2])))
    for offset, length in sorted(places):
        yield data[offset:offset + length].decode("utf-8", errors="replace")


def dictionary(root, name):
    folder = os.path.join(root, "usr/share/dictd")
    index = open(os.path.join(folder, f"{name}.index"), encoding="utf-8").read()
    return entries(index, gzip.open(os.path.join(folder, f"{name}.dict.dz"), "rb").read())


def letters(word):
    """The first three letters of a word, without accents."""
    bare = "".join(character for character in unicodedata.normalize("NFD", word) if character.isalnum()).lower()
    return bare[:3] or "_"


def documents(name, package, kind, book, blocks_of_words):
    """Documents of the words that begin alike."""
    groups = {}
    for word, blocks in blocks_of_words:
        groups.setdefault(letters(word), []).extend(blocks)
    for beginning in sorted(groups):
        known = {"kind": kind, "book": book}
        yield Document(f"{name}/{beginning}", package, known, groups[beginning], split_key=f"words/{beginning}")


PARTS_OF_SPEECH = {
    "n.": "noun", "v.": "verb", "a.": "adjective", "adj.": "adjective", "adv.": "adverb", "prep.": "preposition",
    "conj.": "conjunction", "interj.": "interjection", "pron.": "pronoun", "vt.": "verb", "vi.": "verb", "p.": "participle",
}
FIELDS = {
    "Zool.": "zoology", "Bot.": "botany", "Chem.": "chemistry", "Med.": "medicine", "Anat.": "anatomy", "Naut.": "seafaring",
    "Min.": "mineralogy", "Biol.": "biology", "Mus.": "music", "Arch.": "architecture", "Mil.": "the military",
    "Physiol.": "physiology", "Math.": "mathematics", "Astron.": "astronomy", "Geol.": "geology", "Mach.": "machinery",
    "Geom.": "geometry", "Her.": "heraldry", "Elec.": "electricity", "Gram.": "grammar", "Eccl.": "the church", "Mech.": "mechanics",
    "Paleon.": "paleontology", "Surg.": "surgery", "Print.": "printing", "Law": "law", "R. C. Ch.": "the church",
    "Ethnol.": "ethnology", "Fort.": "fortification", "Com.": "commerce", "Rhet.": "rhetoric", "Theol.": "theology",
    "Metal.": "metallurgy", "Opt.": "optics", "Far.": "farriery", "Photog.": "photography", "Paint.": "painting", "Pros.": "prosody",
    "Alg.": "algebra", "Agric.": "agriculture", "Logic": "logic", "Physics": "physics", "Myth.": "mythology",
    "Class. Myth.": "mythology", "Geog.": "geography", "Meteor.": "meteorology", "Philos.": "philosophy", "Pharm.": "pharmacy",
    "Carp.": "carpentry", "Crystallog.": "crystallography", "Engin.": "engineering", "Gun.": "gunnery", "Arith.": "arithmetic",
}
SOURCE_TAG = re.compile(r"\s*\[(?:[^\[\]]*(?:Webster|WordNet|PJC|Century|\bAS\b|\bMW\d|\bRP\b|\bRH\b|Dict)[^\[\]]*)\]")
BRACKETS = r"\[(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*\]"
LIGATURES = {"ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "deg": "°", "root": "√", "frac12": "½", "frac14": "¼", "frac34": "¾", "pound": "£",
             "pounds": "£", "sec": "″", "min": "′", "times": "×", "mu": "μ", "alpha": "α", "beta": "β", "gamma": "γ", "sq": "□"}
ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", '"': "\u0308", ",": "\u0327", "a": "\u030a"}


def accented(text):
    """GCIDE's bracketed characters as what they mean: [ae], [deg], ['e], [=o], [u^]."""
    text = re.sub(r"\[([A-Za-z0-9]{2,6})\]", lambda match: LIGATURES.get(match[1], match[0]), text)
    text = re.sub(r"\[([`'^~=\",])([A-Za-z])\]", lambda match: match[2] + ACCENTS[match[1]], text)
    text = re.sub(r"\[([A-Za-z])\^\]", lambda match: match[1] + "\u0306", text)
    return plain(text)


# What stands between a headword and its definition: pronunciations, etymologies, other forms and their grammar.
HEAD = re.compile(
    r"\s*(?:" + BRACKETS + r"|\\[^\\]*\\|\([^()\n]{1,40}\)(?=[,.;])|\((?:[^()]|\([^()]*\))*[\[\"#*\d](?:[^()]|\([^()]*\))*\)|\{[^{}]*\}|[,;.:]"
    r"|(?:n|v|t|i|a|adj|adv|prep|conj|interj|pron|p|pr|pl|imp|sing|fem|masc|superl|compar|vb|prop|obs|pref|suff|collect|impers|refl)\."
    r"|(?:or|and|also|&|prefix|suffix)(?=\s))")


def gcide_entry(text):
    """(word, blocks) of an entry of the Collaborative International Dictionary; None for one that says nothing."""
    # Behind the last source stands, now and then, the next headword.
    text = re.sub(r"(\[[^\[\]]*(?:Webster|PJC|WordNet|Century)[^\[\]]*\])[^\n\]]*\Z", r"\1", text.strip())
    text = SOURCE_TAG.sub("", text)
    head = re.match(r"([^\n\\]+?)\s*\\[^\\]*\\", text)
    if not head:
        return None
    word, place = accented(one_line(head[1].split(",")[0])), head.end()
    while (part := HEAD.match(text, place)) and part.end() > place:
        place = part.end()
    grammar, body = text[head.end():place], text[place:]
    known, speech = {"headword": word}, re.search(r"(?:^|[\s,;])(n|v|a|adj|adv|prep|conj|interj|pron|p)\.", re.sub(BRACKETS, "", grammar))
    if speech:
        known["part_of_speech"] = PARTS_OF_SPEECH[speech[1] + "."]
    label = re.search(r"\(([A-Z][^()]{1,18})\)", body[:120])
    if label and label[1] in FIELDS:
        known["subject"] = FIELDS[label[1]]
    paragraphs = list(filter(None, map(definition_lines, re.split(r"\n\s*\n", body))))
    if paragraphs:
        # An etymology behind the number of a sense.
        paragraphs[0] = re.sub(r"^(\d+\. )\[[^\[\]]{20,}\]\s*", r"\1", paragraphs[0])
    if sum(map(len, paragraphs)) < 25:
        return None
    is_list = re.match(r"\d+\. ", paragraphs[0])
    paragraphs[0] = word + (f", {speech[1]}." if speech else ":") + ("\n" if is_list else " ") + paragraphs[0]
    return word, [Block(paragraph, known, "\n" if index else "\n\n") for index, paragraph in enumerate(paragraphs)]


def definition_lines(paragraph):
    """A paragraph without line breaks, but for those before (a), (b) and so on; braces removed, and marks of accent within."""
    paragraph = re.sub(r"\{([^{}]*)\}", lambda match: re.sub(r'[*"`]', "", match[1]), paragraph)
    paragraph = re.sub(r"\n\s*(?=\([a-z]\) )", "\v", paragraph)
    parts = [one_line(accented(re.sub(r"[{}]", "", part))) for part in paragraph.split("\v")]
    text = "\n".join(part for part in parts if part)
    return re.sub(r"\s+--(?=[A-Z])", " -- ", text)


def is_legible(text):
    """Whether no mark of pronunciation and no lost Greek is left."""
    return not re.search(r"\[[^\]\s]*[=^~`:\"\\/*][^\]\s]*\]|\[root\]|\w\*\w|(?:^|[\s(=,+])\?(?=[\s,;)+.]|$)|\ufffd|\\", text)


def gcide(root):
    found = (gcide_entry(text) for text in dictionary(root, "gcide"))
    legible = ((word, blocks) for word, blocks in filter(None, found) if all(is_legible(block.text) for block in blocks))
    return documents("gcide", "dict-gcide", "dictionary", "Collaborative International Dictionary of English", legible)


def foldoc_entry(text):
    """(word, blocks) of an entry of the Free On-line Dictionary of Computing: one block for each paragraph, with its sense's label."""
    lines = text.strip("\n").split("\n")
    body_at = next((index for index, line in enumerate(lines) if line.startswith(" ") or not line.strip()), len(lines))
    word = one_line(lines[0].split("%%%")[0])
    subject, paragraphs = None, []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines[body_at:])):
        is_code = bool(re.match(r"\n?\s{6,}", paragraph)) and "\n" in paragraph.strip()
        if re.fullmatch(r"\s*(?:\{[^{}]*\([^{}]*(?:://|\.html)[^{}]*\)\}[.,;\s]*)+", paragraph):
            continue
        paragraph = re.sub(r"\{?\(?\b(?:https?|ftp|news|mailto):[^\s})]*\)?\}?", "", paragraph) if not is_code else paragraph
        paragraph = re.sub(r"\{\([^)]*\)\}", "", paragraph)
        paragraph = re.sub(r"\{([^{}]*?)\s*\([\w./#~:%?=&-]*\.html?[^)]*\)\}", r"\1", paragraph)
        paragraph = one_line(re.sub(r"[{}]", "", paragraph).replace("__", ""))
        label = re.match(r"((?:\d+\. )?)<([a-z][^<>]*)>\s*", paragraph)
        if label:
            subject = label[2].split(",")[0].strip()
            paragraph = label[1] + paragraph[label.end():]
        paragraph = re.sub(r"^((?:\d+\. )?)/[^/ ]{2,30}/,?\s*", r"\1", paragraph)
        # Dates of editing, questions of the editors, sources in brackets, addresses.
        if re.fullmatch(r"\(?[\d-]{4,10}\)?|\[.*\]\.?|[A-Z][\w-]+,? \d{4}, p\..*|E-?mail:.*|<.*>\.?|(?:Home|Current version|Latest version|Usenet newsgroup|Telephone|Fax).*|\W*", paragraph):
            continue
        known = {"headword": word} | ({"subject": subject} if subject else {})
        paragraphs.append(Block(re.sub(r"\s+([.,;)])", r"\1", paragraph), known, "\n"))
    if sum(len(block.text) for block in paragraphs) < 25:
        return None
    paragraphs[0].text, paragraphs[0].glue = f"{word}: {paragraphs[0].text}", "\n\n"
    return word, paragraphs


def foldoc(root):
    found = filter(None, (foldoc_entry(text) for text in dictionary(root, "foldoc")))
    found = (entry for entry in found if "License" not in entry[0])
    return documents("foldoc", "dict-foldoc", "computing dictionary", "Free On-line Dictionary of Computing", found)


def jargon_entry(text):
    """(word, blocks) of an entry of the Jargon File."""
    lines = plain(text).strip("\n").split("\n")
    word = one_line(lines[0])
    known = {"headword": word}
    speech = re.search(r"(?:^|[ ,])(n|v|vt|vi|adj|adv|interj|prep)\.", lines[1] if len(lines) > 1 else "")
    if speech:
        known["part_of_speech"] = PARTS_OF_SPEECH[speech[1] + "."]
    blocks = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines[2:])):
        is_code = bool(re.match(r"\n?\s{8,}\S", paragraph))
        paragraph = re.sub(r"\{\s*([^{}]*?)\s*\}", r"\1", paragraph)
        text = "\n".join(line[4:].rstrip() for line in paragraph.strip("\n").split("\n")) if is_code else one_line(paragraph)
        if text.strip() and not re.fullmatch(r"\[?[\d-]+\]?", text):
            blocks.append(Block(text, known, "\n", is_code))
    if sum(len(block.text) for block in blocks) < 25 or blocks[0].is_code:
        return None
    blocks[0].text, blocks[0].glue = f"{word}: {blocks[0].text}", "\n\n"
    return word, blocks


def jargon(root):
    found = filter(None, (jargon_entry(text) for text in dictionary(root, "jargon") if not text.startswith("\n00-")))
    return documents("jargon", "dict-jargon", "hacker dictionary", "The Jargon File", found)


# The lexicographers' files, in their order (lexnames(5WN)).
LEXICOGRAPHERS = """adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition
noun.communication noun.event noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person noun.phenomenon
noun.plant noun.possession noun.process noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body
verb.change verb.cognition verb.communication verb.competition verb.consumption verb.contact verb.creation verb.emotion verb.motion
verb.perception verb.possession verb.social verb.stative verb.weather adj.ppl""".split()
WORDNET_PARTS = {"n": "noun", "v": "verb", "a": "adjective", "s": "adjective", "r": "adverb"}


def synset(line):
    """A line of a WordNet data file: (offset, part of speech, file, words, pointers as (symbol, offset, part), gloss)."""
    data, _, gloss = line.partition("|")
    fields = data.split()
    count = int(fields[3], 16)
    words = [re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in fields[4:4 + 2 * count:2]]
    place = 5 + 2 * count
    pointers = [tuple(fields[place + 4 * index:place + 4 * index + 3]) for index in range(int(fields[place - 1]))]
    return fields[0], fields[2], LEXICOGRAPHERS[int(fields[1])], words, pointers, one_line(gloss)


def synsets(lines_of_files):
    """(word, blocks): a line for each synset. What it is a kind of is known and not said."""
    found = [synset(line) for lines in lines_of_files for line in lines if re.match(r"\d{8} ", line)]
    first_words = {(offset, WORDNET_PARTS[part]): words[0] for offset, part, _, words, _, _ in found}
    ordered = sorted(found, key=lambda entry: (entry[3][0].casefold(), entry[1], entry[0]))
    for offset, part, file, words, pointers, gloss in ordered:
        part = WORDNET_PARTS[part]
        known = {"headword": words[0], "part_of_speech": part}
        if file.split(".")[0] in ("noun", "verb") and file != "noun.Tops":
            known["subject"] = file.split(".")[1]
        for name, symbols in (("hypernym", ("@", "@i")), ("domain", (";c",))):
            of = next((pointer for pointer in pointers if pointer[0] in symbols), None)
            if of and (of[1], WORDNET_PARTS[of[2]]) in first_words:
                known[name] = first_words[of[1], WORDNET_PARTS[of[2]]]
        yield words[0], [Block(f"{', '.join(words)} ({part}): {gloss}", known, "\n")]


def wordnet(root):
    folder = os.path.join(root, "usr/share/wordnet")
    files = [open(os.path.join(folder, f"data.{part}"), encoding="utf-8") for part in ("noun", "verb", "adj", "adv")]
    return documents("wordnet", "wordnet-base", "lexical database", "WordNet 3.0", synsets(files))


def noun_subjects(root):
    """The lexicographers' subject of each noun of one word in its most frequent sense: {"heron": "animal", …}.

    Left out are words with as many senses as verb or adjective.
    """
    folder = os.path.join(root, "usr/share/wordnet")
    subjects, others = {}, {}
    for part in ("verb", "adj"):
        with open(os.path.join(folder, f"index.{part}"), encoding="utf-8") as file:
            for line in file:
                if not line.startswith(" "):
                    word, _, count = line.split()[:3]
                    others[word] = others.get(word, 0) + int(count)
    with open(os.path.join(folder, "data.noun"), encoding="utf-8") as file:
        for line in file:
            if re.match(r"\d{8} ", line):
                subjects[line[:8]] = LEXICOGRAPHERS[int(line[9:11])].split(".")[1]
    found = {}
    with open(os.path.join(folder, "index.noun"), encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            is_word = not line.startswith(" ") and re.fullmatch(r"[a-z]{3,}", fields[0])
            if is_word and int(fields[2]) > others.get(fields[0], 0):
                # lemma, part, count of senses, count of pointers, pointers, two counts, then the senses by frequency.
                found[fields[0]] = subjects[fields[6 + int(fields[3])]]
    return found
