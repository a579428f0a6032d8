# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of what the model is shown: things, colours, who wears what, and the shares of the kinds of scenes."""

# noun | sprite | natural colours (may be left out of the caption) | other words for it
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
""".strip()

# Further things, for the wide stage (--wide).
MORE = """
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
sofa | couch and lamp | blue | couch
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

# Single-coloured things that are also shown in other colours, by turning their main hue.
RECOLOUR = ["car", "balloon", "heart", "t-shirt", "dress", "backpack", "teapot"]
HUES = {"red": 0, "orange": 27, "yellow": 48, "green": 138, "blue": 212, "purple": 272, "pink": 330}

BACKGROUNDS = {
    "white": (255, 255, 255), "red": (214, 48, 49), "orange": (250, 152, 58), "yellow": (255, 221, 89),
    "green": (88, 184, 108), "blue": (66, 134, 244), "purple": (146, 93, 214), "pink": (255, 168, 203),
    "black": (24, 24, 28), "gray": (150, 154, 160),
}

# Animals that wear sunglasses and ride a skateboard: centre of the eyes (x, y) and width of the glasses, in parts
# of the sprite's width and height.
RIDERS = {
    "fox": (0.50, 0.585, 0.74), "dog": (0.50, 0.40, 0.66), "cat": (0.50, 0.52, 0.70), "panda": (0.50, 0.57, 0.70),
    "bear": (0.50, 0.47, 0.66), "koala": (0.50, 0.50, 0.62), "lion": (0.50, 0.47, 0.52), "tiger": (0.50, 0.45, 0.66),
    "rabbit": (0.50, 0.60, 0.76), "monkey": (0.50, 0.42, 0.60), "pig": (0.50, 0.47, 0.66), "wolf": (0.50, 0.55, 0.64),
}

SCALES = [0.94, 0.96, 0.98, 1.0]

# Shares of the kinds of scenes (the rest are single things).
SHARE = {"recolour": 0.07, "glasses": 0.06, "ride": 0.06, "both": 0.06}
DEFAULT_BACKGROUND = 0.5  # share of scenes on white, whose captions mostly do not say so

# Riders of the wide stage besides: other faces that take glasses and a hat.
MORE_RIDERS = {
    "polar bear": (0.50, 0.47, 0.66), "raccoon": (0.50, 0.50, 0.66), "cow": (0.50, 0.38, 0.52),
    "mouse": (0.50, 0.48, 0.52), "penguin": (0.50, 0.27, 0.50), "owl": (0.50, 0.27, 0.80),
    "robot": (0.50, 0.47, 0.66), "ghost": (0.50, 0.33, 0.60), "skull": (0.50, 0.45, 0.76),
    "alien": (0.50, 0.50, 0.74), "pumpkin": (0.50, 0.48, 0.70), "smiley face": (0.50, 0.40, 0.80),
    "teddy bear": (0.50, 0.24, 0.44), "santa claus": (0.47, 0.50, 0.56),
}
HATS = {"top hat": (0.06, 0.62), "crown": (0.06, 0.56)}  # middle of the hat's lower edge (y) and its width
WIDE_SHARE = {"recolour": 0.07, "glasses": 0.06, "ride": 0.05, "both": 0.05, "hat": 0.05, "pair": 0.16, "count": 0.06}
WIDE_SCALES, WIDE_SHIFT = [0.82, 0.88, 0.94, 1.0, 1.06], 5
ONE_WAY = {"key", "pencil", "book", "police car", "ambulance", "taxi"}  # not shown mirrored
RELATIONS = ["and", "and", "next to", "left of", "right of", "above", "below"]
NUMBERS = {2: "two", 3: "three", 4: "four"}
PLURALS = {"mouse": "mice", "wolf": "wolves", "fish": "fish", "sheep": "sheep", "man": "men", "woman": "women",
           "strawberry": "strawberries", "butterfly": "butterflies", "ladybug": "ladybugs", "cherry": "cherries",
           "fox": "foxes", "bus": "buses", "dress": "dresses", "box": "boxes", "octopus": "octopuses", "deer": "deer",
           "cactus": "cactuses", "church": "churches", "peach": "peaches", "wave": "waves", "baby": "babies"}
