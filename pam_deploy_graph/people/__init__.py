"""谁是谁：账户文件里的人、各机场的角色、口令与令牌的散列、SSH 公钥（contract 第 8 节）。"""

from pam_deploy_graph.people.account_file import NOBODY, PeopleBook, Person, open_people

__all__ = ["NOBODY", "PeopleBook", "Person", "open_people"]
