#!/usr/bin/env python3
"""Gathers real English with its origin from Debian packages: passages of 100 to 400 words in JSON Lines, each with what is known of it.

usage: gather.py --packages FOLDER --output FOLDER [--most 4000000] [--seed 0]
needs: apt-get with Debian 12's sources, dpkg-deb; nothing is installed

Writes texts.jsonl and stats.json. The same packages, options and seed give the same bytes. See README.md beside this file.
"""
import argparse, collections, json, os

import books, dictionaries, manuals, packages, passages
from corpus import share
from duplicates import Duplicates

SOURCES = [
    (manuals.python, ["python3.11-doc"]), (manuals.postgresql, ["postgresql-doc-15"]),
    (manuals.debian, ["debian-reference-en", "developers-reference"]), (manuals.mathematics, ["octave-doc", "maxima-doc"]),
    (manuals.essays, ["anarchism"]), (manuals.manual_pages, ["manpages", "manpages-dev"]), (dictionaries.gcide, ["dict-gcide"]),
    (dictionaries.foldoc, ["dict-foldoc"]), (dictionaries.jargon, ["dict-jargon"]), (dictionaries.wordnet, ["wordnet-base"]),
    (books.bible, ["bible-kjv-text"]), (books.fortunes, ["fortunes"]), (books.founding_documents, ["miscfiles"]),
]
SPLITS = ["train", "validation", "test"]


def split(key, seed, held_out=0.05):
    """The split that documents with this key belong to: a twentieth is for validation, and as much for tests."""
    drawn = share(seed, "split", key)
    return "test" if drawn < held_out else "validation" if drawn < 2 * held_out else "train"


def documents(found, most, seed):
    """All documents of all sources in the order of their splits. Of a kind with too much, some are drawn.

    A third more than `most` bytes of a kind is read, for passages will be left out.
    """
    by_kind = collections.defaultdict(list)
    for read, names in SOURCES:
        for name in names:
            for document in read(found[name][0]):
                by_kind[document.known["kind"]].append(document)
    chosen = []
    for kind in sorted(by_kind):
        size = 0
        for document in sorted(by_kind[kind], key=lambda entry: (share(seed, "drawn", entry.id), entry.id)):
            if size > most * 4 / 3:
                break
            size += sum(len(block.text.encode()) for block in document.blocks)
            chosen.append(document)
    return sorted(chosen, key=lambda entry: (SPLITS.index(split(entry.split_key, seed)), entry.known["kind"], entry.id))


def records(documents, seed, left_out):
    """A record for each passage worth keeping; `left_out` counts the others by reason."""
    duplicates = Duplicates()
    for document in documents:
        part = split(document.split_key, seed)
        duplicates.begin(part)
        before = len(document.blocks)
        document.blocks = [block for block in document.blocks if not duplicates.is_repeated(block.text)]
        left_out["repeated paragraphs"] += before - len(document.blocks)
        for number, blocks in enumerate(passages.cut(document, seed)):
            reason = passages.fault(blocks)
            written, _ = passages.text(blocks)
            if reason is None and not duplicates.keeps(written):
                reason = "near duplicates"
            if reason:
                left_out[reason] += 1
                continue
            yield {
                "id": f"{document.id}#{number}", "kind": document.known["kind"], "split": part, "document": document.id,
                "package": document.package, "text": written, "known": passages.known(document, blocks),
                "facts": passages.facts(document, blocks),
            }


def balanced(records, most, seed):
    """The records of as many documents of each kind as `most` bytes allow, in the order in which they came."""
    by_kind = collections.defaultdict(lambda: collections.defaultdict(int))
    for record in records:
        by_kind[record["kind"]][record["document"]] += len(record["text"].encode())
    kept = set()
    for sizes in by_kind.values():
        total = 0
        for name in sorted(sizes, key=lambda name: (share(seed, "drawn", name), name)):
            if total + sizes[name] <= most:
                total += sizes[name]
                kept.add(name)
    return [record for record in records if record["document"] in kept]


def statistics(records):
    """Documents, passages, bytes and mean words of each kind and split."""
    table = {}
    for kind in [None, *sorted({record["kind"] for record in records})]:
        for part in [None, *SPLITS]:
            of = [record for record in records if kind in (None, record["kind"]) and part in (None, record["split"])]
            if of:
                table.setdefault(kind or "all", {})[part or "all"] = {
                    "documents": len({record["document"] for record in of}), "passages": len(of),
                    "bytes": sum(len(record["text"].encode()) for record in of),
                    "mean_words": round(sum(len(record["text"].split()) for record in of) / len(of), 1),
                }
    return table


def known_counts(records):
    """How many passages have each field as a whole, how many as facts over parts, and how many values there are."""
    whole, partly, values = collections.Counter(), collections.Counter(), collections.defaultdict(set)
    for record in records:
        whole.update(record["known"].keys())
        names = {fact["relation"].replace(" ", "_") for fact in record["facts"]}
        partly.update(names - set(record["known"]))
        for fact in record["facts"]:
            values[fact["relation"].replace(" ", "_")].add(fact["value"])
    return {
        name: {"whole_passages": whole[name], "parts_of_passages": partly[name], "values": len(values[name])} for name in sorted(values)
    }


def write(output, found, kept, left_out, arguments):
    os.makedirs(output, exist_ok=True)
    with open(os.path.join(output, "texts.jsonl"), "w", encoding="utf-8") as file:
        for record in kept:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    figures = {
        "seed": arguments.seed, "most_bytes_of_a_kind": arguments.most, "packages": {name: found[name][1] for name in sorted(found)},
        "kinds": statistics(kept), "known": known_counts(kept), "left_out": dict(sorted(left_out.items())),
    }
    with open(os.path.join(output, "stats.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1, ensure_ascii=False)
        file.write("\n")
    total = figures["kinds"]["all"]["all"]["bytes"]
    for kind, parts in figures["kinds"].items():
        cells = "  ".join(f"{part} {entry['documents']}/{entry['passages']}" for part, entry in parts.items())
        whole = parts["all"]
        print(f"{kind:28} {whole['bytes'] / 1e6:6.2f} MB {whole['bytes'] / total:6.1%}  {whole['mean_words']:5} words  {cells}")
    print("left out:", ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packages", required=True, help="folder for downloads and unpacked packages")
    parser.add_argument("--output", required=True, help="folder for texts.jsonl and stats.json")
    parser.add_argument("--most", type=int, default=4_000_000, help="most bytes of one kind of source (4000000)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = packages.fetch(arguments.packages)
    left_out = collections.Counter()
    every = list(records(documents(found, arguments.most, arguments.seed), arguments.seed, left_out))
    kept = balanced(every, arguments.most, arguments.seed)
    left_out["over the most of a kind"] = len(every) - len(kept)
    write(arguments.output, found, kept, left_out, arguments)


if __name__ == "__main__":
    main()
