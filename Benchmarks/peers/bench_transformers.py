"""PyTorch and transformers on the workloads of `nla bench`: same token counts, same JSON keys, random weights.

usage: bench_transformers.py CONFIG.json [--threads N] [--only extract,rollout,...] [--dtype bfloat16]   (prints one JSON object)
needs: pip install torch transformers

Written as a user of these libraries would write it today: key-value cache, fused AdamW, inference mode, only the logits that
are needed.
"""
import argparse, copy, json, os, time

parser = argparse.ArgumentParser()
parser.add_argument("config")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--only", default="extract,rollout,decode1,av_step,score,ar_step,rl_step")
parser.add_argument("--dtype", default="bfloat16")
arguments = parser.parse_args()

import torch, transformers
from transformers import AutoConfig, AutoModelForCausalLM

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
dtype = getattr(torch, arguments.dtype)
config = AutoConfig.from_pretrained(arguments.config)
vocabulary, width, layer = config.vocab_size, config.hidden_size, 2 * config.num_hidden_layers // 3


def fastest(runs, body):
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        body()
        times.append(time.perf_counter() - begin)
    return min(times)


def tokens(*shape):
    return torch.randint(0, vocabulary, shape)


def language_model(config):
    return AutoModelForCausalLM.from_config(config).to(dtype).eval()


def prompt(model, rows):
    """A 125-token prompt, the same in every row, whose token 100 is an injected vector of the row's own."""
    embeddings = model.get_input_embeddings()(tokens(1, 125)).repeat(rows, 1, 1).clone()
    embeddings[:, 100] = torch.randn(rows, width).to(dtype)
    return embeddings


@torch.inference_mode()
def write(model, embeddings, count):
    output = model(inputs_embeds=embeddings, use_cache=True, logits_to_keep=1)
    for _ in range(count):
        next_tokens = torch.multinomial(output.logits[:, -1].float().softmax(-1), 1)
        output = model(input_ids=next_tokens, past_key_values=output.past_key_values, use_cache=True)


def extract():
    model, ids, kept = language_model(config), tokens(8, 256), {}
    def keep(module, inputs, output): kept["hidden"] = (output[0] if isinstance(output, tuple) else output).clone()
    model.model.layers[layer].register_forward_hook(keep)
    @torch.inference_mode()
    def run(): model(input_ids=ids, use_cache=False)
    return "extract_tokens_per_s", ids.numel() / fastest(2, run)


def rollout():
    model = language_model(config)
    embeddings = prompt(model, 8).repeat_interleave(8, 0)
    return "rollout_new_tokens_per_s", 64 * 32 / fastest(1, lambda: write(model, embeddings, 32))


def decode1():
    model = language_model(config)
    embeddings = prompt(model, 1)
    short, long = (fastest(2, lambda: write(model, embeddings, count)) for count in (1, 33))
    return "decode1_tokens_per_s", 32 / (long - short)


def av_step():
    model = language_model(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    ids = tokens(8, 247)
    labels = ids.clone()
    labels[:, :125] = -100
    def run():
        model(input_ids=ids, labels=labels, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return "av_step_s", fastest(3, run)


class Reconstructor(torch.nn.Module):
    """Blocks 0...K without a final norm, and a linear head on the last token."""

    def __init__(self):
        super().__init__()
        cut = copy.deepcopy(config)
        cut.num_hidden_layers = layer + 1
        if getattr(cut, "layer_types", None): cut.layer_types = cut.layer_types[: layer + 1]
        self.body = language_model(cut).model
        self.body.norm = torch.nn.Identity()
        self.head = torch.nn.Linear(width, width, bias=False).to(dtype)

    def forward(self, ids):
        return self.head(self.body(input_ids=ids, use_cache=False).last_hidden_state[:, -1]).float()


def score():
    model, ids = Reconstructor().eval(), tokens(32, 126)
    @torch.inference_mode()
    def run(): model(ids)
    return "score_explanations_per_s", 32 / fastest(2, run)


def ar_step():
    model, ids, truth = Reconstructor(), tokens(8, 126), torch.randn(8, width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    def scaled(v): return v / v.norm(dim=-1, keepdim=True).clamp_min(1e-12) * width**0.5
    def run():
        (scaled(model(ids)) - scaled(truth)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    return "ar_step_s", fastest(3, run)


def rl_step():
    """One step of joint training, 8 activations × 8 samples of 32 tokens; both backward passes go 8 rows at a time, to fit memory."""
    count, samples, new = 8, 8, 32
    policy, reference, reader = language_model(config), language_model(config).requires_grad_(False), Reconstructor()
    rows = count * samples
    policy_optimizer, reader_optimizer = (torch.optim.AdamW(m.parameters(), lr=1e-5, fused=True) for m in (policy, reader))
    with torch.no_grad(): embeddings = prompt(policy, count).repeat_interleave(samples, 0)
    truth = torch.randn(count, width).repeat_interleave(samples, 0)
    before, behind = tokens(1, 5).repeat(rows, 1), tokens(1, 5).repeat(rows, 1)
    def scaled(v): return v / v.norm(dim=-1, keepdim=True).clamp_min(1e-12) * width**0.5
    def errors(part): return (scaled(reader(texts[part])) - scaled(truth[part])).square().mean(-1)
    def logprobs(model, part):
        inputs = torch.cat([embeddings[part], model.get_input_embeddings()(written[part, :-1])], 1)
        logits = model(inputs_embeds=inputs, use_cache=False, logits_to_keep=new).logits.float()
        return logits.gather(-1, written[part, :, None])[..., 0] - logits.logsumexp(-1)
    parts, times = [slice(i, i + 8) for i in range(0, rows, 8)], {}
    def timed(name, body):
        begin = time.perf_counter()
        result = body()
        times["rl_step_" + name + "_s"] = time.perf_counter() - begin
        return result
    @torch.inference_mode()
    def sample():
        output, drawn = policy(inputs_embeds=embeddings, use_cache=True, logits_to_keep=1), []
        for step in range(new):
            drawn.append(torch.multinomial(output.logits[:, -1].float().softmax(-1), 1))
            if step + 1 < new: output = policy(input_ids=drawn[-1], past_key_values=output.past_key_values, use_cache=True)
        return torch.cat(drawn, 1)
    @torch.inference_mode()
    def rewarded(): return -torch.cat([errors(part) for part in parts])
    @torch.inference_mode()
    def referred(): return torch.cat([logprobs(reference, part) for part in parts])
    def move_policy():
        for part in parts:
            p = logprobs(policy, part)
            gap = known[part] - p
            loss = -(p - p.detach()).exp() * advantages[part, None] + 0.02 * (gap.exp() - gap - 1)
            (loss.sum() / (rows * new)).backward()
        policy_optimizer.step()
        policy_optimizer.zero_grad()
    def move_reader():
        for part in parts: (errors(part).sum() / rows).backward()
        reader_optimizer.step()
        reader_optimizer.zero_grad()
    # A first round makes the optimizers' state, which is not part of a step.
    for _ in range(2):
        written = timed("sampling", sample).clone()
        texts = torch.cat([before, written, behind], 1)
        groups = timed("reward", rewarded).clone().view(count, samples)
        advantages = ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)).reshape(-1)
        known = timed("reference", referred).clone()
        timed("av", move_policy)
        timed("ar", move_reader)
    return times


results = {"torch": torch.__version__, "transformers": transformers.__version__, "dtype": arguments.dtype, "threads": arguments.threads}
for workload in arguments.only.split(","):
    result = globals()[workload]()
    if isinstance(result, dict): result = {"rl_step_s": sum(result.values())} | result
    results |= result if isinstance(result, dict) else dict([result])
print(json.dumps(results))
