# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables: things, colours, who wears what and where, which words and combinations are kept from the training.

A line of TABLE: noun | sprite of fluent-3d | natural colours (may be left out of the caption) | other words for it.
These things make up most of what is drawn; everything else that the sources hold comes in besides (sprites.py).
"""

TABLE = """
fox | fox | red, orange |
dog | dog face | brown | puppy
cat | cat face | orange, yellow | kitten
panda | panda | black and white |
bear | bear | brown |
koala | koala | gray |
lion | lion | |
tiger | tiger face | orange |
rabbit | rabbit face | white | bunny
monkey | monkey face | brown |
pig | pig face | pink |
cow | cow face | black and white |
wolf | wolf | gray |
frog | frog | green |
penguin | penguin | |
owl | owl | brown |
mouse | mouse face | gray |
unicorn | unicorn | |
horse | horse | brown |
elephant | elephant | gray |
giraffe | giraffe | |
zebra | zebra | black and white |
turtle | turtle | green |
snake | snake | green |
dinosaur | T-Rex | green | t-rex
whale | spouting whale | blue |
octopus | octopus | |
fish | fish | blue |
crab | crab | red |
shark | shark | gray |
bee | honeybee | |
ladybug | lady beetle | red |
butterfly | butterfly | orange |
spider | spider | black |
duck | duck | |
chick | baby chick | yellow |
flamingo | flamingo | pink |
apple | red apple | red |
banana | banana | yellow |
strawberry | strawberry | red |
watermelon | watermelon | |
pineapple | pineapple | |
grapes | grapes | purple |
lemon | lemon | yellow |
cherries | cherries | red |
orange | tangerine | |
carrot | carrot | orange |
corn | ear of corn | |
avocado | avocado | green |
mushroom | mushroom | red |
cheese | cheese wedge | yellow |
hamburger | hamburger | | burger
pizza | pizza | | slice of pizza
french fries | french fries | | fries
hot dog | hot dog | |
donut | doughnut | | doughnut
ice cream | soft ice cream | | ice cream cone
birthday cake | birthday cake | | cake
cupcake | cupcake | |
cup of coffee | hot beverage | | coffee
teapot | teapot | red |
car | automobile | red |
bus | bus | |
fire truck | fire engine | red | fire engine
tractor | tractor | green |
steam train | locomotive | | locomotive, train
bicycle | bicycle | red | bike
skateboard | skateboard | purple |
airplane | airplane | | plane
helicopter | helicopter | orange |
rocket | rocket | | spaceship
sailboat | sailboat | | boat
truck | delivery truck | | lorry
house | house | | home
castle | castle | |
volcano | volcano | |
palm tree | palm tree | | palm
tree | deciduous tree | green |
cactus | cactus | green |
sunflower | sunflower | yellow |
rose | rose | red |
christmas tree | Christmas tree | |
snowman | snowman | |
rainbow | rainbow | |
sun | sun | |
moon | crescent moon | | crescent moon
cloud | cloud | white |
star | star | yellow |
fire | fire | | flame
umbrella | umbrella | purple |
planet | ringed planet | orange | saturn
soccer ball | soccer ball | | football
basketball | basketball | orange |
trophy | trophy | gold | cup
guitar | guitar | red | electric guitar
balloon | balloon | red |
gift | wrapped gift | yellow | present, gift box
teddy bear | teddy bear | brown |
crown | crown | gold |
top hat | top hat | black | hat
sunglasses | sunglasses | dark |
t-shirt | t-shirt | green | shirt
dress | dress | blue |
backpack | backpack | red |
diamond | gem stone | blue | gem
key | key | gold, yellow |
light bulb | light bulb | yellow | bulb
camera | camera | gray |
television | television | | tv
laptop | laptop | | computer
book | closed book | red |
pencil | pencil | orange |
bomb | bomb | black |
chair | chair | brown |
globe | globe showing Americas | blue | earth
heart | red heart | red |
robot | robot | |
ghost | ghost | white |
alien | alien | green |
skull | skull | white |
pumpkin | jack-o-lantern | orange | halloween pumpkin
smiley face | grinning face | yellow | smiley
astronaut | astronaut | |
santa claus | Santa Claus | | santa
man | man | |
woman | woman | |
polar bear | polar bear | white |
hedgehog | hedgehog | brown |
snail | snail | brown |
parrot | parrot | |
rooster | rooster | |
raccoon | raccoon | gray |
pear | pear | green |
eggplant | eggplant | purple | aubergine
broccoli | broccoli | green |
bread | bread | | loaf of bread
egg | egg | brown |
cookie | cookie | |
lollipop | lollipop | |
beer | beer mug | | mug of beer
police car | police car | |
ambulance | ambulance | |
motorcycle | motorcycle | red | motorbike
scooter | motor scooter | red |
church | church | |
tent | tent | green |
pine tree | evergreen tree | green |
tulip | tulip | pink, purple |
potted plant | potted plant | | plant
snowflake | snowflake | blue |
water drop | droplet | blue | drop
tennis racket | tennis | |
violin | violin | brown |
trumpet | trumpet | |
kite | kite | |
ring | ring | | diamond ring
lock | locked | yellow | padlock
candle | candle | |
telephone | telephone | red | phone
hammer | hammer | |
axe | axe | |
bed | bed | blue |
bucket | bucket | blue |
basket | basket | brown |
telescope | telescope | |
clown | clown face | |
angry face | angry face | |
crying face | crying face | |
sleeping face | sleeping face | |
boy | boy | |
girl | girl | |
baby | baby | |
ufo | flying saucer | | flying saucer
ship | ship | |
drum | drum | red |
magnet | magnet | red |
swords | crossed swords | |
bell | bell | gold, yellow |
sneaker | running shoe | | shoe
taxi | taxi | yellow | cab
dolphin | dolphin | blue |
ferris wheel | ferris wheel | |
camel | camel | |
deer | deer | |
peacock | peacock | |
swan | swan | white |
jellyfish | jellyfish | |
kangaroo | kangaroo | |
sloth | sloth | |
goat | goat | white |
peach | peach | |
tomato | tomato | red |
popcorn | popcorn | |
taco | taco | |
sushi | sushi | |
wine | wine glass | | glass of wine
racing car | racing car | red | race car
kick scooter | kick scooter | blue |
tram | tram | |
anchor | anchor | blue |
hospital | hospital | |
school | school | |
mountain | mountain | |
island | desert island | | desert island
mosque | mosque | |
clover | four leaf clover | green | four leaf clover
maple leaf | maple leaf | red |
full moon | full moon | |
lightning | high voltage | orange | lightning bolt
wave | water wave | blue |
baseball | baseball | |
saxophone | saxophone | |
jeans | jeans | blue |
handbag | handbag | brown | purse
suitcase | luggage | blue | luggage
phone | mobile phone | | mobile phone, smartphone
toilet | toilet | white |
bathtub | bathtub | |
couch | couch and lamp | blue | settee
door | door | brown |
broom | broom | |
box | package | brown | package
envelope | envelope | | letter
microscope | microscope | |
compass | compass | |
shield | shield | blue |
mermaid | mermaid | |
tooth | tooth | white |
bone | bone | white |
thumbs up | thumbs up | |
cap | billed cap | blue | baseball cap
scarf | scarf | red |
gloves | gloves | purple |
socks | socks | green |
dice | game die | white |
puzzle piece | puzzle piece | green |
radio | radio | |
microphone | microphone | |
headphones | headphone | |
palette | artist palette | | paint palette
paintbrush | paintbrush | |
crystal ball | crystal ball | |
magic wand | magic wand | |
""".strip()


COLOURS = {  # hue in degrees, for turning a sprite's main hue; black, white and gray are made otherwise
    "red": 0, "orange": 27, "yellow": 48, "green": 138, "blue": 212, "purple": 272, "pink": 330, "brown": 25,
    "black": None, "white": None, "gray": None,
}
PLAIN = ("star", "rainbow", "balloon", "gift", "diamond", "heart", "light bulb", "umbrella", "sunflower", "rocket")
FACELESS = {"heart", "robot", "ghost", "alien", "skull"}  # of the smileys: what comes in any colour
SOLID = {  # backgrounds of one colour
    "white": (255, 255, 255), "red": (214, 48, 49), "orange": (250, 152, 58), "yellow": (255, 221, 89),
    "green": (88, 184, 108), "blue": (66, 134, 244), "purple": (146, 93, 214), "pink": (255, 168, 203),
    "black": (24, 24, 28), "gray": (150, 154, 160), "brown": (139, 94, 60), "beige": (240, 226, 200),
    "light blue": (160, 208, 250), "dark blue": (24, 44, 110), "turquoise": (64, 200, 190),
}

# Faces and figures that wear glasses and hats and ride: centre of the eyes (x, y) and width of the glasses, in parts
# of the sprite's width and height.
RIDERS = {
    "fox": (0.50, 0.585, 0.74), "dog": (0.50, 0.40, 0.66), "cat": (0.50, 0.52, 0.70), "panda": (0.50, 0.57, 0.70),
    "bear": (0.50, 0.47, 0.66), "koala": (0.50, 0.50, 0.62), "lion": (0.50, 0.47, 0.52), "tiger": (0.50, 0.45, 0.66),
    "rabbit": (0.50, 0.60, 0.76), "monkey": (0.50, 0.42, 0.60), "pig": (0.50, 0.47, 0.66), "wolf": (0.50, 0.55, 0.64),
    "polar bear": (0.50, 0.47, 0.66), "raccoon": (0.50, 0.50, 0.66), "cow": (0.50, 0.38, 0.52),
    "mouse": (0.50, 0.48, 0.52), "penguin": (0.50, 0.27, 0.50), "owl": (0.50, 0.27, 0.80),
    "robot": (0.50, 0.47, 0.66), "ghost": (0.50, 0.33, 0.60), "skull": (0.50, 0.45, 0.76),
    "alien": (0.50, 0.50, 0.74), "pumpkin": (0.50, 0.48, 0.70), "smiley face": (0.50, 0.40, 0.80),
    "teddy bear": (0.50, 0.24, 0.44), "santa claus": (0.47, 0.50, 0.56),
}
HATS = {  # middle of the hat's lower edge (y) and its width, in parts of the wearer's
    "top hat": (0.06, 0.62), "crown": (0.06, 0.56), "cap": (0.10, 0.62), "graduation cap": (0.12, 0.72),
    "military helmet": (0.14, 0.66),
}
VEHICLES = {  # where a rider's lower edge comes, and the middle of it, in parts of the vehicle's height and width; size
    "skateboard": (0.12, 0.50, 112), "kick scooter": (0.80, 0.55, 84), "sled": (0.55, 0.50, 104),
    "scooter": (0.42, 0.42, 104), "motorcycle": (0.30, 0.45, 108), "bicycle": (0.30, 0.42, 106),
    "rocket": (0.30, 0.50, 100), "cloud": (0.25, 0.50, 110), "canoe": (0.55, 0.50, 114),
}
CONTAINERS = {  # where the opening is, in parts of the container's height
    "basket": 0.52, "bucket": 0.22, "box": 0.30, "bathtub": 0.55, "shopping cart": 0.35, "nest": 0.45,
}
SUPPORTS = {  # where things stand on it, in parts of its height
    "bed": 0.45, "couch": 0.50, "box": 0.12, "book": 0.30, "chair": 0.50, "rock": 0.10, "cake": 0.15, "car": 0.06,
}
ONE_WAY = {"key", "pencil", "book", "police car", "ambulance", "taxi"}  # not shown mirrored
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}

# Never in a caption: they show whether words are understood by their neighbours (evaluation).
UNSEEN = {
    "vixen", "limousine", "motorbike", "sofa", "cottage", "warship", "crimson", "pony", "automobile", "kitty",
    "hound", "violet", "cab", "aircraft", "yacht", "scarlet", "blossom", "mansion", "spectacles", "bloom",
    "lorry", "jet", "steamer", "serpent", "primate", "feline", "canine", "toadstool", "blaze", "parasol", "fortress",
    "lantern", "gem", "timepiece", "cocoa", "pastry", "whiskey", "goose", "sneakers", "cutlass",
}

# Sprites of fluent-3d that are no things to draw: marks, interface signs, logos, brands' looks, doubtful gestures.
DROPPED = {
    "video game", "middle finger", "eye in speech bubble", "anger symbol", "ZZZ", "hundred points", "collision",
    "left speech bubble", "right anger bubble", "dotted line face", "heart exclamation", "heart decoration",
    "sweat droplets", "dashing away", "hole", "level slider", "control knobs", "film frames", "label", "card index",
    "chart increasing", "chart decreasing", "bar chart", "pushpin", "round pushpin", "paperclip", "linked paperclips",
    "bookmark tabs", "bookmark", "outbox tray", "inbox tray", "incoming envelope", "envelope with arrow",
    "mobile phone with arrow", "pager", "e-mail", "link", "black nib", "placard", "low battery", "muted speaker",
    "speaker low volume", "speaker medium volume", "speaker high volume", "bell with slash", "card index dividers",
    "card file box", "page with curl", "page facing up", "memo", "identification card", "ballot box with ballot",
    "admission tickets", "ticket", "flower playing cards", "mahjong red dragon", "joker", "spade suit", "club suit",
    "diamond suit", "heart suit", "no entry", "fog", "foggy", "wind face", "cyclone", "milky way", "world map",
    "map of Japan", "kaaba", "love hotel", "Japanese post office", "Tokyo tower", "Statue of Liberty", "motorway",
    "railway track", "seat", "wheel", "barber pole", "stop sign", "construction", "police car light", "bus stop",
    "new moon", "globe with meridians", "hamsa", "nazar amulet", "hair pick", "drop of blood", "dna", "x-ray", "mirror",
    "pinching hand", "index pointing at the viewer", "vulcan salute", "cigarette", "pill", "coffin", "funeral urn",
    "headstone", "breast-feeding", "pregnant man", "deaf man", "deaf woman", "deaf person", "military medal",
    "reminder ribbon", "slot machine", "fax machine", "dvd", "optical disk", "computer disk", "videocassette",
    "oncoming fist", "left-facing fist", "right-facing fist", "sunrise", "sunset", "cityscape at dusk",
    "bridge at night", "night with stars", "sunrise over mountains", "roll of paper", "bubbles", "white cane",
}
