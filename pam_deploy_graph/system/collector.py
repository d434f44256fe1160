"""垃圾回收：一条命令不值得为载入的几万个对象反复地找垃圾。"""

import atexit
import gc
from typing import Final

_BETWEEN: Final = (50_000, 20, 100)
"""多造出这么多对象才找一遍；照 Python 的默认，只是载入就要找上百遍，占去启动的五分之一。"""


def spare_collector() -> None:
    """少找几遍；进程结束时不再找最后一遍：内存随进程还给系统，该收拾的各有人收拾。"""
    gc.set_threshold(*_BETWEEN)
    atexit.register(gc.freeze)
