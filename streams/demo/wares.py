"""What the demo's shop sells, and what its shoppers say about it."""

from __future__ import annotations

from typing import Final, NamedTuple


class Item(NamedTuple):
    """Something on the shelf; the price is in euros."""

    item_id: str
    category: str
    price: float


#: Category: price of its cheapest item, and what people type to find it.
_SHELVES: Final[dict[str, tuple[float, tuple[str, ...]]]] = {
    "coffee": (6.9, ("espresso beans", "decaf", "filter coffee", "fair trade coffee")),
    "tea": (4.5, ("green tea", "earl grey", "loose leaf tea", "herbal tea")),
    "kitchen": (12.0, ("chef knife", "cast iron pan", "french press", "mixing bowl")),
    "garden": (8.5, ("tomato seeds", "watering can", "plant pots", "pruning shears")),
    "books": (9.9, ("cook book", "crime novel", "travel guide", "children books")),
    "toys": (7.5, ("wooden train", "puzzle 1000", "board game", "plush bear")),
    "sports": (14.0, ("running socks", "yoga mat", "water bottle", "resistance band")),
    "beauty": (5.9, ("hand cream", "shampoo bar", "sun screen", "lip balm")),
    "clothing": (19.0, ("wool socks", "rain jacket", "linen shirt", "winter hat")),
    "pets": (6.5, ("cat food", "dog leash", "bird seed", "litter")),
}
_ITEMS_EACH: Final = 30

CATEGORIES: Final = tuple(_SHELVES)
QUERIES: Final = {category: queries for category, (_, queries) in _SHELVES.items()}
ITEMS: Final = {
    category: tuple(
        Item(f"{category}-{number:03d}", category, round(cheapest * (1 + number * number / 180), 2))
        for number in range(_ITEMS_EACH)
    )
    for category, (cheapest, _) in _SHELVES.items()
}

COMPLAINTS: Final = (
    "My parcel has been on its way for three weeks and nobody answers.",
    "Second time the wrong item arrives. I am really disappointed.",
    "The box was open and half of it was missing.",
    "I was charged twice and support keeps sending me the same reply.",
    "Delivery promised for Friday, it is now Wednesday. Not acceptable.",
    "Broke after two days. I want my money back.",
    "Your courier left it in the rain, everything is ruined.",
    "I cancelled this order and you shipped it anyway.",
)
BAD_REVIEWS: Final = (
    "Poor quality, looks nothing like the picture.",
    "Stopped working after a week. Never again.",
    "Far too expensive for what it is.",
    "Arrived damaged and the return was a nightmare.",
    "Cheap material, terrible smell.",
)
MIXED_REVIEWS: Final = (
    "It is all right, but I expected more.",
    "Does the job. Delivery took long.",
    "Okay for the price.",
)
GOOD_REVIEWS: Final = (
    "Exactly what I was looking for, thank you!",
    "Great quality and fast delivery.",
    "Love it, already my third order.",
    "Lovely present, well packed.",
    "Good value, would buy again.",
    "Works perfectly.",
)
