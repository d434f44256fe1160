"""命令 ``repair``：两份记录对不上、或丢了一份的运行，另开一次接着做。"""

import typer

from pam_deploy_graph.cli import options as o
from pam_deploy_graph.i18n import msgid, tr


def repair(
    run_id: o.RunId,
    targets: o.Targets = [],  # noqa: B006  typer 要求可重复选项以列表为默认值，这里只读
    home: o.Home = o.HERE,
    as_json: o.Json = False,
) -> None:
    """记录对不上的运行到此为止，另开一次：查清每台的实情，给出新的计划请人批准。"""
    from pam_deploy_graph.cli.command_session import open_session
    from pam_deploy_graph.cli.desk import open_desk
    from pam_deploy_graph.inputs.addresses import expand_ips
    from pam_deploy_graph.runs.lookup import refuse_server, require_records
    from pam_deploy_graph.runs.registration import RunRequest, register
    from pam_deploy_graph.runs.repair import repair as repaired_input

    settings = o.settings_for(home)
    refuse_server(settings)
    require_records(settings, home, run_id)
    with (
        open_desk(home, plain=as_json) as desk,
        open_session(home, desk, as_json=as_json, settings=settings, may_replace=True) as session,
    ):
        driver = session.at_home()
        services = driver.services
        found = repaired_input(services, run_id, driver.remembered(run_id))
        ended = msgid("运行 {run_id} 到此为止；另开运行 {successor} 接着做，动手之前先看新的计划")
        session.say(tr(ended, run_id=run_id, successor=found.run_id))
        scope = expand_ips(",".join(targets)) if targets else found.scope
        if scope is None:
            why = tr(
                "账本里没有运行 {run_id} 的范围，检查点里也没有记；请说明要做哪几台（target_ips）。", run_id=run_id
            )
            control = found.control | {"execution_strategy": found.strategy}
            asked = session.run(found.run_id, lambda: driver.ask_scope(found.run_id, found.params, control, why))
            raise typer.Exit(asked)
        request = RunRequest(
            found.params,
            found.strategy,
            run_id=found.run_id,
            home=services.home,
            environment=services.settings.params(),
            control_params=found.control,
            target_ips=scope,
        )
        register(services.ledger, request)
        raise typer.Exit(session.run(found.run_id, lambda: driver.start(found.run_id)))
