# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hundred things that the evaluation asks for, and the art that its recogniser learns them from.

    art = Art(folder)                 # art.bin and index.jsonl, as for the recipe
    art.of("fox", TRAINING)           # numbers of its sprites in these sources
    art.picture(number)               # PIL image, RGBA

The generator learns its look from fluent-3d, which is not in TRAINING, and other styles from fluent-emoji-flat,
streamline-emojis, sh3d, game-icons, openclipart and dicebear: of these the recogniser sees streamline-emojis and
openclipart, in compositions of its own. LEFT_OUT is seen by neither and measures the recogniser.
"""
import io
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "recipe"), os.path.join(HERE, "..")]

from PIL import Image

import things

TRAINING = ("fluent-emoji", "noto", "noto-v1", "twemoji", "fxemoji", "streamline-emojis", "openclipart",
            "streamline-kameleon-color", "streamline-ultimate-color")
LEFT_OUT = ("emojione",)
GENERATED = ("fluent-3d",)  # the look of what the generator draws; only looked at, never learned

CONCEPTS = [name.strip() for name in """
fox, dog, cat, panda, bear, koala, lion, tiger, rabbit, monkey, pig, cow, wolf, frog, penguin, owl, unicorn, horse,
elephant, turtle, snake, octopus, fish, crab, bee, ladybug, butterfly, snail, chick,
apple, banana, strawberry, watermelon, pineapple, grapes, lemon, cherries, carrot, corn, avocado, mushroom, hamburger,
pizza, french fries, hot dog, donut, ice cream, birthday cake, eggplant,
car, bus, tractor, steam train, bicycle, airplane, helicopter, rocket, sailboat, truck, motorcycle, ship, skateboard,
kick scooter,
palm tree, cactus, sunflower, rose, christmas tree, snowman, rainbow, cloud, star, fire, umbrella, moon, heart,
house, castle, volcano,
crown, top hat, sunglasses, guitar, balloon, gift, key, light bulb, bomb, soccer ball, basketball, robot, ghost, alien,
skull, pumpkin, couch, box, bathtub, diamond, bucket
""".replace("\n", " ").split(",")]

# Sprites that show something else than their name says.
WRONG = {("fxemoji", "sunglasses"), ("fxemoji", "motorcycle"), ("fxemoji", "ship"), ("fxemoji", "volcano"),
         ("fxemoji", "rainbow")}
# Names too near to a concept to be shown as something else.
NEAR = {"taxi", "sport utility vehicle", "pickup truck", "ambulance", "fire engine", "minibus", "trolleybus", "tram",
        "boat", "ferry", "canoe", "speedboat", "tangerine", "peach", "pear", "green apple", "melon", "tomato", "wine",
        "locomotive", "train", "metro", "railway car", "station", "snowflake", "shaved ice", "soft ice cream", "sun",
        "glowing star", "dizzy", "sparkles", "person biking", "man biking", "goblin", "ogre", "alien monster", "home",
        "deciduous tree", "evergreen tree", "blossom", "tulip", "hibiscus", "cherry blossom", "face", "rat", "hamster",
        "boar", "ram", "ewe", "goat", "ox", "leopard", "raccoon", "hatching", "bird", "eagle", "duck", "dragon", "whale",
        "dolphin", "shark", "squid", "shrimp", "lobster", "ant", "beetle", "bug", "cupcake", "shortcake", "cake", "hat",
        "cap", "crescent", "sea", "planet", "glasses", "goggles", "violin", "banjo", "gem", "ring", "volleyball", "moped", "hut",
        "hotel", "building"}


class Art:
    def __init__(self, folder):
        with open(os.path.join(folder, "index.jsonl")) as f:
            self.rows = [json.loads(line) for line in f]
        self.file = open(os.path.join(folder, "art.bin"), "rb")
        sprite = {line.split("|")[0].strip(): line.split("|")[1].strip().lower() for line in things.TABLE.splitlines()}
        self.named = {}
        for concept in CONCEPTS:
            for name in {sprite[concept], concept}:
                self.named[name] = concept
        self.words = {word for name in self.named for word in name.split()} | NEAR
        self.numbers = {}
        for i, row in enumerate(self.rows):
            concept = self.named.get(row["name"].lower())
            if concept and not row.get("skin") and (row["src"], concept) not in WRONG:
                self.numbers.setdefault((concept, row["src"]), []).append(i)

    def of(self, concept, sources):
        return [i for source in sources for i in self.numbers.get((concept, source), ())]

    def others(self, sources):
        """Sprites of these sources that show none of the concepts."""
        return [i for i, row in enumerate(self.rows)
                if row["src"] in sources and not row.get("skin") and row["group"] in ("objects", "food", "travel", "activities")
                and not set(row["name"].lower().replace("-", " ").split()) & self.words
                and row["name"].lower() not in self.words]

    def sources(self, concept):
        """How many sources of the pack have art for it by this name."""
        return len({source for name, source in self.numbers if name == concept})

    def picture(self, number):
        row = self.rows[number]
        self.file.seek(row["off"])
        image = Image.open(io.BytesIO(self.file.read(row["len"])))
        if row.get("mask"):
            shape = Image.new("RGBA", image.size, (20, 20, 24, 0))
            shape.putalpha(image.convert("L"))
            image = shape
        image = image.convert("RGBA")
        return image.crop(image.getbbox() or (0, 0, *image.size))
