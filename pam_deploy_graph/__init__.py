"""pam_deploy_graph：面向机场共享工作站的部署智能体。"""

__version__ = "0.1.0"

__all__ = ["__version__"]
