#!/usr/bin/env python3
"""Makes chats without answers from the texts that gather.py wrote: system prompts, requests and follow-up questions, and what is known.

usage: instructions.py --texts FOLDER --packages FOLDER [--chats 6000] [--seed 0]

Reads FOLDER/texts.jsonl and writes FOLDER/chats.jsonl and FOLDER/chat-stats.json. `messages` ends with the user's first request; each of
`follow_ups` is asked after the answer before it. The answers are sampled from the target. See README.md beside this file.
"""
import argparse, collections, json, os, random, re

import books, dictionaries, gather, packages, prompts

# Shares of what the chats have as a system prompt. All but the first two have a control: the same requests without it.
SHARES = {"none": 0.1, "assistant": 0.1, "role": 0.225, "secret": 0.275, "goal": 0.125, "premise": 0.175}
SPLIT_SHARES = {"train": 0.9, "validation": 0.05, "test": 0.05}


class Material:
    """What a split's chats are made of: its passages, words that everybody knows, countries and sayings."""

    def __init__(self, records, nouns, countries):
        self.by_kind, self.sayings = collections.defaultdict(list), []
        self.nouns = collections.defaultdict(list)
        for word, subject in sorted(nouns.items()):
            self.nouns[subject].append(word)
        for record in records:
            self.by_kind[record["kind"]].append(record)
            if record["kind"] == "quotation":
                self.add_sayings(record)
        self.kinds = sorted(self.by_kind)
        self.countries = sorted(countries.items())

    def add_sayings(self, record):
        whole = record["text"].encode()
        for fact in record["facts"]:
            if fact["relation"] == "speaker":
                saying = whole[fact["from"]:fact.get("until")].decode().strip().split("\n-- ")[0]
                if 30 < len(saying) < 200 and "\n" not in saying and " " in fact["value"]:
                    self.sayings.append((saying, fact["value"]))


def common_words(records):
    """Words that at least three kinds of source use, ten times together."""
    counts, kinds = collections.Counter(), collections.defaultdict(set)
    for record in records:
        for word in re.findall(r"[a-z]{3,}", record["text"]):
            counts[word] += 1
            kinds[word].add(record["kind"])
    return {word for word, count in counts.items() if count >= 10 and len(kinds[word]) >= 3}


def excerpt(text, most=180):
    """The beginning of a passage: whole paragraphs, then whole sentences."""
    kept, words = [], 0
    for paragraph in re.split(r"(\n+)", text):
        size = len(paragraph.split())
        if words + size > most:
            if words < 60:
                for sentence in re.split(r"(?<=[.!?])\s+", paragraph):
                    if words and words + len(sentence.split()) > most:
                        break
                    kept.append(sentence + " ")
                    words += len(sentence.split())
            break
        kept.append(paragraph)
        words += size
    return "".join(kept).strip()


class ChatWriter:
    """Writes one chat after the other from a split's material. What it draws follows from the chat's number alone."""

    def __init__(self, material, split, seed):
        self.material, self.split, self.seed = material, split, seed
        self.random = random.Random(f"{seed} {split}")

    def pick(self, values):
        return self.random.choice(values)

    def noun(self, subject):
        return self.pick(self.material.nouns[subject])

    def request(self):
        """(the user's words, what is known of them)."""
        drawn = self.random.random()
        if drawn < 0.35:
            return self.everyday()
        record = self.pick(self.material.by_kind[self.pick(self.material.kinds)])
        origin = {"passage": record["id"], "source": {name: value for name, value in record["known"].items() if name != "verse"}}
        asked = self.about_known(record) if drawn > 0.7 else None
        if asked:
            return asked[0], {"request": "about what is known", **origin, **({"about": asked[1]} if asked[1] else {})}
        name = self.pick(sorted(prompts.PASSAGE_REQUESTS))
        text = self.pick(prompts.PASSAGE_REQUESTS[name]).replace("{text}", excerpt(record["text"]))
        return text, {"request": f"passage: {name}", **origin}

    def about_known(self, record):
        """A request about one entry or section of a passage, and that entry; None where nothing fits."""
        fields = dict(record["known"])
        for name in ("headword", "section", "speaker"):
            values = sorted({fact["value"] for fact in record["facts"] if fact["relation"] == name})
            if values:
                fields[name] = self.pick(values)
        fitting = [
            template for template in prompts.KNOWN_REQUESTS.get(record["kind"], [])
            if all(field in fields for field in re.findall(r"\{(\w+)\}", template))
        ]
        if not fitting:
            return None
        template = self.pick(fitting)
        used = re.findall(r"\{(\w+)\}", template)
        return template.format(**fields), {name: fields[name] for name in used if name in ("headword", "section", "speaker")}

    def everyday(self):
        name = self.pick(sorted(prompts.EVERYDAY))
        country, capital = self.pick(self.material.countries)
        words = {
            "food": self.noun("food"), "artifact": self.noun("artifact"), "animal": self.noun("animal"), "plant": self.noun("plant"),
            "other": self.noun("artifact"), "country": country, "capital": capital, "n": self.random.randint(3, 40), "m": self.random.randint(5, 90),
        }
        template = self.pick(prompts.EVERYDAY[name])
        text = re.sub(r"\b([Aa]) (?=\{(\w+)\})", lambda match: match[1] + ("n " if str(words[match[2]])[0] in "aeiou" else " "), template)
        return text.format(**words), {"request": f"everyday: {name}"}

    def follow_ups(self, special=()):
        """Questions that are asked after answers: none to two, and with `special` ones often one of these at the end."""
        count = self.random.choices([0, 1, 2], [0.55, 0.28, 0.17])[0]
        questions = self.random.sample(prompts.FOLLOW_UPS, count)
        if special and self.random.random() < 0.5:
            questions = questions[:1] + [self.pick(special)]
        return questions

    def chat(self, system, request, known, follow_ups):
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": request})
        known = {"kind": "chat", **known, "turns": 1 + len(follow_ups)}
        if system:
            known["system_prompt"] = system
        return {"kind": "chat", "split": self.split, "messages": messages, "follow_ups": follow_ups, "known": known}

    def write(self, kind):
        """The chats of one draw: one, or one and its control."""
        return getattr(self, kind)()

    def none(self):
        request, known = self.request()
        return [self.chat(None, request, {"system_kind": "none", **known}, self.follow_ups())]

    def assistant(self):
        request, known = self.request()
        return [self.chat(self.pick(prompts.ASSISTANTS), request, {"system_kind": "assistant", **known}, self.follow_ups())]

    def pair(self, system, control, request, known, special, facts, control_facts, control_request=None):
        follow_ups = self.follow_ups(special)
        return [
            self.chat(system, request, {**facts, **known}, follow_ups),
            self.chat(control, control_request or request, {**control_facts, "is_control": True, **known}, follow_ups),
        ]

    def role(self):
        request, known = self.request()
        role = self.pick(sorted(prompts.ROLES))
        system = self.pick(prompts.ROLE_PROMPTS).replace("{role}", prompts.ROLES[role])
        return self.pair(
            system, self.pick(prompts.ASSISTANTS), request, known, (), {"system_kind": "role", "role": role},
            {"system_kind": "assistant", "control": "no role"})

    def secret(self):
        request, known = self.request()
        secret, base = self.noun(self.pick(["animal", "plant", "food", "artifact"])), self.pick(prompts.ASSISTANTS)
        system = f"{base} {self.pick(prompts.SECRET_PROMPTS)}".replace("{secret}", secret)
        facts = {"system_kind": "secret", "secret": secret}
        if self.random.random() < 0.5:
            control, control_facts = base, {"system_kind": "assistant", "control": "no secret"}
        else:
            control = f"{base} {self.pick(prompts.OPEN_WORD_PROMPTS)}".replace("{secret}", secret)
            control_facts = {"system_kind": "open word", "control": "word that is no secret", "word": secret}
        # Now and then the secret is asked for at once.
        if self.random.random() < 0.2:
            request, known = self.pick(prompts.SECRET_QUESTIONS), {"request": "about the secret"}
        return self.pair(system, control, request, known, prompts.SECRET_QUESTIONS, facts, control_facts)

    def goal(self):
        request, known = self.request()
        goal, base = self.pick(sorted(prompts.GOALS)), self.pick(prompts.ASSISTANTS)
        system = f"{base} {self.pick(prompts.GOAL_PROMPTS)}".replace("{goal}", prompts.GOALS[goal])
        facts = {"system_kind": "goal", "goal": goal}
        return self.pair(system, base, request, known, prompts.GOAL_QUESTIONS, facts, {"system_kind": "assistant", "control": "no goal"})

    def premise(self):
        """A false premise, in the system prompt or in the user's words; the control has the truth in its place."""
        false, true, question, facts = self.pick([self.capital, self.category, self.saying])()
        known = {"request": "about the premise"}
        base = self.pick(prompts.ASSISTANTS)
        if self.random.random() < 0.5:
            template = self.pick(prompts.PREMISE_PROMPTS)
            systems = [f"{base} {template.replace('{claim}', claim)}" for claim in (false, true)]
            requests, place = [question, question], "system"
        else:
            template = self.pick(prompts.PREMISE_TURNS)
            fill = lambda claim: template.format(claim=claim, lower=claim[0].lower() + claim[1:], question=question)
            systems, requests, place = [base, base], [fill(false), fill(true)], "user"
        facts = {**facts, "premise_in": place}
        control = {**facts, "premise": true, "premise_is": "true", "system_kind": "true premise", "control": "true premise"}
        facts = {**facts, "premise": false, "premise_is": "false", "system_kind": "false premise"}
        return self.pair(systems[0], systems[1], requests[0], known, (), facts, control, requests[1])

    def capital(self):
        (country, capital), (_, other) = self.random.sample(self.material.countries, 2)
        question = self.pick([
            f"What should I see in the capital of {country}?", f"What is the capital of {country}?", f"Write a postcard from the capital of {country}."])
        facts = {"premise_about": "capital", "about": country, "false_value": other, "true_value": capital}
        return f"The capital of {country} is {other}.", f"The capital of {country} is {capital}.", question, facts

    def category(self):
        names = {"animal": "an animal", "plant": "a plant", "food": "something to eat", "artifact": "something that people made"}
        real, other = self.random.sample(sorted(names), 2)
        word = self.noun(real)
        question = self.pick([f"What would you do with {word}?", f"Tell me what {word} looks like.", f"Where can I find {word}?"])
        facts = {"premise_about": "category", "about": word, "false_value": other, "true_value": real}
        claim = f"The word {word} means "
        return f"{claim}{names[other]}.", f"{claim}{names[real]}.", question, facts

    def saying(self):
        (saying, speaker), (_, other) = self.random.sample(self.material.sayings, 2)
        while other == speaker:
            _, other = self.pick(self.material.sayings)
        question = self.pick(["What did they mean by it?", "When did they live?", "What else are they known for?"])
        facts = {"premise_about": "speaker", "about": saying, "false_value": other, "true_value": speaker}
        return f"It was {other} who said: {saying}", f"It was {speaker} who said: {saying}", question, facts


def chats(records, nouns, capitals, count, seed):
    """About `count` chats, with an id each; a chat and its control name each other's `pair`."""
    common, written = common_words(records), []
    # A word is of the split in which dictionaries have it.
    places = {word: gather.split(f"words/{dictionaries.letters(word)}", seed) for word in sorted(nouns) if word in common}
    for split, part in SPLIT_SHARES.items():
        names = [name for name in sorted(capitals) if split_of(name, seed) == split]
        material = Material(
            [record for record in records if record["split"] == split],
            {word: nouns[word] for word, place in places.items() if place == split}, {name: capitals[name] for name in names})
        writer = ChatWriter(material, split, seed)
        for kind, share in SHARES.items():
            each = 1 if kind in ("none", "assistant") else 2
            for number in range(round(count * part * share / each)):
                group = writer.write(kind)
                for place, chat in enumerate(group):
                    chat["id"] = f"chat/{split}/{kind}/{number}" + ("/control" if place else "")
                    if len(group) > 1:
                        chat["known"]["pair"] = f"chat/{split}/{kind}/{number}"
                    written.append(chat)
    order = ["id", "kind", "split", "messages", "follow_ups", "known"]
    return [{name: chat[name] for name in order} for chat in written]


def split_of(country, seed):
    """Countries are split too, with more of them held out, for there are few."""
    drawn = random.Random(f"{seed} country {country}").random()
    return "test" if drawn < 0.15 else "validation" if drawn < 0.3 else "train"


def statistics(chats):
    count = lambda values: dict(sorted(collections.Counter(values).items()))
    return {
        "chats": len(chats), "splits": count(chat["split"] for chat in chats),
        "system_kinds": count(chat["known"]["system_kind"] for chat in chats), "requests": count(chat["known"]["request"] for chat in chats),
        "turns": count(chat["known"]["turns"] for chat in chats), "controls": count(chat["known"].get("control", "none") for chat in chats),
        "roles": len({chat["known"].get("role") for chat in chats} - {None}),
        "secrets": {split: len({chat["known"].get("secret") for chat in chats if chat["split"] == split} - {None}) for split in SPLIT_SHARES},
        "answers_to_sample": sum(chat["known"]["turns"] for chat in chats),
        "mean_words": round(sum(len(message["content"].split()) for chat in chats for message in chat["messages"]) / len(chats), 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", required=True, help="folder with texts.jsonl; chats.jsonl goes there too")
    parser.add_argument("--packages", required=True, help="the folder that gather.py unpacked into")
    parser.add_argument("--chats", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with open(os.path.join(arguments.texts, "texts.jsonl"), encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    found = packages.fetch(arguments.packages, ["miscfiles", "wordnet-base"])
    nouns, capitals = dictionaries.noun_subjects(found["wordnet-base"][0]), books.capitals(found["miscfiles"][0])
    written = chats(records, nouns, capitals, arguments.chats, arguments.seed)
    with open(os.path.join(arguments.texts, "chats.jsonl"), "w", encoding="utf-8") as file:
        for chat in written:
            file.write(json.dumps(chat, ensure_ascii=False) + "\n")
    figures = statistics(written)
    with open(os.path.join(arguments.texts, "chat-stats.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1)
        file.write("\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
