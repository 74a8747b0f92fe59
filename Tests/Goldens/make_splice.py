"""What PyTorch computes of vectors spliced into the tiny Qwen2 target: the goldens of FaithfulnessTests.

usage: make_splice.py               rewrites pairs/qwen2/splice.* beside this file; run it after make_pair.py
needs: pip install torch transformers safetensors

splice.safetensors  vectors [3, d]; divergence [3, 1 + following]: KL(clean | spliced) of the next token, in nats, at the token and
                    behind it; likelihood [3, continuations]: log P of each continuation behind one token that says nothing
splice.json         the text's tokens, the token that is replaced, the block, and the continuations
"""
import json, os
import torch, transformers as tf
from safetensors.torch import save_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pairs", "qwen2")
LAYER, POSITION, FOLLOWING, NEUTRAL = 2, 5, 4, None
model = tf.AutoModelForCausalLM.from_pretrained(os.path.join(HERE, "target"), dtype=torch.float32).eval()
config = model.config
NEUTRAL = next(i for i in (config.bos_token_id, config.eos_token_id, 0) if i is not None)
torch.manual_seed(5)
ids = torch.randint(20, config.vocab_size, (12,)).tolist()
continuations = [torch.randint(20, config.vocab_size, (n,)).tolist() for n in (1, 3, 3)]
vectors = torch.randn(3, config.hidden_size) * torch.tensor([1.0, 3.0, 8.0])[:, None]


def run(tokens, position=None, vector=None):
    def replace(module, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        hidden = hidden.clone()
        hidden[0, position] = vector
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    hook = model.model.layers[LAYER].register_forward_hook(replace) if vector is not None else None
    with torch.no_grad():
        result = model(torch.tensor([tokens])).logits[0].double().log_softmax(-1)
    if hook: hook.remove()
    return result


clean = run(ids)[POSITION:POSITION + 1 + FOLLOWING]
divergence = torch.stack([
    (clean.exp() * (clean - run(ids, POSITION, v)[POSITION:POSITION + 1 + FOLLOWING])).sum(-1) for v in vectors])
likelihood = torch.stack([
    torch.stack([run([NEUTRAL] + c, 0, v)[torch.arange(len(c)), c].sum() for c in continuations]) for v in vectors])
save_file(dict(vectors=vectors, divergence=divergence.float(), likelihood=likelihood.float()),
          os.path.join(HERE, "splice.safetensors"))
with open(os.path.join(HERE, "splice.json"), "w") as f:
    json.dump(dict(ids=ids, position=POSITION, layer=LAYER, following=FOLLOWING, continuations=continuations), f)
    f.write("\n")
print(divergence, likelihood)
