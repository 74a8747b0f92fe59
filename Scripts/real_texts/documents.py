#!/usr/bin/env python3
"""Joins passages and answered chats into one file of documents for nla data store --own-splits, with the splits that training wants.

usage: documents.py --texts FOLDER [--chats FILE] --output FILE [--most-words 260] [--bytes N] [--seed 0]

Reads FOLDER/texts.jsonl of gather.py and FILE, which nla data chats wrote. What is in `train` there is dealt to probe, warm-start-ar,
warm-start-av and rl by a hash of the document's name: passages of one document, and a chat and its control, stay together. `validation`
keeps its name and `test` becomes held-out; of these, one passage of each document and one of each pair of chats is kept, so that intervals
over what the store calls documents are intervals over documents. See README.md beside this file.
"""
import argparse, collections, json, os

from corpus import share

SHARES = {"probe": 0.08, "warm-start-ar": 0.27, "warm-start-av": 0.45, "rl": 0.20}
NAMES = {"validation": "validation", "test": "held-out"}


def group(record):
    """What must stay together: the document of a passage, or the pair of a chat."""
    return record.get("document") or record.get("known", {}).get("pair") or record["id"]


def split(record, seed, shares=SHARES):
    """The split of a record in the store."""
    if record["split"] in NAMES:
        return NAMES[record["split"]]
    rest = share(seed, "stage", group(record))
    for name, part in shares.items():
        if rest < part:
            return name
        rest -= part
    return list(shares)[-1]


def shortened(record, most_words):
    """A record whose text ends behind so many words, at a place between two; facts that begin behind its end are left out.

    Positions behind the words that are left are never read, and a target reads a text up to its last position."""
    words, end, inside = 0, len(record["text"]), False
    for place, character in enumerate(record["text"]):
        if character.isspace():
            inside = False
        elif not inside:
            inside = True
            words += 1
            if words > most_words:
                end = place
                break
    text = record["text"][:end].rstrip()
    if len(text) == len(record["text"]):
        return record
    size, facts = len(text.encode()), []
    for fact in record.get("facts", []):
        if fact["from"] >= size:
            continue
        fact = dict(fact)
        for name in ("until", "stated_from"):
            if name in fact and fact[name] > size:
                del fact[name]
        facts.append(fact)
    return {**record, "text": text, "facts": facts}


def documents(records, seed, most_words=260, most_bytes=None):
    """What the store is to read, in an order that mixes kinds: of any beginning of the file each kind has its share."""
    chosen, seen = [], set()
    order = sorted(records, key=lambda record: (share(seed, "order", record["id"]), record["id"]))
    total = 0
    for record in order:
        name = split(record, seed)
        if name in NAMES.values():
            if group(record) in seen:
                continue
            seen.add(group(record))
        record = shortened(record, most_words)
        total += len(record["text"].encode())
        if most_bytes is not None and total > most_bytes:
            break
        chosen.append({**{key: record[key] for key in ("id", "kind", "text", "facts")}, "split": name})
    return chosen


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", required=True, help="folder with texts.jsonl")
    parser.add_argument("--chats", help="answered chats, from nla data chats")
    parser.add_argument("--output", required=True, help="file to write, JSON Lines")
    parser.add_argument("--most-words", type=int, default=260, help="words of a document at most (260)")
    parser.add_argument("--bytes", type=int, help="bytes of text at most; all by default")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    records = read(os.path.join(arguments.texts, "texts.jsonl"))
    if arguments.chats:
        records += read(arguments.chats)
    chosen = documents(records, arguments.seed, arguments.most_words, arguments.bytes)
    partial = arguments.output + ".partial"
    with open(partial, "w", encoding="utf-8") as file:
        for record in chosen:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    os.replace(partial, arguments.output)
    counts = collections.Counter((record["split"], record["kind"] == "chat") for record in chosen)
    for name in [*SHARES, *NAMES.values()]:
        print(f"{name:14} {counts[name, False]:6} passages {counts[name, True]:6} chats")
    print(f"{sum(len(record['text'].encode()) for record in chosen) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
