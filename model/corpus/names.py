"""The words that generated programs are written in. Both sides of every contrast draw from the same lists."""


def split(text: str, by: str | None = None) -> tuple[str, ...]:
    """The words of `text` in their order, each once."""
    return tuple(dict.fromkeys(text.split(by)))


VARIABLES = split(
    "x y z a b c d e i j k m n p q r s t u v w "
    "name item count total result data text line word key value index size length current left right first "
    "last start end width height price score user node path file order level state code number color title "
    "message email age date year month day time speed weight rate amount limit step offset length depth row "
    "column point position parent child root head tail target source label kind type status mode option "
    "token char letter token buffer output input config temp max_size min_size user_id file_name "
    "new_value old_value is_valid found done flag ready active visible enabled"
)

# Any variable may be an accumulator; this one is so often enough to be a task of its own.
CURRENT = "current"

PLURALS = split(
    "items values names lines words keys numbers users nodes files rows results scores points letters parts "
    "tokens records entries prices colors labels options args tasks events messages orders children groups "
    "data text args queue stack"
)

VERBS = split(
    "get set load save read write find make build check update process parse print_all run count add remove "
    "sort filter send open_file close start stop reset create delete merge split join compute show test "
    "is_valid has_value is_empty can_move handle format convert apply move draw"
)

METHODS = split("append add remove write send push show log update insert print join find index")

STRING_METHODS = split("strip lower upper split title")

CLASSES = split(
    "User Node Item Point Shape Account Stack Queue Player Car Animal Book Order Product Task Event Config "
    "Counter Parser Reader Writer Game Circle Person Message Graph Tree Table Line File Model Test"
)

BASES = split("object Exception Base Node Shape Animal Item Model ValueError")

# What strings, comments and docstrings say.
WORDS = split(
    "hello world the a value is not found done error please enter your name file line user data ready start "
    "end new old first last list of items number total time welcome to this test message invalid input "
    "missing key all good bad red blue green yes no open closed on off left right up down size price order "
    "text word cat dog apple tree house book page code run stop wait next title main for with in and count "
    "result loading saved empty full true false type path more"
)

PHRASES = split(
    "hello world/hello/file not found/not found/invalid input/please enter a number/please enter your name/"
    "enter your name:/enter a number:/the end/done/error/start/end of file/loading data/no data/no results/"
    "good morning/welcome to the game/game over/you win/try again/time is up/all done/not a number/"
    "key not found/missing value/the list is empty/the value is not valid/this is a test/result/total/"
    "saved to file/new message/the first line/the last line/get the value/set the value/check the value/"
    "return the result/return the first item/read the file/write the file/add the item/remove the item/"
    "find the key/count the words/update the score/open the door/close the file/the quick brown fox/"
    "a list of names/number of items/one more time/left and right/up and down/red and blue/yes or no/"
    "the name of the user/the price of the book/the size of the list/the color of the car",
    by="/",
)

# Words after which an f-string turns to a brace and a plain string to one more word.
LEAD_INS = split("is to of for with at by from has are named called got was")

IMPORTS = split("os sys re json math random time csv copy string logging datetime itertools collections")

# The stem alone tells whether the file is read or written.
READ_STEMS = split("input config data source template settings users words train names book")
WRITE_STEMS = split("output result report log summary backup target results copy export dest")
EXTENSIONS = split(".txt .json .csv .md .dat .py .html")
FOLDERS = split("files/ tmp/ home/ docs/")
