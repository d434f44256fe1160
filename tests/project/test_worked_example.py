"""对话的例子：重新走一遍得到的页面与入库的相同。"""

import pytest

from tools import worked_example


@pytest.mark.slow
def test_page_is_what_the_program_shows() -> None:
    """页面是程序真的显示过的；改了程序的话，页面要重新生成。"""
    assert worked_example.main(["--check"]) == 0
