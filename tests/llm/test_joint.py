"""几个机场一起做的话：哪几座、次序、试点、同时几座、坏满几台；听不准的先问（contract 第 8 节）。"""

import pytest

from pam_deploy_graph.llm import RuleBasedLlmClient, read_joint

ALL = ("PEK", "PVG", "CAN")
PLAIN = {"APP_NAME": "checkin", "MODULE_NAME": "gate", "VERSION_NUMBER": "1.2.3"}


@pytest.mark.parametrize(
    ("text", "airports", "pilot", "at_once", "failures", "control"),
    [
        (
            "把首都、浦东、白云三个机场的 checkin gate 升到 1.2.3，先首都，没问题再其余，同时两个机场",
            ALL,
            "PEK",
            2,
            0,
            {},
        ),
        ("首都和浦东的 checkin gate 升到 1.2.3", ALL[:2], "", 1, 0, {}),
        (
            "把PEK、PVG、CAN的checkin gate升到1.2.3，先做PEK，做好了再做其他机场，每批5台，失败3台就停",
            ALL,
            "PEK",
            1,
            0,
            {"max_parallel": 5, "max_failures": 3},
        ),
        (
            "首都、浦东、白云三个机场的 checkin gate 升到 1.2.3，先白云再首都再浦东，一共坏满5台就停",
            ("CAN", "PEK", "PVG"),
            "",
            1,
            5,
            {},
        ),
        (
            "首都、浦东、白云 checkin gate 升到 1.2.3，首都作为试点，同时做 2 座机场，先灰度 1 台",
            ALL,
            "PEK",
            2,
            0,
            {"canary": 1},
        ),
        (
            "upgrade checkin gate to 1.2.3 at PEK, PVG and CAN, PEK first then the rest, two airports at a time",
            ALL,
            "PEK",
            2,
            0,
            {},
        ),
    ],
)
def test_heard(
    text: str, airports: tuple[str, ...], pilot: str, at_once: int, failures: int, control: dict[str, int]
) -> None:
    """听准了的；其余的话照一座机场读，一个字也不多。"""
    found = read_joint(text)
    assert found is not None
    assert (found.airports, found.pilot, found.at_once, found.max_failures) == (airports, pilot, at_once, failures)
    rest = RuleBasedLlmClient().extract_params(found.rest, {"AIRPORT_CODE": found.airports[0]})
    assert {name: rest.extracted_params[name] for name in PLAIN} == PLAIN
    assert (rest.control_params, rest.missing_params, rest.notes, found.doubts) == (control, [], [], ())


@pytest.mark.parametrize(
    "text",
    [
        "首都、浦东两个机场 checkin gate 升到 1.2.3，同时两个",
        "把首都的 checkin gate 升到 1.2.3，浦东不动",
        "首都、浦东三个机场 checkin gate 升到 1.2.3",
        "把首都、浦东、白云三个机场的 checkin gate 升到 1.2.3，白云明天再做",
        "首都、浦东、白云 checkin gate 升到 1.2.3，试点首都，试点浦东",
        "首都、浦东、白云 checkin gate 升到 1.2.3，同时两个机场，一次三个机场",
    ],
)
def test_doubtful(text: str) -> None:
    """听不准的说出哪里听不准。"""
    found = read_joint(text)
    assert found is not None
    assert found.doubts


@pytest.mark.parametrize(
    "text", ["首都 checkin gate 升到 1.2.3", "首都说错了，是浦东，checkin gate 升到 1.2.3", "首都、上海 checkin gate"]
)
def test_one_airport(text: str) -> None:
    """一座的、更正了的、还有一座定不下来的，照平常的部署去听。"""
    assert read_joint(text) is None
