"""Writes trained.json: what the `tokenizers` package's BpeTrainer learns from a small text, for tests of our trainer.

Run it with a Python that has `tokenizers`. The tests read the result only.
"""

import json
import pathlib

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from make_goldens import CORPUS, QWEN_PATTERN, TEXTS, split

EXTRA = [("<|im_start|>", True), ("<|im_end|>", True), ("㈎", False)]
ADJOINING = ["x㈎y ㈎ z㈎㈎", "<|im_start|>user\nsay ㈎<|im_end|>\n", "the㈎the <|im_end|>the", "<|im_start|><|im_end|>"]


def trained(pre_tokenizer, size, minimum):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(EXTRA), min_frequency=minimum, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    for content, special in EXTRA:
        token = AddedToken(content, normalized=False, special=special)
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)([token])
    return tokenizer


def main():
    runs = []
    for name, pre_tokenizer, size, minimum in [
        ("gpt2", pre_tokenizers.ByteLevel(add_prefix_space=False), 380, 2),
        ("qwen2", split(QWEN_PATTERN), 700, 1),
        ("qwen2", split(QWEN_PATTERN), 5000, 2),
    ]:
        tokenizer = trained(pre_tokenizer, size, minimum)
        model = json.loads(tokenizer.to_str())["model"]
        texts = TEXTS + ADJOINING
        runs.append(
            {
                "pattern": name, "vocabulary_size": size, "minimum_frequency": minimum,
                "pieces": sorted(model["vocab"], key=model["vocab"].get), "merges": model["merges"],
                "cases": [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts],
            }
        )
    document = {
        "corpus": CORPUS, "extra": [{"content": content, "special": special} for content, special in EXTRA], "runs": runs,
    }
    path = pathlib.Path(__file__).parent / "trained.json"
    path.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
