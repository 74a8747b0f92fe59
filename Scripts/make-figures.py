"""Draws the figures of docs/results from the numbers in Experiments: axes, units, intervals.

usage: python3 Scripts/make-figures.py        writes docs/images/{private-code,hide,race}.svg; needs nothing but Python
"""
import json, os

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
COLORS = ["#0b6e99", "#c2410c", "#4d7c0f", "#6b21a8"]
WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 56, 52


def load(path):
    with open(os.path.join(ROOT, "Experiments", path)) as file:
        return json.load(file)


class Figure:
    """One pair of axes: x from `low` to `high` in data units, y likewise."""

    def __init__(self, title, description, x, y, x_label, y_label):
        self.x, self.y, self.parts = x, y, []
        self.title, self.description = title, description
        self.legend = 0
        self.text(LEFT, 18, title, size=14, weight="bold")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, anchor="middle")
        self.parts.append(f'<text transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" '
                          f'font-size="12" fill="#333">{y_label}</text>')

    def px(self, value):
        return LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def py(self, value):
        return HEIGHT - BOTTOM - (value - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, words, size=12, anchor="start", weight="normal", color="#333"):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
                          f'fill="{color}">{words}</text>')

    def line(self, x1, y1, x2, y2, color, width=1.0, dash=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
                          f'stroke-width="{width}"{f" stroke-dasharray={chr(34)}{dash}{chr(34)}" if dash else ""}/>')

    def ticks_y(self, values, show):
        for value in values:
            self.line(LEFT, self.py(value), WIDTH - RIGHT, self.py(value), "#ddd")
            self.text(LEFT - 6, self.py(value) + 4, show(value), anchor="end")

    def ticks_x(self, places):
        for value, words in places:
            self.text(self.px(value), HEIGHT - BOTTOM + 18, words, anchor="middle")

    def key(self, words, color):
        x = LEFT + self.legend
        self.parts.append(f'<rect x="{x}" y="30" width="12" height="12" fill="{color}"/>')
        self.text(x + 17, 40, words)
        self.legend += 32 + 6.3 * len(words)

    def interval(self, x, low, high, color):
        self.line(x, self.py(low), x, self.py(high), color, 1.5)
        for end in (low, high):
            self.line(x - 3, self.py(end), x + 3, self.py(end), color, 1.5)

    def curve(self, points, color):
        """points: (x, value, low, high)"""
        path = " ".join(f"{self.px(x):.1f},{self.py(value):.1f}" for x, value, _, _ in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        for x, value, low, high in points:
            self.interval(self.px(x), low, high, color)
            self.parts.append(f'<circle cx="{self.px(x):.1f}" cy="{self.py(value):.1f}" r="3" fill="{color}"/>')

    def bar(self, center, width, value, low, high, color):
        x, top = self.px(center) - width / 2, self.py(value)
        self.parts.append(f'<rect x="{x:.1f}" y="{top:.1f}" width="{width}" height="{self.py(0) - top:.1f}" fill="{color}" '
                          'fill-opacity="0.75"/>')
        self.interval(self.px(center), low, high, "#111")

    def write(self, name):
        body = "\n".join(self.parts)
        with open(os.path.join(ROOT, "docs", "images", name), "w") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
                       f'font-family="system-ui, sans-serif">\n<title>{self.title}</title>\n<desc>{self.description}</desc>\n'
                       f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n')


def private_code():
    pairs = load("verify/curve.json")["pairs"]
    figure = Figure("FVE to two readers; 800 held-out activations, 95% intervals",
                    "FVE of the pair's own reconstructor rises from 0.54 to 0.77 over 6,000 steps; a second reader's stops at 0.61.",
                    (-150, 6150), (0.45, 0.8), "joint training steps", "FVE")
    figure.ticks_y([0.5, 0.6, 0.7, 0.8], lambda v: f"{v:.1f}")
    figure.ticks_x([(step, f"{step:,}") for step in range(0, 6001, 1000)])
    for (name, words), color in zip([("fve_written", "the pair's own reconstructor"),
                                     ("second_fve_written", "a second reader, never trained with the verbalizer")], COLORS):
        found = [(int(pair["name"]), pair["findings"][name]) for pair in pairs]
        figure.curve([(step, f["value"], f["low"], f["high"]) for step, f in found], color)
        figure.key(words, color)
    figure.write("private-code.svg")


def race():
    states = load("redteam/race-other/result.json")["arms"]["pressed"]
    figure = Figure("Recall by round; bars: lowest and highest of three seeds",
                    "After hiding the pair's recall is near 0 in every round; refreshed it is 100, 86, 32 and 33%; a probe of the next "
                    "block stays at 94% or more.", (-0.3, 4.6), (0, 1), "round (0: the original target)", "recall at 1% false positives")
    figure.ticks_y([0, 0.25, 0.5, 0.75, 1], lambda v: f"{100 * v:.0f}%")
    figure.ticks_x([(n, str(n)) for n in range(5)])
    hidden = [s for s in states if s["stage"] != "refreshed"]
    refreshed = [s for s in states if s["stage"] in ("original", "refreshed")]
    for found, name, words, color, shift in [(hidden, "loop", "pair, after hiding", COLORS[1], 0),
                                             (refreshed, "loop", "pair, refreshed", COLORS[0], 0.1),
                                             (hidden, "probe_block_7", "probe of the next block", COLORS[2], 0.2)]:
        figure.curve([(s["round"] + shift, s[name]["value"], s[name]["lowest"], s[name]["highest"]) for s in found], color)
        figure.key(words, color)
    figure.write("race.svg")


def hide():
    result = load("redteam/hide/result.json")
    figure = Figure("Recall after 150 steps of pressure; bars: lowest and highest of 3 seeds",
                    "The frozen pair's recall falls to 1% or less under three pressures and to 51% by reward alone; refreshed it is 97% or "
                    "more; a new probe of the pair's layer reads 66 to 100%, one of the next block 100%.",
                    (-0.5, 5.5), (0, 1), "target, by what the pressure goes through", "recall at 1% false positives")
    figure.ticks_y([0, 0.25, 0.5, 0.75, 1], lambda v: f"{100 * v:.0f}%")
    arms = ["original", "innocent", "verbalizer", "reconstructor", "probe", "reward"]
    figure.ticks_x(list(enumerate(["original", "control", "verbalizer", "reconstructor", "probe", "reward alone"])))
    looks = [("attacked", "pair, frozen"), ("refreshed", "pair, refreshed"), ("new_probe", "new probe"),
             ("probe_block_7", "new probe, next block")]
    for place, ((name, words), color) in enumerate(zip(looks, COLORS)):
        figure.key(words, color)
        for index, arm in enumerate(arms):
            measured = result[arm]["plain"].get(name)
            if measured:
                figure.bar(index + (place - 1.5) * 0.2, 16, measured["value"], measured["lowest"], measured["highest"], color)
    figure.write("hide.svg")


if __name__ == "__main__":
    private_code()
    race()
    hide()
