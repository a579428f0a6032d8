# SPDX-License-Identifier: LGPL-2.1-or-later
"""People whose every feature is known, drawn by DiceBear (portraits.mjs) and put into words.

One of the sources of sources.py: see there for what is yielded.
"""
import json
import os
import re
import subprocess

COUNT = 600  # a style
HERE = os.path.dirname(os.path.abspath(__file__))

# Words for the parts that do not say it themselves; "" for what is not worth a word. + is where the hair's colour goes.
PERSONAS = {
    "eyes": {"open": "", "sleep": "with closed eyes", "wink": "winking", "glasses": "wearing glasses",
             "happy": "with closed eyes", "sunglasses": "wearing sunglasses"},
    "mouth": {"smile": "smiling", "bigSmile": "smiling", "frown": "frowning", "surprise": "surprised",
              "pacifier": "with a pacifier", "smirk": "smirking", "lips": ""},
    "hair": {"long": "with + long hair", "sideShave": "with + side shaved hair", "shortCombover": "with + short hair",
             "curlyHighTop": "with + curly high top hair", "bobCut": "with a + bob cut", "curly": "with + curly hair",
             "pigtails": "with + pigtails", "curlyBun": "with a + curly bun", "buzzcut": "with a + buzz cut",
             "bobBangs": "with a + bob with bangs", "bald": "bald", "balding": "with + balding hair",
             "cap": "wearing a + cap", "bunUndercut": "with a + bun", "fade": "with a + fade haircut",
             "beanie": "wearing a + beanie", "straightBun": "with a + bun", "extraLong": "with + very long hair",
             "shortComboverChops": "with + short hair and sideburns", "mohawk": "with a + mohawk"},
    "facialHair": {"beardMustache": "with a beard and mustache", "pyramid": "with a mustache",
                   "walrus": "with a walrus mustache", "goatee": "with a goatee", "shadow": "with stubble",
                   "soulPatch": "with a soul patch"},
}
MICAH = {
    "hair": {"fonze": "with + slicked back hair", "mrT": "with a + mohawk", "dougFunny": "with + thin hair",
             "mrClean": "bald", "dannyPhantom": "with + spiky hair", "full": "with + long wavy hair",
             "turban": "wearing a + turban", "pixie": "with a + pixie cut"},
    "glasses": {"round": "wearing round glasses", "square": "wearing square glasses"},
    "earrings": {"hoop": "with earrings", "stud": "with earrings"},
    "facialHair": {"beard": "with a beard", "scruff": "with stubble"},
    "mouth": {"surprised": "surprised", "laughing": "laughing", "nervous": "nervous", "smile": "smiling", "sad": "sad",
              "pucker": "puckering", "frown": "frowning", "smirk": "smirking"},
}
BIG_SMILE = {
    "hair": {"shortHair": "with + short hair", "mohawk": "with a + mohawk", "wavyBob": "with a + wavy bob",
             "bowlCutHair": "with a + bowl cut", "curlyBob": "with a + curly bob",
             "straightHair": "with + long straight hair", "braids": "with + braids", "shavedHead": "with a shaved head",
             "bunHair": "with a + hair bun", "froBun": "with a + afro bun", "bangs": "with + hair with bangs",
             "halfShavedHead": "with a + half shaved head", "curlyShortHair": "with + short curly hair"},
    "eyes": {"cheery": "cheerful", "normal": "", "confused": "confused", "starstruck": "with starry eyes",
             "winking": "winking", "sleepy": "sleepy", "sad": "sad", "angry": "angry"},
    "accessories": {"catEars": "wearing cat ears", "glasses": "wearing glasses", "sailormoonCrown": "wearing a tiara",
                    "clownNose": "with a clown nose", "sleepMask": "wearing a sleep mask",
                    "sunglasses": "wearing sunglasses", "faceMask": "wearing a face mask",
                    "mustache": "with a mustache"},
}
OPEN_PEEPS = {
    "head": {"afro": "with an afro", "bangs": "with bangs", "bantuKnots": "with bantu knots", "bear": "wearing a bear hat",
             "bun": "with a hair bun", "buns": "with two hair buns", "cornrows": "with cornrows",
             "dreads": "with dreadlocks", "flatTop": "with a flat top haircut",
             "flatTopLong": "with a tall flat top haircut", "grayBun": "with a gray hair bun",
             "grayMedium": "with gray hair", "grayShort": "with short gray hair", "hatBeanie": "wearing a beanie",
             "hatHip": "wearing a hat", "hijab": "wearing a hijab", "long": "with long hair",
             "longAfro": "with a long afro", "longBangs": "with long hair with bangs",
             "longCurly": "with long curly hair", "medium": "with medium length hair",
             "mediumBangs": "with hair with bangs", "mediumStraight": "with straight hair", "mohawk": "with a mohawk",
             "noHair": "bald", "pomp": "with a pompadour", "shaved": "with a shaved head", "short": "with short hair",
             "turban": "wearing a turban", "twists": "with hair twists"},
    "accessories": {"eyepatch": "with an eyepatch", "glasses": "wearing glasses", "sunglasses": "wearing sunglasses"},
    "mask": {"medicalMask": "wearing a face mask", "respirator": "wearing a respirator"},
    "facialHair": {"chin": "with a chin beard", "full": "with a beard", "goatee": "with a goatee",
                   "moustache": "with a mustache"},
    "face": {"angryWithFang": "angry", "awe": "amazed", "blank": "", "calm": "calm", "cheeky": "smiling",
             "concerned": "worried", "concernedFear": "scared", "contempt": "annoyed", "cute": "cute",
             "cyclops": "with one eye", "driven": "serious", "eatingHappy": "", "explaining": "",
             "eyesClosed": "with closed eyes", "fear": "scared", "hectic": "furious", "lovingGrin": "in love",
             "monster": "with a monster face", "old": "old", "rage": "furious", "serious": "serious",
             "smile": "smiling", "smileBig": "smiling", "smileLOL": "laughing", "smileTeethGap": "smiling",
             "solemn": "serious", "suspicious": "suspicious", "tired": "tired", "veryAngry": "very angry"},
}
STYLES = {  # package: (source, style, licence, parts)
    "personas": ("dicebear-personas", "flat portrait", "CC-BY-4.0", PERSONAS),
    "micah": ("dicebear-micah", "outlined portrait", "CC-BY-4.0", MICAH),
    "big-smile": ("dicebear-bigSmile", "cartoon face", "CC-BY-4.0", BIG_SMILE),
    "open-peeps": ("dicebear-openPeeps", "hand drawn portrait", "CC0-1.0", OPEN_PEEPS),
}
COLOURS = {
    "black": "000000 220f00", "white": "ffffff dee1f5 d2eff3", "dark brown": "362c47 3a1a00 2c1b18 4a312c",
    "brown": "6c4545 71472d 77311d ac6651 724133 a55728", "blonde": "e2ba87 ffeba4 f4d150 e9b729 d6b370 ecdcbf",
    "red": "e24553 e15c66", "orange": "f27d65 f29c65 d56c0c c93305", "pink": "e16381 f55d81 fc909f ffedef f59797 e279c7",
    "purple": "7555ca 9287ff 605de4", "lavender": "e0ddff", "blue": "456dff 8fa7df", "light blue": "9ddadb",
    "teal": "54d7c7 6bd9e9 238d80", "green": "6dbb58 78e185", "yellow": "f3b63a ffcf77 fdea6b", "beige": "f9c9b6",
    "coral": "e78276",
}
CLOTHES = {"blonde": "yellow", "dark brown": "brown"}  # what hair is called and cloth is not
SKINS = ((205, "light skin"), (170, "tan skin"), (120, "medium skin"), (0, "dark skin"))


def channels(colour):
    return [int(colour[k:k + 2], 16) for k in (0, 2, 4)]


def colour_name(colour):
    colour = colour.lstrip("#").lower()
    options = [(sum((a - b) ** 2 for a, b in zip(channels(c), channels(colour))), name)
               for name, codes in COLOURS.items() for c in codes.split()]
    return min(options)[1]


def article(words):
    return re.sub(r"\ba (?=[aeiou])", "an ", words)


def words(style, parts, extra):
    """ "flat portrait of a person with ...", from what was drawn."""
    said = []
    for part, table in parts.items():
        value = extra.get(part)
        phrase = table.get(value) or table.get(re.sub(r"\d+$", "", value or ""), "")
        tint = extra.get("hairColor") if part == "hair" else None
        said.append(phrase.replace("+", colour_name(tint) if tint else "").replace("  ", " "))
    shirt = extra.get("clothingColor") or extra.get("shirtColor")
    if shirt:
        name = colour_name(shirt)
        cut = {"checkered": "checkered ", "collared": "collared "}.get(extra.get("body") or extra.get("shirt"), "")
        said.append(f"in a {CLOTHES.get(name, name)} {cut}shirt")
    bald = "bald " if "bald" in said else ""
    said = [s for s in said if s and s != "bald"]
    return article(f"{style} of a {bald}person {', '.join(said)}".strip())


def skin(extra):
    code = (extra.get("skinColor") or extra.get("baseColor")).lstrip("#")
    light = sum(w * c for w, c in zip((0.3, 0.59, 0.11), channels(code)))
    return next(name for least, name in SKINS if light >= least)


def portraits(package):
    source, style, licence, parts = STYLES[package]

    def pictures(shelf):
        modules = os.path.join(os.path.abspath(shelf.root), "node_modules")
        command = ["node", os.path.join(HERE, "portraits.mjs"), modules, package, str(COUNT)]
        for line in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines():
            drawn = json.loads(line)
            yield ({"src": source, "lic": licence, "style": style, "name": words(style, parts, drawn["extra"]),
                    "tags": [skin(drawn["extra"])], "group": "people", "sub": "portrait"},
                   ("svg", drawn["svg"].encode(), 0.9375))
    return pictures


SOURCES = {source: portraits(package) for package, (source, _, _, _) in STYLES.items()}
