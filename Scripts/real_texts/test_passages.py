"""Cutting, facts, duplicates, splits and chats, on small invented inputs."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import collections

import gather, instructions, passages, prompts
from corpus import Block, Document
from duplicates import Duplicates


def words(count, start=0):
    return " ".join(f"w{index}" for index in range(start, start + count))


class Cutting(unittest.TestCase):
    def test_passages_have_100_to_400_words_and_end_between_paragraphs(self):
        document = Document("d", "p", {"kind": "k"}, [Block(words(60, 60 * index)) for index in range(30)])
        cut = passages.cut(document)
        sizes = [sum(block.words for block in passage) for passage in cut]
        self.assertEqual(sum(sizes), 1800)
        self.assertTrue(all(100 <= size <= 400 for size in sizes), sizes)

    def test_a_heading_goes_with_what_follows(self):
        blocks = [Block(words(150)), Block("Title", {"section": "Title"}, rank=2), Block(words(390), {"section": "Title"})]
        cut = passages.cut(Document("d", "p", {}, blocks))
        self.assertEqual([passage[0].text for passage in cut][1], "Title")

    def test_long_paragraphs_part_at_sentences(self):
        long = Block(". ".join(words(50, 50 * index) for index in range(20)) + ".", {"headword": "x"})
        parts = passages.sentences(long)
        self.assertTrue(all(part.words <= 300 and part.text.endswith(".") for part in parts))
        self.assertEqual(" ".join(part.text for part in parts), long.text)

    def test_poor_passages_say_why(self):
        self.assertEqual(passages.fault([Block("Too short.")]), "short")
        self.assertEqual(passages.fault([Block("x = the of 1 " * 60, is_code=True)]), "code")
        self.assertEqual(passages.fault([Block("##$$ 1234 of " * 60)]), "symbols")
        self.assertEqual(passages.fault([Block("Permission is granted to copy this. " + "the cat sat on the mat with it " * 9)]), "licence")
        self.assertEqual(passages.fault([Block("lorem ipsum dolor " * 60)]), "no prose")
        self.assertIsNone(passages.fault([Block("the cat sat on the mat and was happy with it " * 9)]))


class Known(unittest.TestCase):
    document = Document("d", "p", {"kind": "dictionary"}, [
        Block("bée, n. A bee.", {"headword": "bée", "part_of_speech": "noun"}), Block("It flies.", {"headword": "bée", "part_of_speech": "noun"}, "\n"),
        Block("fly: Another.", {"headword": "fly", "part_of_speech": "noun"})])

    def test_what_all_blocks_agree_in_holds_of_the_passage(self):
        self.assertEqual(passages.known(self.document, self.document.blocks), {"kind": "dictionary", "part_of_speech": "noun"})

    def test_facts_hold_over_bytes(self):
        written, starts = passages.text(self.document.blocks)
        found = passages.facts(self.document, self.document.blocks)
        heads = [fact for fact in found if fact["relation"] == "headword"]
        border = written.encode().index(b"fly:")
        self.assertEqual(starts, [0, written.encode().index(b"It"), border])
        self.assertEqual(heads[0], {"subject": "the text", "relation": "headword", "value": "bée", "from": 0, "until": border, "stated_from": 4})
        self.assertEqual(heads[1], {"subject": "the text", "relation": "headword", "value": "fly", "from": border, "stated_from": border + 3})
        self.assertEqual([fact for fact in found if fact["relation"] == "part of speech"][0]["value"], "noun")

    def test_unsaid_facts_are_not_stated_and_values_can_be_quoted(self):
        self.assertNotIn("stated_from", passages.fact("book", "Genesis", 0, None, b"In the beginning"))
        self.assertEqual(passages.fact("section", 'Is it "free"?', 0, None, b"")["value"], "Is it 'free'?")


class Repeated(unittest.TestCase):
    def test_paragraphs_and_passages_are_kept_once(self):
        seen = Duplicates()
        seen.begin("train")
        self.assertFalse(seen.is_repeated(words(20)))
        self.assertTrue(seen.is_repeated(words(20).upper() + "!"))
        self.assertFalse(seen.is_repeated("Yes.") or seen.is_repeated("Yes."))
        self.assertTrue(seen.keeps(words(100)))
        self.assertFalse(seen.keeps(words(90) + " and more"))
        self.assertTrue(seen.keeps(words(100, 80)))

    def test_tests_may_share_less_with_training(self):
        seen = Duplicates()
        seen.begin("train")
        seen.keeps(words(100))
        seen.begin("test")
        self.assertFalse(seen.keeps(words(100, 70)))
        self.assertTrue(seen.keeps(words(100, 95)))

    def test_a_document_is_in_one_split(self):
        drawn = collections.Counter(gather.split(f"key {index}", 0) for index in range(4000))
        self.assertTrue(150 < drawn["test"] < 250 and 150 < drawn["validation"] < 250, drawn)
        self.assertEqual(gather.split("a", 3), gather.split("a", 3))

    def test_no_kind_gets_more_than_the_most(self):
        records = [{"kind": "k", "document": f"d{index}", "text": "x" * 100} for index in range(20)]
        kept = gather.balanced(records, 550, 0)
        self.assertEqual(len(kept), 5)
        self.assertEqual(kept, gather.balanced(records, 550, 0))


class Chats(unittest.TestCase):
    def material(self):
        records = []
        for split in gather.SPLITS:
            common = {"split": split, "text": "A heron is a bird of the water. " * 30}
            records.append({**common, "id": f"{split}1", "kind": "dictionary", "known": {"kind": "dictionary", "headword": "heron"}, "facts": []})
            saying = "Herons wait for what they want.\n-- Ann Lee\n\nHerons never wait for anything, they stand.\n-- Bo Day"
            border = saying.index("Herons never")
            records.append({**common, "id": f"{split}2", "kind": "quotation", "text": saying, "known": {"kind": "quotation"}, "facts": [
                {"subject": "the text", "relation": "speaker", "value": "Ann Lee", "from": 0, "until": border},
                {"subject": "the text", "relation": "speaker", "value": "Bo Day", "from": border}]})
        return records

    def chats(self, seed=0):
        # Every split gets words of every subject.
        letters = "abcdefghijklmnopqrst"
        nouns = {f"{a}{b}x{subject[:2]}": subject for a in letters for b in letters for subject in ("animal", "plant", "food", "artifact")}
        records = self.material()
        records[0]["text"] += " ".join(nouns)
        capitals = {f"Land {index}": f"City {index}" for index in range(90)}
        saved, instructions.common_words = instructions.common_words, lambda records: set(nouns)
        try:
            return instructions.chats(records, nouns, capitals, 400, seed)
        finally:
            instructions.common_words = saved

    def test_the_same_seed_gives_the_same_chats(self):
        self.assertEqual(self.chats(), self.chats())
        self.assertNotEqual(self.chats(), self.chats(1))

    def test_controls_ask_the_same_without_the_secret(self):
        chats = self.chats()
        self.assertEqual(len({chat["id"] for chat in chats}), len(chats))
        pairs = collections.defaultdict(list)
        for chat in chats:
            self.assertEqual(chat["messages"][-1]["role"], "user")
            self.assertFalse([message for message in chat["messages"] if "{" in message["content"]])
            if "pair" in chat["known"]:
                pairs[chat["known"]["pair"]].append(chat)
        for treated, control in pairs.values():
            self.assertTrue(control["known"]["is_control"])
            self.assertEqual((treated["follow_ups"], treated["split"]), (control["follow_ups"], control["split"]))
            if treated["known"]["system_kind"] == "secret":
                self.assertIn(treated["known"]["secret"], treated["messages"][0]["content"])
                self.assertEqual(treated["messages"][-1], control["messages"][-1])
                self.assertNotIn("secret", control["known"])
            if treated["known"]["system_kind"] == "false premise":
                self.assertEqual(control["known"]["premise_is"], "true")
                self.assertNotEqual(treated["messages"], control["messages"])

    def test_secrets_and_countries_of_tests_are_not_trained_on(self):
        values = collections.defaultdict(set)
        for chat in self.chats():
            if "secret" in chat["known"]:
                values[chat["split"]].add(chat["known"]["secret"])
        self.assertFalse(values["train"] & (values["test"] | values["validation"]))

    def test_excerpts_are_short_and_whole(self):
        text = "\n\n".join(words(50, 50 * index) + "." for index in range(9))
        self.assertEqual(instructions.excerpt(text), "\n\n".join(text.split("\n\n")[:3]))

    def test_every_place_in_a_prompt_can_be_filled(self):
        for templates in [prompts.SECRET_PROMPTS, prompts.OPEN_WORD_PROMPTS]:
            self.assertTrue(all("{secret}" in template for template in templates))
        self.assertTrue(all("{role}" in template for template in prompts.ROLE_PROMPTS) and all("{goal}" in template for template in prompts.GOAL_PROMPTS))


if __name__ == "__main__":
    unittest.main()
