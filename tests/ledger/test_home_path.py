"""账本的路径照字面：``?``、``%41``、空格、中文都是那个目录的名字。"""

from pathlib import Path

import pytest

from pam_deploy_graph.ledger import Ledger
from pam_deploy_graph.settings import Settings


@pytest.mark.parametrize("name", ["a?b", "a%41b", "a b", "机场", "a?mode=ro&x=1"])
def test_the_folder_is_that_very_folder(name: str, tmp_path: Path) -> None:
    """账本就在那个目录里，旁边没有别的。"""
    home = tmp_path / name
    settings = Settings()
    Ledger(settings.store_url(home)).close()
    assert (home / "runtime" / "pam.db").is_file()
    assert settings.has_store(home)
    assert [one.name for one in tmp_path.iterdir()] == [name]
