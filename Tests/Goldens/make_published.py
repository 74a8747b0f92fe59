"""What PyTorch and PEFT make of pairs as other programs leave them: the goldens of PublishedPairTests.

usage: make_published.py                 rewrites published/ beside this file, from pairs/, which stay as they are
needs: pip install torch transformers tokenizers safetensors pyyaml peft

published/expected.json
    response                the ids of a response
    raw                     its log-probabilities by the qwen2 verbalizer, for each of four vectors injected as they are
    sqrt_d_model            the same, vectors of norm √d
    norm_matched            the same, each vector added to the output of blocks 0, 1 and 2
    messages                ids of a prompt whose template is a list of messages
    biased                  reconstructions of the qwen2 reconstructor with `bias` in its head
    braces                  reconstructions with a template written for str.format
    peft                    greedy continuations, log-probabilities and reconstructions of the adapters over the qwen2 target
published/head.safetensors  the head with its bias
published/av, published/ar  PEFT folders over pairs/qwen2/target, without sidecar and tokenizer
"""
import json, os, shutil
import peft, torch, transformers as tf
from safetensors.torch import load_file, save_file
from make_pair import AR, AV, HERE as PAIRS, MARKER, SAMPLES, Verbalizer, reconstruct

OUT = os.path.join(os.path.dirname(PAIRS), "published")
MESSAGES = [{"role": "system", "content": "Be brief. {{json}}"}, {"role": "user", "content": "<concept>{injection_char}</concept>"}]
RESPONSE = [313, 34, 225, 70, 200, 12]
BRACES = "Return {{json}}: <text>{explanation}</text> <summary>"


def load(*path):
    folder = os.path.join(PAIRS, *path)
    return tf.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), tf.AutoTokenizer.from_pretrained(folder)


class Unscaled(Verbalizer):
    """Replaces the embedding by the vector as it is."""
    def logits(self, v, response):
        self.scale = v.norm()
        return super().logits(v, response)


class AtBlock(Verbalizer):
    """Adds at the output of a block, by a hook on it."""
    def __init__(self, model, tok, block):
        super().__init__(model, tok, None, "norm_matched_add")
        self.block = block

    def logits(self, v, response):
        layers = self.model.get_decoder().layers
        def hook(module, inputs, output):
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            row = hidden[0, self.at]
            if v.norm() > 0: hidden[0, self.at] = row + v / v.norm() * row.norm()
            return (hidden,) + tuple(output[1:]) if isinstance(output, tuple) else hidden
        handle = layers[self.block].register_forward_hook(hook)
        result = self.model(input_ids=torch.tensor([self.prompt + response]), use_cache=False).logits[0]
        handle.remove()
        return result[len(self.prompt) - 1 :]


def logprobs(verbalizer, vectors): return [verbalizer.logprobs(v, RESPONSE).tolist() for v in vectors]


def adapted(kind, blocks, seed):
    """An adapter over the target, or over its first blocks, whose B is not zero; saved as PEFT saves it."""
    folder = os.path.join(PAIRS, "qwen2", "target")
    config = tf.AutoConfig.from_pretrained(folder)
    config.num_hidden_layers = blocks
    if getattr(config, "layer_types", None): config.layer_types = config.layer_types[:blocks]
    base = tf.AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)
    torch.manual_seed(seed)
    settings = peft.LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "down_proj"],
                               rank_pattern={"layers.1.self_attn.q_proj": 3}, alpha_pattern={"down_proj": 4})
    model = peft.get_peft_model(base, settings).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name: p.normal_(0, 0.15)
    model.peft_config["default"].base_model_name_or_path = "target"
    model.save_pretrained(os.path.join(OUT, kind))
    readme = os.path.join(OUT, kind, "README.md")
    if os.path.exists(readme): os.remove(readme)
    return model


if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    expected = {}
    vectors = load_file(os.path.join(PAIRS, "qwen2", "expected.safetensors"))["activations"][:4]
    with torch.no_grad():
        model, tok = load("qwen2", "av")
        expected["response"] = RESPONSE
        expected["raw"] = logprobs(Unscaled(model, tok, None, "replace"), vectors)
        expected["sqrt_d_model"] = logprobs(Verbalizer(model, tok, vectors.shape[1] ** 0.5, "replace"), vectors)
        text = tok.apply_chat_template(
            [dict(m, content=m["content"].format(injection_char=MARKER)) for m in MESSAGES], tokenize=False, add_generation_prompt=True)
        expected["messages"] = tok(text, add_special_tokens=False)["input_ids"]
        expected["norm_matched"] = [logprobs(AtBlock(model, tok, block), vectors) for block in range(3)]

        reader, reader_tok = load("qwen2", "ar")
        head = load_file(os.path.join(PAIRS, "qwen2", "ar", "value_head.safetensors"))["weight"].float()
        torch.manual_seed(11)
        bias = torch.randn(head.shape[0]).bfloat16().float() * 0.5
        save_file({"weight": head.bfloat16(), "bias": bias}, os.path.join(OUT, "head.safetensors"))
        rebuilt = lambda m, t, template=AR: [reconstruct_with(m, head, t, template.format(explanation=s)) for s in SAMPLES]
        def reconstruct_with(m, h, t, prompt):
            kept = {}
            layers = m.get_decoder().layers if hasattr(m, "get_decoder") else m.layers
            hook = layers[-1].register_forward_hook(lambda _, i, o: kept.__setitem__("h", o[0] if isinstance(o, tuple) else o))
            m(input_ids=torch.tensor([t(prompt)["input_ids"]]), use_cache=False)
            hook.remove()
            return kept["h"].reshape(-1, h.shape[0])[-1] @ h.T
        expected["biased"] = [(v + bias).tolist() for v in rebuilt(reader, reader_tok)]
        expected["braces"] = [v.tolist() for v in rebuilt(reader, reader_tok, BRACES)]

        av, ar = adapted("av", 4, 21), adapted("ar", 3, 22)
        expected["peft"] = {
            "ids": [Verbalizer(av.base_model.model, tok, 6.0, "replace").greedy(v, 12) for v in vectors],
            "logprobs": logprobs(Verbalizer(av.base_model.model, tok, 6.0, "replace"), vectors),
            "vectors": [v.tolist() for v in rebuilt(ar.base_model.model, reader_tok)]}
    json.dump(expected, open(os.path.join(OUT, "expected.json"), "w"))
