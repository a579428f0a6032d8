# SPDX-License-Identifier: LGPL-2.1-or-later
"""Leaves out of a sprite pack what must not or cannot be learned, and puts names into words that people use.

    python3 clean.py PACK --packages PACKAGES            # PACK/index.jsonl -> PACK/clean.jsonl (art.bin stays as it is)
    python3 clean.py PACK --packages PACKAGES --show     # and prints what was left out or renamed, and why

Each rule below is a table or a line; `cleaned` goes through them in order. A cleaned name is lower case but for names,
without colons and numbers; WordNet tells words from what is none.
"""
import argparse
import json
import os
import re
from collections import Counter

import fetch
from wordnet import SMALL, Nouns, rows

BRANDS = set("""adobe android apple_logo apple_computer bluetooth chevrolet citroen debian facebook firefox ford ibook ipad macbook google_logo icons8
 instagram iphone ipod jenga linux macintosh microsoft mozilla nintendo peugeot playstation ps4 renault seat_leon spotify
 tux twitter vespa wii youtube yamaha nook bbc penguin_linux gnome kde ubuntu netscape wall_e
 mickey disney batman superman pokemon pikachu wikipedia openoffice gimp inkscape""".replace("\n", "").split())

ABSTRACT = set("""anger symbol|angry face with symbols|dizzy|hole|hundred points|left speech bubble|right anger bubble
|speech balloon|thought balloon|ZZZ|eye in speech bubble|dashing away|collision|fight cloud|sweat droplets|dotted line face
|head shaking horizontally|head shaking vertically|face with open eyes and hand over mouth|bell with slash
|bookmark tabs|card index dividers|control knobs|level slider|e-mail|envelope with arrow|inbox tray|outbox tray
|incoming envelope|label|link|linked paperclips|locked with pen|locked with key|mobile phone with arrow|muted speaker
|placard|speaker high volume|speaker low volume|speaker medium volume|page with curl|page facing up|identification card
|ballot box with ballot|chart decreasing|chart increasing|bar chart|low battery|card index|card file box|film frames
|loudspeaker|musical note|musical notes|musical score|globe with meridians|fog|foggy|construction|stop sign|high voltage
|bus stop|station|cyclone|hot springs|performing arts|mahjong red dragon|flower playing cards|joker|moon viewing ceremony
|love hotel|reminder ribbon|club suit|diamond suit|heart suit|spade suit|radio button|diamond with a dot
|white square button|black square button|landslide|barber pole|nazar amulet|hamsa|microbe|dna|bubbles|sparkles
|busts in silhouette|bust in silhouette|speaking head""".replace("\n", "").split("|"))

INTERFACE = set("""align alt analytics attachment auto broken_link browser bubble call_transfer cancel chart chat
 clear_filters cog com connector copy currency diagram disable display divide do_not download e_commerce
 exchange exclude export feed focus font generic go_pro grid guides heat_map hierarchy identification import indent
 input job landscape_mode launch_go layers light_mode like link loading login low_priority map_marker messages
 mind_map module move multiple navigation parallel paragraph pathfinder
 payment performance placeholder pointer rank reflect refresh remove responsive retouch 
 rotate rss scroll search_engine self_service send settings shapes share shrink sms sorting startup 
 switch_camera tags team tracking trading transform transit tree_structure trends update upload url usb vectors
 vip volume website window workflow zoom abstract arrow checkbox cursor enter_key ab_testing airplane_mode
 butting_in drag automatic engineering fine_print gas_e gas_f high_battery integrated in_transit love_it
 sports_mode touch tap warning self checkmark bad_decision crystal_oscillator feed_in public_service
 module pressure tide offshore onshore hdr iris_scan meeting_remote shipment saving_bank human_resources single_neutral
 single_man single_woman business_team monetization insurance e_mail""".replace("\n", "").split())
WEAK = set("""bottom center direction double down flip high horizontal left low middle mode negative neutral next option
 positive power priority right split top up vertical""".split())  # interface where the name has no other words

VAGUE = set("""art background banner blank border business button clipart clip cliparts collection drawing element
 example figure form frame graphic help home icon icons image line lines logo object ornament pattern
 picture pictogram set shape sign signs silhouette style sticker stop symbol symbols template test text thing title
 untitled vector work various misc new old sketch outline design color colors""".split())
SETS = {"theme", "icons", "iconset", "collection", "part", "by", "series", "kit"}  # a set of pictures, all under its name
FOREIGN = set("""acquila barattolo casa con cuore del della di dei du en et fiore gatto il la las le les los macchina
 mela ne pas por que schermo sedia sul tavolo und uno una albero penna libro del vi""".split())

RENAMED = {  # what the sources call it: what people do
    "automobile": "car", "T-Rex": "tyrannosaurus rex", "lady beetle": "ladybug", "honeybee": "bee",
    "jack-o-lantern": "jack-o'-lantern pumpkin", "bullseye": "dartboard target", "billed cap": "baseball cap",
    "deciduous tree": "tree", "evergreen tree": "pine tree", "wrapped gift": "gift", "game die": "dice",
    "pool 8 ball": "eight ball", "sport utility vehicle": "suv", "articulated lorry": "truck",
    "front-facing baby chick": "baby chick", "two-hump camel": "bactrian camel", "spouting whale": "whale",
    "tear-off calendar": "calendar", "magnifying glass tilted left": "magnifying glass",
    "magnifying glass tilted right": "magnifying glass", "pile of poo": "poo", "potted plant": "plant in a pot",
    "hashtray": "ashtray", "gaz water heater": "gas water heater", "lip stick": "lipstick", "mocassin": "moccasin",
    "trunck": "trunk", "letters box": "letter box", "cup cake": "cupcake", "fork lift": "forklift",
    "teck chair": "teak chair", "woman shoes": "women's shoes", "sofa 2 seats": "two seat sofa",
    "sofa 3 seats": "three seat sofa", "tv 16:9": "television", "tv": "television", "male": "man", "female": "woman",
    "sitting male": "sitting man", "sitting female": "sitting woman", "lying down male": "man lying down",
    "lying down female": "woman lying down", "lying down boy": "boy lying down", "convertible sofa bz": "sofa bed",
    "opened convertible sofa bz": "open sofa bed", "concept sedan 01": "sedan", "concept sedan 02": "sedan",
    "concept sedan 02 sport": "sports car", "car model": "model car", "short": "shorts", "puff": "pouf",
    "barnum": "marquee tent", "frame chambord": "framed picture", "frame hôi an": "framed picture",
    "plate, glass and cutlery": "plate with a glass and cutlery", "induction cooker 2 zones": "induction cooker",
    "plate, glasses and cutlery": "plate with glasses and cutlery", "induction cooker 4 zones": "induction cooker",
    # names that were run together, as some packs cut them
    "au berg ine": "eggplant", "bac tri an camel": "bactrian camel", "dr om ed ary camel": "dromedary camel",
    "ha mps ter": "hamster", "fo xp outing": "pouting fox", "fireworks par kl er": "sparkler", "mo yai": "moai",
    "iz aka ya lantern": "red paper lantern", "spur ting whale": "whale", "man lte piece clock": "mantelpiece clock",
    "toy ko tower": "tokyo tower", "tongue out win k2": "winking face with tongue", "bi cyclist": "cyclist",
    "flex bic ep": "flexed biceps", "grins quint": "grinning squinting face", "ho cho": "kitchen knife",
    "gu api mao": "man with a skullcap", "video ca set te": "videocassette", "sc or pius": "scorpion",
    "sag gita ri us": "centaur archer", "wo mans shirt": "woman's shirt", "thought ba loon": "thought bubble",
    "a ok": "ok hand", "high 5": "high five", "bunny": "rabbit", "bunny side": "rabbit", "cop": "police officer", "poo": "poo",
    "sleuth spy": "detective", "father christmas": "santa claus", "electric torch": "flashlight",
}
SHELF_WORDS = ("amusement park|animal products|instrument|medical specialty|medical instrument|vegetables|fruit|seafood|"
               "fast food|board game|locker room|design tool|kitchenware|seasoning|natural disaster|science fiction|"
               "farmers market|photography equipment|soft drinks|casino|concert|content|make up|body care|chef gear|"
               "night club|circus|space|weather|party|dentistry|science|warehouse|business|electronics|transfusion|"
               "show theater|taking pictures|e commerce|professions|drugs|railroad|insect")
FOX_EMOJI = (  # what to turn round or to cut in the names of fxemoji
    (r"^heart (blue|green|purple|yellow)$", r"\1 heart"), (r" side$", ""), (r"^(lower left|reverse|turned) ", ""),
    (r"^(left|right) (?=magnifying|speech|writing)", ""), (r"^front facing ", ""), (r" icon$", ""),
    (r"^fox (crying|grin|heart|kissing|smiling|tear of joy|weary|wry)$", r"fox face \1"))
COUNTRIES = set("""australia brazil canada china egypt france germany greece india iran iraq italy japan malaysia mexico
 nepal north_korea pakistan portugal russia singapore south_africa south_korea spain switzerland syria thailand
 united_arab_emirates united_kingdom united_states""".replace("\n", "").split())
PLACES = {"the": "united_arab_emirates united_kingdom united_states".split()}
WITH_HAIR = {"bald": "bald {}", "beard": "{} with a beard"}  # person: bald, person: beard


class English:
    """Which words there are, from WordNet and a few more."""

    MORE = set("a an the of and in on with at to from for by under over is as into or two three four five s t tokyo".split())

    def __init__(self, folder):
        self.nouns = Nouns(folder)
        self.words = set(self.nouns.words) | self.MORE
        for name in ("index.verb", "index.adj", "index.adv", "verb.exc", "adj.exc", "noun.exc"):
            self.words |= {fields[0] for fields in rows(os.path.join(folder, name))}

    def knows(self, word):
        word = word.strip("'").removesuffix("'s")
        forms = {word} | {word[:-len(end)] + new for new in ("", "e", "y") for end in ("ing", "ed", "s", "es", "ies", "er")
                          if word.endswith(end) and len(word) > len(end) + 2}
        forms |= {f[:-1] for f in forms if len(f) > 3 and f[-1:] == f[-2:-1]}
        return bool(forms & self.words) or all(part in self.words for part in word.split("-"))


def has(words, table):
    """Whether one of the table's words, or of its phrases written with _, is among the words."""
    joined = "_" + "_".join(words) + "_"
    return any(f"_{entry}_" in joined for entry in table)


def forbidden(row):
    """Why a picture must not be learned, or None."""
    name, source = row["name"], row["src"]
    words = re.findall(r"[a-z0-9]+", name.lower())
    if source == "fluent-3d" and ("technologist" in name or name == "video game"):
        return "logo"
    if has(words, BRANDS) or "logo" in words:
        return "brand"
    if row.get("skin") and re.match(r"(kiss|couple|family|people holding|wom[ae]n (and man )?holding|men holding|handshake)",
                                    name):
        return "two tones"
    if name in ABSTRACT:
        return "abstract"
    if row["group"] == "icon" and source != "game-icons" and (has(words, INTERFACE) or set(words) <= WEAK):
        return "interface"
    if source == "game-icons" and has(words, {"abstract", "logo", "cursor", "checkbox", "arrow_cursor"}):
        return "interface"
    return None


def listed(people):
    """["man", "woman", "boy"] -> "a man, a woman and a boy"."""
    people = [("an " if p[0] in "aeiou" else "a ") + p for p in people]
    return people[0] if len(people) == 1 else ", ".join(people[:-1]) + " and " + people[-1]


def without_colon(name):
    """Unicode's "what: how" in plain words."""
    what, how = (part.strip() for part in name.split(":", 1))
    hows = [h.strip() for h in how.split(",")]
    tones = [h for h in hows if h.endswith("skin tone")]
    rest = [h for h in hows if h not in tones]
    if what in ("kiss", "couple with heart", "family"):
        people = listed(rest)
        return {"kiss": f"{people} kissing", "couple with heart": f"{people} in love"}.get(what, f"family of {people}")
    out = what
    for h in rest:
        out = WITH_HAIR.get(h, f"{{}} {h}" if h.startswith("facing") else "{} with " + h).format(out)
    if tones:
        out += (" and " if any("hair" in h or h == "beard" for h in rest) else " with ") + tones[0].replace(" skin tone", " skin")
    return out


def clip_art_title(name, tags, english):
    """A title that says what the picture shows, or None: unknown words are cut from the end."""
    words = name.split()
    if any(w in FOREIGN or w in SETS for w in words):
        return None
    while words and (not english.knows(words[-1]) or len(words[-1]) == 1):
        words.pop()
    if not words or len(words) > 5 or not all(english.knows(w) for w in words):
        return None
    words = [w for w in words if w not in ("icon", "clipart", "silhouette", "symbol", "sketch", "drawing", "outline", "cartoon")]
    if not words or all(w in VAGUE or len(w) < 3 for w in words):
        return None
    head, _ = english.nouns.head(" ".join(words))
    return " ".join(words) if head and head not in VAGUE else None


def renamed(row, english):
    """The row under a better name, or (None, why)."""
    name, source = row["name"], row["src"]
    name = RENAMED.get(name, name)
    if ":" in name:
        name = without_colon(name)
    if source == "streamline-emojis":
        name = re.sub(r" \d+$", "", name)
        if name.replace(" ", "_") in COUNTRIES:
            the = "the " if name.replace(" ", "_") in PLACES["the"] else ""
            return {**row, "name": "flag of " + the + name.title(), "group": "flags", "sub": "flag"}, None
    if source.startswith("streamline-ultimate"):
        name = re.sub(f"^({SHELF_WORDS}) (?=[a-z]{{3}})", "", name)  # the shelf that it lies on
    for pattern, new in FOX_EMOJI if source == "fxemoji" else ():
        name = re.sub(pattern, new, name)
    if source in ("fxemoji", "streamline-emojis") and row["group"] == "other":
        name = re.sub(r" \d+$", "", name)  # variants are numbered
        if not all(english.knows(w) for w in name.split()) or any(len(w) < 3 and w not in SMALL for w in name.split()):
            return None, "no words"
        if has(name.split(), INTERFACE | {"cancellation", "document", "font", "icon", "maximize", "minimize", "note",
                                          "page", "pages", "rays", "overlap", "compression", "bubble", "bubbles"}):
            return None, "interface"
    if source == "openclipart":
        name = clip_art_title(name, row["tags"], english)
        if name is None:
            return None, "bad title"
    if source == "sh3d":
        name = re.sub(r" \d+ (panes|zones)$", "", name)
    name = re.sub(r"\ba (?=[aeio])", "an ", name) if source.startswith("dicebear") else name
    return {**row, "name": name}, None


def cleaned(row, english):
    """(the row as it is to be learned, None), or (None, why it is not)."""
    why = forbidden(row)
    return (None, why) if why else renamed(row, english)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pack")
    parser.add_argument("--packages", required=True)
    parser.add_argument("--out")
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    english = English(os.path.join(fetch.folder(args.packages, "wordnet-base"), "usr", "share", "wordnet"))
    left_out, new_names, kept = Counter(), 0, []
    with open(os.path.join(args.pack, "index.jsonl"), encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            better, why = cleaned(row, english)
            if args.show and (why or better["name"] != row["name"]):
                print(row["src"], "|", row["name"], "|", why or "-> " + better["name"])
            if better:
                new_names += better["name"] != row["name"]
                kept.append(better)
            else:
                left_out[row["src"], why] += 1
    out = args.out or os.path.join(args.pack, "clean.jsonl")
    with open(out + ".new", "w", encoding="utf-8") as f:
        for row in kept:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    os.replace(out + ".new", out)
    for (source, why), count in sorted(left_out.items()):
        print(f"left out {count:5} {source}: {why}")
    print(f"{len(kept)} kept, {new_names} of them renamed, {sum(left_out.values())} left out")


if __name__ == "__main__":
    main()
