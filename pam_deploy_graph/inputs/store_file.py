"""账本在不在，只看它的地址与文件。"""

from pathlib import Path


def holds_ledger(home: Path) -> bool:
    """这个目录里有没有账本：有的才读它的 ``.env``。"""
    return (home / "runtime" / "pam.db").is_file()


def store_is_there(url: str) -> bool:
    """账本在不在；别的机器上的数据库算在，没有权限看的也算在：由打开的人去说。"""
    path = Path(url.removeprefix("sqlite:///"))
    try:  # 建到一半就死了的是空文件，还不是账本
        return not url.startswith("sqlite:") or path.stat().st_size > 0 or Path(f"{path}-wal").exists()
    except PermissionError:
        return True
    except OSError:
        return False
