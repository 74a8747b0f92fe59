"""Tiny autoencoders in the released layout, with what PyTorch computes on them: the goldens of AutoencoderTests.

usage: make_pair.py                     rewrites pairs/ beside this file
needs: pip install torch transformers tokenizers safetensors pyyaml

pairs/qwen2/        target, av, ar: Qwen2-shaped, the verbalizer's sidecar with newer field names, the reconstructor's with older ones
pairs/gemma3/       av, ar: Gemma-3-shaped (scaled embeddings, BOS), injected at the output of block 0 by norm-matched addition
pairs/NAME/expected.safetensors, expected.json
    texts, vectors.NAME                 what the reconstructor makes of the texts
    activations, ids, explanations      greedy continuations of the verbalizer for these vectors
    mse, cosine                         of reconstructions and the first vectors
    responses, logprobs, loss, grad.*   log-probabilities of responses to activations, and gradients of minus their sum

The inference code here is its own: plain, one sequence at a time, following docs/method.md and nothing else.
"""
import copy, json, os, shutil
import torch, transformers as tf, yaml
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pairs")
MARKER = "㈎"
AV = "Say what this vector means. <concept>{injection_char}</concept> Answer inside explanation tags."
AR = "Summary of the following text: <text>{explanation}</text> <summary>"
PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
SAMPLES = ["the river and the mill", "a dog wants the key", "", "“naïve” 東京 <b>x</b>", "rain is likely; ends with: the"]
TEXTS = ["The dog found a key in the mill.", "She sang to the river, 12 times."]


def tokenizer(begins):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    # Punctuation between digits stands alone, so that the marker, `>` and `</` become tokens of their own.
    corpus = [AV, AR.replace("{explanation}", "the text"), "<explanation> the dog wants a key </explanation>"] * 4 + SAMPLES + TEXTS
    corpus += [f"1{MARKER}1" * 60, "1</1" * 60, "1>1" * 60]
    special = ["<unk>", "<bos>", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    t.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=special, show_progress=False))
    if begins:
        t.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", t.token_to_id("<bos>"))])
    fast = tf.PreTrainedTokenizerFast(tokenizer_object=t, eos_token="<|im_end|>", **({"bos_token": "<bos>"} if begins else {}))
    fast.chat_template = ("{{ bos_token }}" if begins else "") + CHATML
    return fast


def randomize(model, seed, deviation):
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, deviation)
            if p.ndim == 1 and "norm" in name and "gemma" not in model.config.model_type: p.add_(1)
            p.copy_(p.bfloat16().float())  # stored in bfloat16 without loss
    return model.float().eval()


def save(model, tok, folder, sidecar, head=None):
    # A copy, since the rotary table would not survive the way there and back.
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    tok.save_pretrained(folder)
    for name in ("generation_config.json", "special_tokens_map.json"):
        if os.path.exists(p := os.path.join(folder, name)): os.remove(p)
    if head is not None: save_file({"weight": head.to(torch.bfloat16)}, os.path.join(folder, "value_head.safetensors"))
    if sidecar: open(os.path.join(folder, "nla_meta.yaml"), "w").write(yaml.safe_dump(sidecar, allow_unicode=True, sort_keys=False))


class Verbalizer:
    def __init__(self, model, tok, scale, method):
        self.model, self.scale, self.method = model, scale, method
        text = tok.apply_chat_template([{"role": "user", "content": AV.replace("{injection_char}", MARKER)}], tokenize=False, add_generation_prompt=True)
        self.prompt = tok(text, add_special_tokens=False)["input_ids"]
        self.marker = tok(MARKER, add_special_tokens=False)["input_ids"]
        assert len(self.marker) == 1, self.marker
        assert self.prompt.count(self.marker[0]) == 1
        self.at = self.prompt.index(self.marker[0])
        self.tok = tok

    def logits(self, v, response):
        ids = torch.tensor([self.prompt + response])
        inner = self.model.get_decoder()
        hooks = []
        def embedded(module, inputs, output):
            output = output.clone()
            output[0, self.at] = v * (self.scale / v.norm()) if v.norm() > 0 else v
            return output
        def behind_first(module, inputs, output):
            hidden = output[0] if isinstance(output, tuple) else output
            row = hidden[0, self.at]
            added = row + (v / v.norm() * row.norm() if v.norm() > 0 else 0)
            return torch.cat([hidden[:, : self.at], added[None, None], hidden[:, self.at + 1 :]], 1)
        if self.method == "replace": hooks.append(inner.embed_tokens.register_forward_hook(embedded))
        else: hooks.append(inner.layers[0].register_forward_hook(behind_first))
        result = self.model(input_ids=ids, use_cache=False).logits[0]
        for h in hooks: h.remove()
        return result[len(self.prompt) - 1 :]

    @torch.no_grad()
    def greedy(self, v, limit):
        response = []
        while len(response) < limit:
            top = self.logits(v, response)[-1].topk(2)
            assert top.values[0] - top.values[1] > 1e-4, "too close a call for a golden"
            response.append(int(top.indices[0]))
            if response[-1] == self.tok.eos_token_id or "</explanation>" in self.tok.decode(response): break
        return response

    def logprobs(self, v, response):
        return self.logits(v, response)[:-1].log_softmax(-1).gather(1, torch.tensor(response)[:, None])[:, 0]


def reconstruct(model, head, tok, text):
    ids = torch.tensor([tok(AR.replace("{explanation}", text))["input_ids"]])
    kept = {}
    hook = model.get_decoder().layers[-1].register_forward_hook(lambda m, i, o: kept.__setitem__("h", o[0] if isinstance(o, tuple) else o))
    model(input_ids=ids, use_cache=False)
    hook.remove()
    return kept["h"].reshape(-1, head.shape[0])[-1] @ head.T


def activations(target, tok, text, layer):
    """What the target thinks at every token of a text, and the tokens."""
    ids = tok(text)["input_ids"]
    with torch.no_grad():
        hidden = target(input_ids=torch.tensor([ids]), use_cache=False, output_hidden_states=True).hidden_states[layer + 1][0]
    return hidden, [tok.decode([i]) for i in ids]


def train(parameters, loss_of, examples, steps):
    """A minute's memory of a few examples, enough to say something and to be understood."""
    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=0)
    for step in range(steps):
        optimizer.zero_grad()
        for index in torch.randint(0, len(examples), (8,)):
            (loss_of(*examples[index]) / 8).backward()
        optimizer.step()
    with torch.no_grad():
        for p in parameters: p.copy_(p.bfloat16().float())
    for p in parameters: p.grad = None


def neighbours(verbalizer): return verbalizer.prompt[verbalizer.at - 1], verbalizer.prompt[verbalizer.at + 1]


def make(name, config, layer, scale, method, begins):
    folder = os.path.join(HERE, name)
    os.makedirs(folder)
    tok = tokenizer(begins)
    build = tf.AutoModelForCausalLM.from_config
    width = config(1).hidden_size
    blocks = config(1).num_hidden_layers
    target = randomize(build(config(len(tok))), 1, 0.2)
    av = randomize(build(config(len(tok))), 2, 0.3)
    cut = config(len(tok))
    cut.num_hidden_layers = layer + 1
    if getattr(cut, "layer_types", None): cut.layer_types = cut.layer_types[: layer + 1]
    ar = randomize(build(cut), 3, 0.3)
    torch.manual_seed(4)
    head = torch.nn.Parameter(torch.eye(width) + 0.1 * torch.randn(width, width))
    verbalizer = Verbalizer(av, tok, scale, method)
    examples = []
    for text in TEXTS:
        hidden, words = activations(target, tok, text, layer)
        for i, v in enumerate(hidden):
            examples.append((v, f"reads {words[i].strip()} after {words[i - 1].strip() if i else 'nothing'}"))
    written = [(v, tok(f"<explanation> {e} </explanation>", add_special_tokens=False)["input_ids"] + [tok.eos_token_id]) for v, e in examples]
    train(list(av.parameters()), lambda v, r: -verbalizer.logprobs(v, r).mean(), written, 400)
    def reading(v, e):
        return 1 - torch.nn.functional.cosine_similarity(reconstruct(ar, head, tok, e), v, dim=0)
    train(list(ar.parameters()) + [head], reading, examples, 300)
    head = head.detach()
    left, right = neighbours(verbalizer)
    suffix = tok(AR.replace("{explanation}", "x"), add_special_tokens=False)["input_ids"][-5:]
    tokens = dict(injection_char=MARKER, injection_token_id=verbalizer.marker[0], injection_left_neighbor_id=left,
                  injection_right_neighbor_id=right, critic_suffix_ids=suffix)
    # One with today's names, one with yesterday's.
    newer = dict(kind="nla_model", schema_version=2, role="av", d_model=width,
                 extraction=dict(layer_index=layer, injection_scale=scale, mse_scale="sqrt_d_model"), tokens=tokens,
                 prompt_templates=dict(av=AV, ar=AR), critic=dict(extraction_layer_index=layer))
    older = dict(kind="nla_model", schema_version=2, role="critic",
                 extraction=dict(d_model=width, layer_index=layer, injection_scale=None, mse_scale=width ** 0.5), tokens=tokens,
                 prompt_templates=dict(actor=AV, critic=AR), ar=dict(num_hidden_layers=layer))
    if method != "replace": newer["extraction"].update(injection=method, injection_block=0)
    if name == "qwen2": save(target, tok, os.path.join(folder, "target"), None)
    save(av, tok, os.path.join(folder, "av"), newer)
    save(ar, tok, os.path.join(folder, "ar"), older, head)

    torch.manual_seed(5)
    vectors = torch.randn(6, width) * torch.tensor([1, 30, 0.01, 5, 2000, 1.0])[:, None]
    vectors[:3] = torch.stack([examples[i][0] for i in (1, 4, 8)])
    vectors[5] = 0
    with torch.no_grad(): reconstructions = torch.stack([reconstruct(ar, head, tok, t) for t in SAMPLES])
    greedy = [verbalizer.greedy(v, 32) for v in vectors]
    cosine = torch.nn.functional.cosine_similarity(reconstructions, vectors[: len(SAMPLES)])
    unit = lambda x: x / x.norm(dim=1, keepdim=True) * width ** 0.5
    mse = (unit(reconstructions) - unit(vectors[: len(SAMPLES)])).pow(2).mean(1)

    responses = [(0, [7, 300, 12, 45]), (0, [9]), (1, [200, 201, 202]), (3, [20, 21]), (0, [7, 300, 14, 15, 16])]
    logprobs = torch.cat([verbalizer.logprobs(vectors[a], r) for a, r in responses])
    loss = -logprobs.sum()
    loss.backward()
    out = {"vectors": reconstructions, "activations": vectors, "cosine": cosine, "mse": mse, "logprobs": logprobs.detach(), "loss": loss.detach()[None]}
    for n, p in av.named_parameters():
        if any(s in n for s in ("layers.0.self_attn.k_proj.weight", "layers.0.input_layernorm", "layers.1.mlp.down_proj.weight", "model.norm.weight")):
            out["grad." + n] = p.grad.clone()
    save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(folder, "expected.safetensors"))
    json.dump(dict(texts=SAMPLES, ids=greedy, explanations=[tok.decode(g, skip_special_tokens=True) for g in greedy], prompt=verbalizer.prompt,
                   marker=verbalizer.at, responses=[dict(activation=a, ids=r) for a, r in responses]),
              open(os.path.join(folder, "expected.json"), "w"), ensure_ascii=False)


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    S = dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512)
    make("qwen2", lambda v: tf.Qwen2Config(**S, rms_norm_eps=1e-6, vocab_size=v, num_hidden_layers=4, tie_word_embeddings=True), 2, 6.0, "replace", False)
    make("gemma3", lambda v: tf.Gemma3TextConfig(**S, vocab_size=v, head_dim=8, num_hidden_layers=3, sliding_window=16, query_pre_attn_scalar=8,
         layer_types=["sliding_attention", "full_attention", "sliding_attention"], pad_token_id=0, bos_token_id=1, eos_token_id=4), 1, None, "norm_matched_add", True)
