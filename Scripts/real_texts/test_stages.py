"""Tests of documents.py and judge.py: python3 -m unittest discover Scripts/real_texts"""
import collections, re, unittest

import documents, judge


def record(name, document, split="train", text="one two three four", kind="manual", **more):
    return {"id": name, "document": document, "split": split, "text": text, "kind": kind, "facts": [], **more}


class DocumentTests(unittest.TestCase):
    def test_passages_of_a_document_are_in_one_split(self):
        records = [record(f"d{n}#{m}", f"d{n}") for n in range(400) for m in range(3)]
        found = collections.defaultdict(set)
        for entry in documents.documents(records, 0):
            found[entry["id"].split("#")[0]].add(entry["split"])
        self.assertEqual(len(found), 400)
        self.assertTrue(all(len(splits) == 1 for splits in found.values()))
        counts = collections.Counter(next(iter(splits)) for splits in found.values())
        for name, part in documents.SHARES.items():
            self.assertAlmostEqual(counts[name] / 400, part, delta=0.07)

    def test_held_out_has_one_passage_of_each_document(self):
        records = [record(f"d{n}#{m}", f"d{n}", "test" if n % 2 else "validation") for n in range(20) for m in range(3)]
        found = documents.documents(records, 0)
        self.assertEqual(len(found), 20)
        self.assertEqual(len({entry["id"].split("#")[0] for entry in found}), 20)
        self.assertEqual({entry["split"] for entry in found}, {"held-out", "validation"})

    def test_a_chat_and_its_control_stay_together(self):
        chats = []
        for n in range(50):
            for end in ("", "/control"):
                chats.append({"id": f"chat/{n}{end}", "split": "train", "text": "a b", "kind": "chat", "facts": [], "known": {"pair": f"p{n}"}})
        found = {entry["id"]: entry["split"] for entry in documents.documents(chats, 3)}
        self.assertEqual(len(found), 100)
        self.assertTrue(all(found[f"chat/{n}"] == found[f"chat/{n}/control"] for n in range(50)))

    def test_a_shortened_text_loses_the_facts_behind_its_end(self):
        text = "ä one two three four"
        facts = [{"value": "a", "from": 0, "until": 12, "stated_from": 15}, {"value": "b", "from": 14}, {"value": "c", "from": 3, "until": 5}]
        short = documents.shortened({"id": "x", "text": text, "facts": facts}, 3)
        self.assertEqual(short["text"], "ä one two")
        self.assertEqual(short["facts"], [{"value": "a", "from": 0}, {"value": "c", "from": 3, "until": 5}])
        self.assertEqual(documents.shortened({"id": "x", "text": text, "facts": facts}, 5)["text"], text)
        self.assertEqual(len(facts[0]), 4)


class JudgeTests(unittest.TestCase):
    WORDS = ["ship", "bread", "stone", "river", "glass", "horse", "music", "paper", "winter", "garden", "silver", "window"]

    def embed(self, texts):
        """How often each of the words stands in a text, at length 1."""
        vectors = []
        for text in texts:
            counts = [re.findall(r"\w+", text).count(word) for word in self.WORDS]
            norm = sum(count * count for count in counts) ** 0.5 or 1
            vectors.append([count / norm for count in counts])
        return vectors

    def records(self, explanation):
        return [
            {"id": f"d{n}#5", "document": f"d{n}", "kind": "k", "text_so_far": f"a {word}", "text": f"a {word} and more", "explanation": explanation(word)}
            for n, word in enumerate(self.WORDS)
        ]

    def test_what_names_the_passage_picks_it_and_what_does_not_does_not(self):
        named = judge.picks(self.records(lambda word: f"about {word} \"stone\""), self.embed)
        self.assertEqual(named["without quotes"], [1.0] * 12)
        self.assertEqual(sum(named["quotes alone"]), 1)
        blank = judge.picks(self.records(lambda word: "about nothing"), self.embed)
        self.assertEqual(sum(blank["explanation"]), 0)
        self.assertEqual(blank["quotes alone"], [0.1] * 12)

    def test_candidates_are_ten_documents_of_one_kind(self):
        records = self.records(str) + [{**entry, "id": entry["id"] + "b"} for entry in self.records(str)]
        for index, chosen in enumerate(judge.rivals(records, 0)):
            names = {records[other]["document"] for other in chosen} | {records[index]["document"]}
            self.assertEqual(len(names), 10)
        for entry in records[:3]:
            entry["kind"] = "rare"
        self.assertIsNone(judge.rivals(records, 0)[0])

    def test_a_passage_is_so_many_words_around_its_place(self):
        record = {"text_so_far": "a b c d", "text": "a b c d e f g h"}
        self.assertEqual(judge.passage(record, 4), "c d e f")
        self.assertEqual(judge.passage(record, 4, "so_far"), "a b c d")
        self.assertEqual(judge.passage({"text_so_far": "a b c d", "text": "a b c d e"}, 4), "b c d e")

    def test_the_interval_is_over_documents(self):
        values, names = [1.0] * 90 + [0.0] * 10, ["one"] * 90 + ["two"] * 10
        found = judge.interval(values, names)
        self.assertAlmostEqual(found["value"], 0.9)
        self.assertEqual((found["low"], found["high"]), (0.0, 1.0))
        self.assertIsNone(judge.interval([None], ["one"]))


if __name__ == "__main__":
    unittest.main()
