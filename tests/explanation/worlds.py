"""Facts that tests speak of, and fakes of language models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from warmstart.explanation.facts import Attribute, Because, Facts, ItemFacts, Met, item_facts
from warmstart.explanation.lexicon import LABELS, NOUNS, ROLES
from warmstart.representation.language_model import Generated

KINDS = {
    "genres": "multi",
    "director": "categorical",
    "actors": "multi",
    "country": "categorical",
    "colour": "categorical",
}


def film(title, genres, **more):
    return item_facts({"title": title, "genres": genres, **more}, KINDS)


HEAT = film(
    "Heat (1995)", "Action|Crime|Thriller", director="Michael Mann", actors="Al Pacino|Robert De Niro", country="USA"
)
MATRIX = film("Matrix, The (1999)", "Action|Sci-Fi|Thriller")
ALIEN, TITANIC = film("Alien (1979)", "Horror|Sci-Fi"), film("Titanic (1997)", "Drama|Romance")
RONIN, ALIENS = film("Ronin (1998)", "Action|Crime|Thriller"), film("Aliens (1986)", "Action|Adventure|Horror|Sci-Fi")
PLAIN_HEAT = film("Heat (1995)", "Action|Crime|Thriller")
BOOK = item_facts(
    {
        "title": "Dispossessed, The",
        "author": "Ursula K. Le Guin",
        "genres": "Science Fiction",
        "publisher": "Harper & Row",
        "year": 1974,
        "pages": 341,
    },
    KINDS,
)
SCALE = item_facts({"title": "Kitchen Scale", "brand": "Acme", "category": "Kitchen", "colour": "Red"}, KINDS)
LIKED_HEAT, LIKED_ALIEN, DISLIKED = Met(PLAIN_HEAT, "liked"), Met(ALIEN, "liked"), Met(TITANIC, "disliked")

WORLDS = {
    "heat": Facts("item", (HEAT,), what="film"),
    "matrix": Facts("item", (MATRIX,), what="film"),
    "book": Facts("item", (BOOK,), what="book"),
    "scale": Facts("item", (SCALE,), what="product"),
    "personal": Facts(
        "personal",
        (RONIN, ALIENS),
        (LIKED_HEAT, LIKED_ALIEN, DISLIKED),
        (Because("event", speaks_for=True, met=LIKED_HEAT), Because("event", speaks_for=True, met=LIKED_ALIEN)),
        "film",
    ),
    "why": Facts(
        "explanation",
        (RONIN,),
        (LIKED_HEAT, LIKED_ALIEN, DISLIKED),
        (
            Because("event", speaks_for=True, met=LIKED_HEAT),
            Because("prior", speaks_for=True),
            Because("event", speaks_for=True, met=LIKED_ALIEN),
            Because("event", speaks_for=False, met=DISLIKED),
            Because("attribute", speaks_for=True, name="age"),
        ),
        "film",
    ),
}


@dataclass
class Scripted:
    """A fake model that says what it is told to, and keeps what it was asked."""

    says: Callable[[str], str]
    asked: list[str] = field(default_factory=list)
    ended: str = "stop"

    def generate(self, prompts: Sequence[str], **how) -> list[Generated]:
        self.asked += prompts
        return [Generated(self.says(prompt), 1, 1, self.ended) for prompt in prompts]  # type: ignore[arg-type]


LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Po", "Ps", "Pe", "Sm", "Zs", "Cf", "Mn"])
TITLES = st.one_of(
    st.text(LETTERS, max_size=40),
    st.text(max_size=60),
    st.sampled_from(
        [
            *("Heat (1995)", "Matrix, The (1999)", "Best. Film? Ever!", "+1 (2013)", "It", "Not a Drama", "$ (1971)"),
            *(
                "L'Atalante (1934)",
                "Auberge espagnole, L' (2002)",
                "1984",
                "[REC] (2007)",
                "8 1/2",
                "卧虎藏龙 (2000)",
                "千と千尋",
            ),
            *(
                '"Great Performances" Cats (1998)',
                "Say \N{RIGHT DOUBLE QUOTATION MARK}no\N{RIGHT DOUBLE QUOTATION MARK}",
                "《红楼梦》",
                "Mr. & Mrs. Smith",
            ),
            *("You liked Heat", "Because of the Cats", "Drama", "1995 (1995)", "Dr. No (1962)", "A.I. (2001)", "Who?"),
        ]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        ["Michael Mann", "Robert De Niro Jr.", "Ursula K. Le Guin", "Acme", "O'Neill & Sons", "张艺谋", "Åsa"]
    ),
    st.text(LETTERS, max_size=20),
)
LABEL_VALUES = st.one_of(
    st.sampled_from([*LABELS, "Children's", "IMAX", "Science Fiction", "(no genres listed)", "Steampunk", "武侠"]),
    NAMES,
)
NAMED = sorted(role for role, one in ROLES.items() if one.kind == "names")
YEARS = st.one_of(st.none(), st.integers(1000, 2999))


@st.composite
def items(draw) -> ItemFacts:
    """An item of which anything may be missing, read as a table's row is."""
    row: dict[str, object] = {"title": draw(st.one_of(st.none(), TITLES)), "year": draw(YEARS)}
    row["genres"] = draw(st.one_of(st.none(), st.lists(LABEL_VALUES, max_size=5)))
    for role in draw(st.sets(st.sampled_from(NAMED), max_size=3)):
        row[role] = draw(st.lists(NAMES, min_size=1, max_size=2))
    row["pages"] = draw(st.one_of(st.none(), st.integers(-5, 10_000)))
    row[draw(st.sampled_from(["colour", "shoe size", "颜色", "x_y", "mood"]))] = draw(
        st.one_of(st.none(), LABEL_VALUES)
    )
    kinds = {
        "genres": "multi",
        "colour": "categorical",
        "shoe size": "categorical",
        "颜色": "categorical",
        "mood": "multi",
    }
    return item_facts(row, kinds)


@st.composite
def mets(draw) -> Met:
    """Something that somebody did."""
    done = draw(st.sampled_from(["liked", "disliked", "rated", "met"]))
    value = draw(st.floats(0.5, 5).map(lambda number: round(number * 2) / 2)) if done == "rated" else None
    return Met(draw(items()), done, value)


@st.composite
def all_facts(draw, kind: str | None = None) -> Facts:
    """Facts of any kind of text."""
    kind = kind or draw(st.sampled_from(["item", "personal", "explanation"]))
    what = draw(st.sampled_from(list(NOUNS)))
    if kind == "item":
        return Facts("item", (draw(items()),), what=what)
    events = tuple(draw(st.lists(mets(), max_size=3)))
    named = [one for one in events if one.item.title is not None]
    reasons = [Because("event", speaks_for=kind == "personal" or draw(st.booleans()), met=one) for one in named]
    if kind == "explanation":
        others = [Because("prior", draw(st.booleans())), Because("text", draw(st.booleans()))]
        others += [Because("attribute", draw(st.booleans()), name="age")]
        reasons += draw(st.lists(st.sampled_from(others), unique_by=lambda one: one.kind))
        reasons = draw(st.permutations(reasons))
        return Facts("explanation", (draw(items()),), events, tuple(reasons), what)
    listed = tuple(draw(st.lists(items(), min_size=1, max_size=3)))
    kept = tuple(reasons) if draw(st.booleans()) else (Because("prior", speaks_for=True),) * (not events)
    return Facts("personal", listed, events, kept, what)


def attribute(role: str, *values: str) -> Attribute:
    return Attribute(role, role, values, f"items.{role}")
