"""The readers of sources, on small invented inputs."""
import os, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import books, corpus, dictionaries, manuals
from html_blocks import Layout, page
from lzw import expand
from man_blocks import manual_page, unescaped


class PlainText(unittest.TestCase):
    def test_characters_that_nobody_sees_are_left_out(self):
        self.assertEqual(corpus.plain("e\u0301\u00a0x\u00ad\ufeff_\x08y"), "é xy")

    def test_headings_lose_their_numbers_alone(self):
        self.assertEqual(corpus.title("8.15.1. Declaration"), "Declaration")
        self.assertEqual(corpus.title("D.5 What causes it?"), "What causes it?")
        self.assertEqual(corpus.title("Chapter 8. Data Types"), "Data Types")
        self.assertEqual(corpus.title("A quick tour"), "A quick tour")
        self.assertEqual(corpus.title("3"), "3")

    def test_shares_follow_from_seed_and_names(self):
        self.assertEqual(corpus.share(1, "a"), corpus.share(1, "a"))
        self.assertNotEqual(corpus.share(1, "a"), corpus.share(2, "a"))
        self.assertTrue(0 <= corpus.share(0, "x") < 1)


class Pages(unittest.TestCase):
    layout = Layout(root_class="body", skipped_classes={"navigation", "headerlink"}, definition_classes={"py"})

    def blocks(self, html):
        return page(f'<html><head><title>t</title></head><body><div>before</div><div class="body">{html}</div>after</body></html>', self.layout)

    def test_only_the_root_is_read_and_navigation_is_not(self):
        name, blocks = self.blocks('<h1>1. Bees<a class="headerlink">¶</a></h1><ul class="navigation"><li>next<ul><li>x</li></ul></li></ul><p>A <b>bee</b>\n flies.</p>')
        self.assertEqual(name, "Bees")
        self.assertEqual([block.text for block in blocks], ["Bees", "A bee flies."])
        self.assertEqual(blocks[1].known, {"section": "Bees"})
        self.assertEqual(blocks[0].rank, 1)

    def test_lists_are_marked(self):
        _, blocks = self.blocks("<p>Two:</p><ol><li><p>one</p></li><li>two</li></ol><ul><li>three</li></ul>")
        self.assertEqual([block.text for block in blocks], ["Two:", "1. one", "2. two", "- three"])
        self.assertEqual([block.glue for block in blocks], ["\n\n", "\n", "\n", "\n"])

    def test_code_keeps_its_lines_and_long_code_is_left_out(self):
        _, blocks = self.blocks("<pre>  a = 1\n    b\n</pre><pre>" + "x\n" * 40 + "</pre>")
        self.assertEqual([(block.text, block.is_code) for block in blocks], [("a = 1\n  b", True)])

    def test_definitions_name_their_word(self):
        _, blocks = self.blocks('<dl class="py"><dt id="heap.push"><span>heap.</span>push(x)</dt><dd><p>Pushes.</p></dd></dl><p>After.</p>')
        self.assertEqual([block.known.get("headword") for block in blocks], ["heap.push", "heap.push", None])

    def test_tables_are_left_out_but_boxes_are_not(self):
        _, blocks = self.blocks('<table><tr><td>1</td></tr></table><table summary="Tip"><tr><th>Tip</th></tr><tr><td><p>Rest.</p></td></tr></table>')
        self.assertEqual([block.text for block in blocks], ["Tip: Rest."])

    def test_headings_above_headings_alone_are_contents(self):
        _, blocks = self.blocks("<h1>Title</h1><h2>One</h2><h2>Two</h2><p>Text.</p><h2>One</h2><p>More.</p>")
        self.assertEqual([block.text for block in manuals.without_contents(blocks)], ["Title", "Two", "Text.", "One", "More."])


class ManualPages(unittest.TestCase):
    source = r'''.\" a comment
.TH frob 2 2022-01-01 "Manual"
.SH NAME
frob \- frobnicate a file
.SH SYNOPSIS
.nf
.B #include <frob.h>
.PP
.BI "int frob(int " fd );
.fi
.PP
Feature Test Macro Requirements for glibc:
.PP
_X
.SH DESCRIPTION
.BR frob ()
turns the file
.I fd
around,
\fBtwice\fP.
.TP
.B EBADF
No such file.
.IP \[bu] 3
A point.
.TS
a	b
.TE
.SH COLOPHON
Left out.
'''

    def test_a_page_becomes_paragraphs(self):
        found = manual_page(self.source)
        self.assertEqual((found.name, found.number), ("frob", "2"))
        self.assertEqual(
            [block.text for block in found.blocks],
            ["frob - frobnicate a file", "#include <frob.h>\n\nint frob(int fd);", "frob() turns the file fd around, twice.", "EBADF: No such file.", "- A point."])
        self.assertEqual(found.blocks[2].known, {"section": "Description"})
        self.assertTrue(found.blocks[1].is_code)

    def test_pointers_and_the_other_macros_are_refused(self):
        self.assertIsNone(manual_page(".so man2/frob.2\n"))
        self.assertIsNone(manual_page(".Dd today\n.Dt X 1\n"))

    def test_escapes(self):
        self.assertEqual(unescaped(r"a\-b\e\(bu\[em]\fIc\fR\&\*(lq\s-1d\s0\[u00E9]"), "a-b\\-—cdé")


class Dictionaries(unittest.TestCase):
    def test_the_index_leads_to_each_entry_once(self):
        data = b"headbee\n   An insect.\nfly\n   Another.\n"
        index = "00-database-info\tA\tE\nbee\tE\tS\nbees\tE\tS\nfly\tW\tR\n"
        self.assertEqual(list(dictionaries.entries(index, data)), ["bee\n   An insect.\n", "fly\n   Another.\n"])
        self.assertEqual(dictionaries.number("BA"), 64)

    def test_an_entry_of_gcide(self):
        text = '''Siroc \\Si"roc\\ (s[i^]*r[o^]k"), n.; pl. {Sirocs} (-kz). [It. siroc, fr.
   Ar. shorug.] (Zool.)
   1. A hot {wind}.
      [1913 Webster]

            It blew. --Pope.
      [1913 Webster] Sirup'''
        word, blocks = dictionaries.gcide_entry(text)
        self.assertEqual(word, "Siroc")
        self.assertEqual([block.text for block in blocks], ["Siroc, n. (Zool.) 1. A hot wind.", "It blew. -- Pope."])
        self.assertEqual(blocks[0].known, {"headword": "Siroc", "part_of_speech": "noun", "subject": "zoology"})

    def test_marks_of_pronunciation_are_seen(self):
        self.assertFalse(dictionaries.is_legible('x ([a^]b"c) y'))
        self.assertTrue(dictionaries.is_legible("A wind. [Obs.] Is it? -- Pope."))
        self.assertEqual(dictionaries.accented("[ae]on caf['e] 4[deg]"), "æon café 4°")

    def test_an_entry_of_foldoc(self):
        text = "Babbage\n\n   1. <language> The {assembly language} for {GE (http://x.org/)} computers.\n\n   (1997-01-02)\n\n   2. <person> A man who thought.\n\n   [What?]\n"
        word, blocks = dictionaries.foldoc_entry(text)
        self.assertEqual([block.text for block in blocks][1], "2. A man who thought.")
        self.assertEqual([block.known["subject"] for block in blocks], ["language", "person"])
        self.assertTrue(blocks[0].text.startswith("Babbage: 1. The assembly language for"))

    def test_an_entry_of_the_jargon_file(self):
        word, blocks = dictionaries.jargon_entry("droid\n /droyd/, n.\n\n    [from android] A person who follows\n    rules. See {\n    drone}.\n\n    [1997]\n")
        self.assertEqual([block.text for block in blocks], ["droid: [from android] A person who follows rules. See drone."])
        self.assertEqual(blocks[0].known, {"headword": "droid", "part_of_speech": "noun"})

    def test_a_synset_knows_what_it_is_a_kind_of(self):
        lines = [
            "  1 licence",
            "00000010 05 n 01 bird 0 000 | an animal with feathers",
            "00000020 05 n 02 grey_heron 0 heron 0 001 @ 00000010 n 0000 | a tall bird; \"it stood still\"",
        ]
        found = dict(dictionaries.synsets([lines]))
        block = found["grey heron"][0]
        self.assertEqual(block.text, 'grey heron, heron (noun): a tall bird; "it stood still"')
        self.assertEqual(block.known, {"headword": "grey heron", "part_of_speech": "noun", "subject": "animal", "hypernym": "bird"})

    def test_words_that_begin_alike_are_split_alike(self):
        block = corpus.Block("x", {})
        one, = dictionaries.documents("a", "p", "dictionary", "A", [("Bee", [block])])
        other, = dictionaries.documents("b", "p", "glossary", "B", [("béek", [block])])
        self.assertEqual((one.split_key, one.id), (other.split_key, "a/bee"))


class Books(unittest.TestCase):
    def packed(self, codes, bits=9):
        value = sum(code << (bits * index) for index, code in enumerate(codes))
        return value.to_bytes(-(-bits * len(codes) // 8), "little")

    def test_compressed_windows_expand(self):
        self.assertEqual(expand(self.packed([97, 98, 257, 259])), b"abababa")

    def test_verses_find_their_books_by_order(self):
        lines = "Holy Bible.\nGe1:1 In the [beginning].\nGe1:2 And.\nExo1:1 Now.\n"
        self.assertEqual(list(books.verses(lines)), [("Genesis", 1, 1, "In the beginning."), ("Genesis", 1, 2, "And."), ("Exodus", 1, 1, "Now.")])
        self.assertEqual(len(books.BOOKS), 66)

    def test_sayings_name_their_speaker(self):
        self.assertEqual(books.quotation("Tea is\n\tgood.\n\t\t-- Ann Lee, \"On Tea\"\n"), ("Tea is\ngood.", 'Ann Lee, "On Tea"', "Ann Lee"))
        self.assertEqual(books.quotation("No one said it.\n")[2], None)
        self.assertEqual(books.quotation("X.\n-- To whom it may concern\n")[2], None)

    def test_prose_is_unbroken_and_verse_is_not(self):
        prose = "This line is long enough to be the line of a paragraph of prose\nthat was broken."
        self.assertEqual(books.unbroken(prose), prose.replace("\n", " "))
        self.assertEqual(books.unbroken("To err\nis human"), "To err\nis human")


if __name__ == "__main__":
    unittest.main()
