# SPDX-License-Identifier: LGPL-2.1-or-later
"""Words a scene, anew each time.

    [article] [size] [colour] name [, kind of thing] [relation] [background] [, style]
"""
import backgrounds
from words import BARE, plural, with_article

STYLE = {  # what is said of a look, and how often it is left out
    "3d": (["3d emoji", "glossy 3d emoji", "3d style", "glossy 3d"], 0.75),
    "flat": (["flat", "flat style", "flat icon", "flat design", "flat emoji"], 0.04),
    "outlined": (["outlined cartoon", "cartoon", "outlined cartoon style", "outlined"], 0.04),
    "render": (["realistic 3d render", "3d render", "realistic render", "realistic"], 0.04),
    "silhouette": (["silhouette icon", "silhouette", "black icon", "icon"], 0.04),
    "clip art": (["clip art", "clipart", "clip art style"], 0.04),
}
WEARING = ["wearing", "wearing", "wearing", "with"]
CALM = ["tranquil", "calm", "peaceful", "quiet", "beautiful", "lovely", "serene"]
ANYTHING = ["something nice", "something", "anything", "a picture", "whatever you like"]
SCRIPTS = ["az"] * 4 + ["\u0430\u044f", "\u03b1\u03c9", "\u05d0\u05ea", "\u0627\u064a", "\u0905\u0939", "\u3042\u3093", "\u4e00\u9fa5",
                        "\uac00\ud7a3", "\U0001f300\U0001f64f", "09", "!/"]  # from which letter to which
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


class Captions:
    """`pack` tells names and colours, `wordnet` (or None) further words."""

    def __init__(self, pack, wordnet=None, unseen=()):
        self.tells_colours = True  # those that things have by nature
        self.things, self.other, self.kind = pack.things, {}, {}  # noun -> (words, how often), more general words
        for thing in pack.things.values():
            synonyms, hypernyms = wordnet.words_for(thing.noun, thing.group) if wordnet else ([], [])
            fits = lambda w: not set(w.replace("-", " ").split()) & set(unseen) and w not in pack.things
            self.other[thing.noun] = (thing.others, 0.25) if thing.others else ([w for w in synonyms if fits(w)], 0.1)
            self.kind[thing.noun] = [w for w in hypernyms if fits(w)]

    def name(self, rng, noun):
        others, share = self.other[noun]
        return rng.choice(others) if others and rng.random() < share else noun

    def named(self, rng, noun, colour=None, size=None):
        thing, name = self.things[noun], self.name(rng, noun)
        if colour is None and thing.colours and self.tells_colours and rng.random() < 0.3:
            colour = rng.choice(thing.colours)
        words = " ".join(w for w in (size, colour, name) if w)
        if rng.random() < 0.15:
            return words
        return with_article(words, name)

    def caption(self, rng, scene):
        w = scene.words
        self.tells_colours = scene.look != "silhouette"
        text = getattr(self, "say_" + scene.kind.replace(" ", "_"))(rng, w)
        if scene.kind == "nonsense":
            return text
        if scene.kind != "place":
            text += self.where(rng, scene.background, scene.look)
        return text + self.style(rng, scene.look)

    def style(self, rng, look):
        if look not in STYLE or rng.random() < STYLE[look][1]:
            return ""
        return ", " + rng.choice(STYLE[look][0])

    def where(self, rng, background, look):
        kind = background[0]
        if kind == "solid":
            if background[1] == "white" and rng.random() < 0.8:
                return ""
            words = with_article(f"{background[1]} background")
            return f" on {words}" if rng.random() < 0.85 else f", {background[1]} background"
        if kind == "gradient":
            return rng.choice([f" on a {background[1]} and {background[2]} gradient", f" on a gradient from {background[1]} to "
                               f"{background[2]}", f", {background[1]} and {background[2]} gradient background"])
        _, place, time, _ = background
        return " " + rng.choice(backgrounds.PLACES[place][0]) + backgrounds.at_time(time)

    # ------------------------------------------------------------ one for each kind of scene

    def say_portrait(self, rng, w):
        text = w["text"].replace(" a orange", " an orange")
        return with_article(text, "portrait")

    def say_single(self, rng, w):
        text = self.named(rng, w["noun"], w["colour"], w["size"])
        kinds = self.kind[w["noun"]]
        if kinds and rng.random() < 0.04:
            return text + ", " + rng.choice(kinds)
        if kinds and not w["colour"] and rng.random() < 0.02:
            return with_article(rng.choice(kinds))
        return text

    say_recolour = say_single

    def say_nonsense(self, rng, _):
        """Words that mean nothing to the model: letters at random in many scripts; or none in particular."""
        if rng.random() < 0.2:
            return rng.choice(ANYTHING)
        first, last = rng.choice(SCRIPTS)
        words = ["".join(chr(rng.randint(ord(first), ord(last))) for _ in range(rng.randint(2, 9)))
                 for _ in range(rng.randint(1, 5))]
        return " ".join(words)

    def say_count(self, rng, w):
        name = self.name(rng, w["noun"])
        return f"{NUMBERS[w['count']]} {plural(name)}" if name not in BARE else f"{NUMBERS[w['count']]} {name}"

    def say_pair(self, rng, w):
        if w["relation"] == "size":
            name = w["noun"]
            first, second = ("big", "small") if rng.random() < 0.5 else ("large", "little")
            return f"{with_article(first + ' ' + name)} and {with_article(second + ' ' + name)}"
        between = {"left of": rng.choice([" to the left of ", " left of "]),
                   "right of": rng.choice([" to the right of ", " right of "]),
                   "above": rng.choice([" above ", " over "]), "below": rng.choice([" below ", " under "]),
                   "next to": rng.choice([" next to ", " beside "])}
        first, second = self.named(rng, w["noun"], w["colour"]), self.named(rng, w["other"], w["colour 2"])
        return first + between.get(w["relation"], f" {w['relation']} ") + second

    def say_dressed(self, rng, w):
        text = self.named(rng, w["noun"])
        if w["worn"]:
            text += f" {rng.choice(WEARING)} {with_article(w['worn'])}"
        if w["vehicle"]:
            text += f" {rng.choice(('on', 'on', 'riding'))} {with_article(w['vehicle'])}"
        return text

    def say_in(self, rng, w):
        return f"{self.named(rng, w['noun'])} {w['relation']} {with_article(w['other'])}"

    say_on = say_in

    def say_place(self, rng, w):
        text = rng.choice(backgrounds.ALONE[w["place"]])
        if rng.random() < 0.35:
            word = rng.choice(CALM)
            text = f"{text.split(' ')[0]} {word} {' '.join(text.split(' ')[1:])}"
        text += backgrounds.at_time(w["time"])
        if w["noun"]:
            noun = with_article(w["noun"]) if w["count"] == 1 else rng.choice([plural(w["noun"]), "two " + plural(w["noun"])])
            text += f" with {noun}"
        return text
