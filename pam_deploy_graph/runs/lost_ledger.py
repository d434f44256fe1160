"""丢了的账本：检查点还知道运行，账本却不在了；说出来，绝不悄悄换一份空的。"""

from pathlib import Path

from pam_deploy_graph.errors import RecordsDisagreeError
from pam_deploy_graph.i18n import tr
from pam_deploy_graph.settings import Settings


def refuse_lost(settings: Settings, home: Path) -> None:
    """账本不在而检查点知道运行的，停下。

    Raises:
        RecordsDisagreeError: 账本丢了；消息说明检查点知道哪几次运行、怎么办。

    """
    if settings.has_store(home):
        return
    from pam_deploy_graph.checkpoint_store import known_threads

    checkpoints = Path(settings.checkpoint_store(home))
    if names := known_threads(checkpoints):
        raise RecordsDisagreeError(
            tr(
                "账本 {store_url} 不在，而检查点 {checkpoints} 知道运行 {names}：账本丢了，或 "
                "PAM_STORE_URL 变了。没有新建账本；从备份放回它，没有备份就用 repair {names2} "
                "逐次接着做；这些运行都不要了，就把检查点文件移走",
                store_url=settings.store_url(home),
                checkpoints=checkpoints,
                names=tr("、").join(names),
                names2=names[0],
            )
        )
