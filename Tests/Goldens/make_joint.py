"""What PyTorch computes of the policy loss on the tiny Qwen2 pair: the goldens of TrainingTests.

usage: make_joint.py                    rewrites pairs/qwen2/joint.* beside this file; run it after make_pair.py
needs: pip install torch transformers tokenizers safetensors pyyaml

joint.safetensors   activations [2, d]; old, reference [tokens]; of each case NAME.advantages, NAME.loss, NAME.divergence and
                    NAME.grad.* of four weights
joint.json          responses (activation, ids) in groups, their rewards, and the settings of each case

The loss is written here as the papers write it, and differentiated by autograd through the whole model.
"""
import json, os
import torch, transformers as tf
from safetensors.torch import save_file
from make_pair import HERE, Verbalizer

folder = os.path.join(HERE, "qwen2")
tok = tf.AutoTokenizer.from_pretrained(os.path.join(folder, "av"))
model = tf.AutoModelForCausalLM.from_pretrained(os.path.join(folder, "av"), dtype=torch.float32).eval()
verbalizer = Verbalizer(model, tok, 6.0, "replace")

torch.manual_seed(11)
activations = torch.randn(2, model.config.hidden_size) * 3
GROUP = 3
responses = [(0, [7, 300, 12, 45]), (0, [9, 41]), (0, [7, 300, 14, 15, 16]), (1, [200, 201, 202]), (1, [20]), (1, [20, 21])]
rewards = torch.tensor([-0.4, -1.1, -0.35, -2.0, -0.9, -1.3], dtype=torch.float64)
CASES = dict(
    grpo=dict(loss_type="grpo", scale_rewards="group", epsilon=0.2, epsilon_high=0.2, beta=0.1),
    dapo=dict(loss_type="dapo", scale_rewards="none", epsilon=0.05, epsilon_high=0.4, beta=0.0),
    dr_grpo=dict(loss_type="dr_grpo", scale_rewards="group", epsilon=0.1, epsilon_high=0.1, beta=0.5, max_completion_length=16),
)


def logprobs(): return [verbalizer.logprobs(activations[a], r) for a, r in responses]


with torch.no_grad(): now = logprobs()
old = [p + 0.25 * torch.randn_like(p) for p in now]
reference = [p + 0.5 * torch.randn_like(p) for p in now]
out = dict(activations=activations, old=torch.cat(old), reference=torch.cat(reference))
for name, case in CASES.items():
    groups = rewards.reshape(-1, GROUP)
    centred = groups - groups.mean(1, keepdim=True)
    if case["scale_rewards"] == "group": centred = centred / (groups.std(1, keepdim=True) + 1e-4)
    advantages = centred.reshape(-1)
    model.zero_grad()
    sums, lengths, divergence = [], [], []
    for p, o, r, a in zip(logprobs(), old, reference, advantages.float()):
        ratio = (p - o).exp()
        paid = torch.min(ratio * a, ratio.clamp(1 - case["epsilon"], 1 + case["epsilon_high"]) * a)
        kl = (r - p).exp() - (r - p) - 1
        sums.append((-paid + case["beta"] * kl).sum())
        divergence.append(kl.detach())
        lengths.append(len(p))
    sums, n = torch.stack(sums), torch.tensor(lengths)
    loss = {"grpo": (sums / n).mean(), "dapo": sums.sum() / n.sum(),
            "dr_grpo": sums.sum() / (len(sums) * case.get("max_completion_length", 1))}[case["loss_type"]]
    loss.backward()
    out |= {f"{name}.advantages": advantages.float(), f"{name}.loss": loss.detach()[None],
            f"{name}.divergence": torch.cat(divergence).mean()[None]}
    for parameter, p in model.named_parameters():
        if any(s in parameter for s in ("layers.0.self_attn.k_proj.weight", "layers.0.input_layernorm", "layers.1.mlp.down_proj.weight", "model.norm.weight")):
            out[f"{name}.grad.{parameter}"] = p.grad.clone()
save_file({k: v.contiguous() for k, v in out.items()}, os.path.join(folder, "joint.safetensors"))
json.dump(dict(group=GROUP, responses=[dict(activation=a, ids=r) for a, r in responses], rewards=rewards.tolist(), cases=CASES),
          open(os.path.join(folder, "joint.json"), "w"))
