"""Makes tokenizer.json beside this file: byte-level BPE of 512 tokens, trained on text.txt.

usage: make_tokenizer.py
needs: pip install tokenizers
"""
import os
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

here = os.path.dirname(os.path.abspath(__file__))
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=512, special_tokens=["<|end|>", "<|user|>", "<|assistant|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
tokenizer.train([os.path.join(here, "text.txt")], trainer)
tokenizer.save(os.path.join(here, "tokenizer.json"))
