"""Text that stands in the corpus twice: whole paragraphs, and passages that share many runs of thirteen words."""
import hashlib, re

RUN = 13
PARAGRAPH = 15  # words from which on a repeated paragraph is left out
PRIME = (1 << 61) - 1
BASE = 1_000_003


class Duplicates:
    """Remembers what was kept. Whoever shows it documents shows the training split first, so that tests lose what both have."""

    def __init__(self, within=0.3, across=0.1):
        self.within, self.across = within, across
        self.paragraphs, self.numbers = set(), {}
        # Runs of words in earlier splits, and in the one at hand.
        self.earlier, self.current, self.split = set(), set(), None

    def begin(self, split):
        """From here on passages are of this split."""
        if split != self.split:
            self.earlier |= self.current
            self.current, self.split = set(), split

    def is_repeated(self, text):
        """Whether a paragraph was met before; short ones never are."""
        words = re.findall(r"\w+", text.casefold())
        if len(words) < PARAGRAPH:
            return False
        digest = hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest()
        if digest in self.paragraphs:
            return True
        self.paragraphs.add(digest)
        return False

    def runs(self, text):
        """A number for each run of thirteen words, by a rolling sum."""
        words = [self.numbers.setdefault(word, len(self.numbers) + 1) for word in re.findall(r"\w+", text.casefold())]
        lead = pow(BASE, RUN, PRIME)
        value, found = 0, set()
        for index, word in enumerate(words):
            value = (value * BASE + word) % PRIME
            if index >= RUN:
                value = (value - words[index - RUN] * lead) % PRIME
            if index >= RUN - 1:
                found.add(value)
        return found

    def keeps(self, text):
        """Whether a passage is new enough; it is remembered if so."""
        runs = self.runs(text)
        if runs:
            if len(runs & self.earlier) > self.across * len(runs) or len(runs & self.current) > self.within * len(runs):
                return False
        self.current |= runs
        return True
