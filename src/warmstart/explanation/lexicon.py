"""What labels, roles and kinds of things are called, in English and in Chinese."""

from dataclasses import dataclass
from typing import Literal

from warmstart.data.columns import plain

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Noun:
    """What an item is called: one and many in English, the measure word and the noun in Chinese, and other words."""

    one: str
    many: str
    measure: str
    chinese: str
    others: tuple[str, ...] = ()
    chinese_others: tuple[str, ...] = ()
    is_work: bool = True


NOUNS = {
    "title": Noun("title", "titles", "个", "条目", ("item", "items"), is_work=False),
    "film": Noun("film", "films", "部", "电影", ("movie", "movies"), ("影片", "片子", "该片", "本片", "片")),
    "book": Noun("book", "books", "本", "书", ("volume", "volumes"), ("图书", "书籍", "本书", "该书")),
    "song": Noun("song", "songs", "首", "歌曲", ("track", "tracks"), ("曲目",)),
    "artist": Noun("artist", "artists", "位", "艺人", is_work=False),
    "game": Noun("game", "games", "款", "游戏"),
    "course": Noun("course", "courses", "门", "课程"),
    "article": Noun("article", "articles", "篇", "文章"),
    "video": Noun("video", "videos", "个", "视频"),
    "product": Noun("product", "products", "款", "商品", ("item", "items"), ("产品",), is_work=False),
    "recipe": Noun("recipe", "recipes", "份", "食谱"),
    "place": Noun("place", "places", "个", "地点", is_work=False),
}
"""What items can be called; ``title`` where nobody said."""


@dataclass(frozen=True, slots=True)
class Role:
    """What an attribute says of an item: the words that claim it, and how the templates say it.

    Args:
        columns: names of columns, plain form, that hold it.
        kind: ``labels``, ``names``, ``number`` or ``year``.
        cues: English words of which each claims the role.
        chinese_cues: the same in Chinese.
        said: English, with ``{}`` for the list; one and many.
        chinese: Chinese, with ``{}`` for the list.
    """

    columns: tuple[str, ...]
    kind: Literal["labels", "names", "number", "year"]
    cues: tuple[str, ...] = ()
    chinese_cues: tuple[str, ...] = ()
    said: tuple[str, str] = ("", "")
    chinese: str = ""


ROLES = {
    "genre": Role(
        ("genre", "genres", "label", "labels", "category", "categories"),
        "labels",
        said=("Its genre is {}.", "Its genres are {}."),
        chinese="类型为{}。",
    ),
    "year": Role(("year", "releaseyear", "publicationyear", "yearofpublication", "yearreleased", "published"), "year"),
    "director": Role(
        ("director", "directors", "directedby"),
        "names",
        ("directed", "directed by", "director", "directors", "directs"),
        ("执导", "导演"),
        ("It was directed by {}.", "It was directed by {}."),
        "导演是{}。",
    ),
    "actor": Role(
        ("actor", "actors", "cast", "stars", "starring"),
        "names",
        ("starring", "stars", "star", "starred", "plays", "cast", "actor", "actors"),
        ("主演", "演员", "出演"),
        ("It stars {}.", "It stars {}."),
        "主演是{}。",
    ),
    "author": Role(
        ("author", "authors", "writer", "writers", "bookauthor", "writtenby"),
        "names",
        ("written", "written by", "wrote", "author", "authors", "writer", "writers"),
        ("作者", "所著", "撰写", "编剧"),
        ("It was written by {}.", "It was written by {}."),
        "作者是{}。",
    ),
    "artist": Role(
        ("artist", "artists", "singer", "band", "performer", "performers"),
        "names",
        ("performed", "performed by", "artist", "artists", "performer", "performers"),
        ("演唱", "表演者", "艺人"),
        ("It is performed by {}.", "It is performed by {}."),
        "表演者是{}。",
    ),
    "composer": Role(
        ("composer", "composers"),
        "names",
        ("composed", "composed by", "composer", "composers"),
        ("作曲",),
        ("It was composed by {}.", "It was composed by {}."),
        "作曲是{}。",
    ),
    "teacher": Role(
        ("teacher", "teachers", "instructor", "instructors", "lecturer"),
        "names",
        ("taught", "taught by", "teacher", "teachers", "instructor", "instructors"),
        ("授课", "讲师", "教师"),
        ("It is taught by {}.", "It is taught by {}."),
        "讲师是{}。",
    ),
    "studio": Role(
        ("studio", "studios", "productioncompany", "productioncompanies"),
        "names",
        ("produced", "produced by", "studio", "studios"),
        ("出品", "制片公司", "制作公司"),
        ("It was produced by {}.", "It was produced by {}."),
        "制片公司是{}。",
    ),
    "publisher": Role(
        ("publisher", "publishers", "publishedby"),
        "names",
        ("published by", "publisher", "publishers"),
        ("出版社", "出版方", "出版"),
        ("It was published by {}.", "It was published by {}."),
        "出版方是{}。",
    ),
    "brand": Role(
        ("brand", "brands", "manufacturer", "maker"),
        "names",
        ("brand", "brands", "made by", "maker"),
        ("品牌",),
        ("The brand is {}.", "The brands are {}."),
        "品牌是{}。",
    ),
    "country": Role(
        ("country", "countries", "productioncountry", "productioncountries"),
        "names",
        ("country", "countries", "comes from", "come from"),
        ("国家", "来自"),
        ("It comes from {}.", "It comes from {}."),
        "国家为{}。",
    ),
    "language": Role(
        ("language", "languages", "originallanguage"),
        "names",
        ("language", "languages"),
        ("语言",),
        ("The language is {}.", "The languages are {}."),
        "语言为{}。",
    ),
    "pages": Role(
        ("pages", "page", "pagecount", "numpages", "numberofpages"),
        "number",
        ("pages", "page"),
        ("页",),
        ("It has {} pages.", "It has {} pages."),
        "全书共{}页。",
    ),
}
"""Roles that are known; any other column of labels is an attribute under its own name."""

MAKERS = frozenset({"director", "author", "artist", "composer", "teacher", "brand"})
"""Roles of whom a thing is said to be ``by``."""
ROLE_OF = {column: role for role, one in ROLES.items() for column in one.columns}

_LABELS = """
    action/action films/动作/动作片; adventure/adventures/冒险/冒险片; animation/animated/动画/动画片;
    anime//动漫; children/children's/儿童; comedy/comedies/喜剧/喜剧片; crime/crimes/犯罪/犯罪片;
    documentary/documentaries/纪录/纪录片; drama/dramas/剧情/剧情片; family//家庭/家庭片;
    fantasy/fantasies/奇幻/奇幻片; film-noir/film noir/noir/黑色/黑色电影;
    history/historical/histories/历史/历史片; horror//恐怖/恐怖片; imax//IMAX; musical/musicals/歌舞/歌舞片;
    music//音乐; mystery/mysteries/悬疑/悬疑片; romance/romances/爱情/爱情片; sci-fi/science
    fiction/science-fiction/scifi/科幻/科幻片; sport/sports/体育; thriller/thrillers/惊悚/惊悚片; tv movie/tv
    movies/电视电影; war//战争/战争片; western/westerns/西部/西部片; biography/biographies/传记/传记片;
    short/shorts/短片; rock//摇滚; pop//流行; jazz//爵士; classical//古典; hip-hop/hip hop/嘻哈;
    electronic//电子; country//乡村; folk//民谣; blues//蓝调; metal//金属; soul//灵魂乐; reggae//雷鬼;
    punk//朋克; rap//说唱; fiction//小说; non-fiction/nonfiction/非虚构; poetry//诗歌; essays//散文;
    cooking//烹饪; travel//旅行; politics//政治; business//商业; technology//科技; science//科学; health//健康;
    education//教育; philosophy//哲学; religion//宗教; art//艺术; psychology//心理学; economics//经济;
    computers//计算机; mathematics//数学; self-help//励志; comics//漫画; news//新闻; entertainment//娱乐;
    finance//财经; weather//天气; world//国际; culture//文化; food//美食; fashion//时尚; beauty//美妆;
    puzzle/puzzles/益智; strategy//策略; simulation/simulations/模拟; racing//竞速; shooter/shooters/射击;
    platformer/platformers/平台; role-playing/rpg/角色扮演; kitchen//厨房; garden//园艺; electronics//电子产品;
    clothing//服装; shoes//鞋; toys//玩具; books//图书; office//办公; pets//宠物; jewelry//首饰;
    furniture//家具; programming//编程; design//设计; languages//语言学习"""


@dataclass(frozen=True, slots=True)
class Label:
    """A known label: how it may be written in English and in Chinese, the first of each as the templates write it."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]


def _read(entry: str) -> Label:
    forms = [form.strip() for form in entry.split("/") if form.strip()]
    english = [form for form in forms if form.isascii() and form != "IMAX"]
    chinese = [form for form in forms if not form.isascii() or form == "IMAX"]
    return Label(tuple(dict.fromkeys(english)), tuple(chinese))


LABELS = {label.english[0]: label for label in map(_read, " ".join(_LABELS.split()).split(";"))}
_BY_FORM = {plain(form): label for label in LABELS.values() for form in label.english}
ATTRIBUTIVE = {"children": "children's", "sci-fi": "science-fiction", "imax": "IMAX", "tv movie": "TV", "rpg": "RPG"}
"""How a label stands before a noun, where that is not its own name in small letters."""


def label_of(value: str) -> Label | None:
    """Return the known label that is written like ``value``, None for one that is not known.

    Example:
        >>> from warmstart.explanation.lexicon import label_of
        >>> label_of("Science Fiction").chinese, label_of("Steampunk")
        (('科幻', '科幻片'), None)
    """
    return _BY_FORM.get(plain(value))


def english_forms(value: str) -> tuple[str, ...]:
    """Return how a label may be written in English: as it is, known other names, and a plain plural.

    Example:
        >>> from warmstart.explanation.lexicon import english_forms
        >>> english_forms("Steampunk"), english_forms("Comedy")
        (('Steampunk', 'Steampunks'), ('Comedy', 'comedy', 'comedies'))
    """
    known = label_of(value)
    if known is None:
        return (value, f"{value}s") if value.isascii() and value[-1:].isalpha() and value[-1] not in "sS" else (value,)
    before_noun = ATTRIBUTIVE.get(known.english[0], value)
    return tuple(dict.fromkeys((value, *known.english, before_noun)))


def chinese_forms(value: str) -> tuple[str, ...]:
    """Return how a label may be written in Chinese; as it is where it is not known.

    Example:
        >>> from warmstart.explanation.lexicon import chinese_forms
        >>> chinese_forms("War"), chinese_forms("Steampunk")
        (('战争', '战争片', 'War'), ('Steampunk',))
    """
    known = label_of(value)
    return (value,) if known is None else (*known.chinese, value)
